"""Spans laid out on an axis: nothing is lost or drawn twice, labels fit, and a busy day is bounded."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm_app.timeline.layout import (
    DONE,
    FAILED,
    LOAD,
    LOST,
    MIXED,
    MOST_BARS,
    MOST_TICKS,
    PHONE_PX,
    PLANNED,
    TIME_PX,
    Axis,
    Span,
    bars,
    fitting,
    merged,
    on_phone,
    thinned,
    tick_step_s,
    ticks,
    within,
)

AXIS = Axis(0.0, 1440.0, 2160.0)
EPS = 1e-6


@st.composite
def lanes(draw: Any, most: int = 60) -> list[Span]:
    """What one node did, one after the other."""
    at_s, made = draw(st.floats(-500, 500)), []
    for _ in range(draw(st.integers(0, most))):
        at_s += draw(st.sampled_from((0.0, 0.1, 3.0, 40.0)))
        length_s = draw(st.floats(0.0, 90.0))
        kind = draw(st.sampled_from((DONE, DONE, DONE, FAILED, LOST, LOAD, PLANNED)))
        label = draw(st.sampled_from(("SDXL", "SD 1.5", "FLUX.1")))
        made.append(Span(at_s, at_s + length_s, kind, label, draw(st.integers(1, 9))))
        at_s += length_s
    return made


@st.composite
def axes(draw: Any) -> Axis:
    start_s = draw(st.floats(0, 1e9))
    before_s, ahead_s = draw(st.floats(60, 1e5)), draw(st.floats(60, 1e4))
    return Axis(start_s, start_s + before_s, start_s + before_s + ahead_s)


@given(lanes(), st.floats(0, 100))
def test_merging_loses_no_picture_and_no_time(spans: list[Span], gap_s: float) -> None:
    for by_label in (True, False):
        found = merged(spans, gap_s, by_label=by_label)
        assert sum(one.count for one in found) == sum(one.count for one in spans)
        for kind in {one.kind for one in spans}:
            assert sum(one.count for one in found if one.kind == kind) == sum(
                one.count for one in spans if one.kind == kind
            )
        if spans:
            assert (found[0].start_s, max(one.end_s for one in found)) == (
                spans[0].start_s,
                max(one.end_s for one in spans),
            )
        assert merged(found, gap_s, by_label=by_label) == found


@given(lanes(), st.floats(0, 100))
def test_neighbours_of_one_kind_and_label_are_one_if_they_touch(
    spans: list[Span], gap_s: float
) -> None:
    for one, other in pairwise(merged(spans, gap_s)):
        is_alike = (one.kind, one.label) == (other.kind, other.label)
        assert not is_alike or other.start_s - one.end_s > gap_s


@given(lanes())
def test_what_one_node_did_is_drawn_in_order_within_the_axis(spans: list[Span]) -> None:
    found = bars(spans, AXIS)
    for bar in found:
        assert 0 <= bar.x <= bar.x + bar.width <= 100 + EPS
        assert bar.width > 0
    seen = [bar.span for bar in found]
    assert all(one.end_s <= other.start_s + EPS for one, other in pairwise(seen))
    assert sum(one.count for one in within(spans, AXIS)) == sum(one.count for one in seen)


@given(lanes())
def test_a_label_is_there_only_where_it_fits(spans: list[Span]) -> None:
    for bar in bars(spans, AXIS):
        assert len(bar.label) * 6.4 + 12 <= bar.width * 11.8 + EPS or not bar.label


@given(st.integers(0, 6000), st.integers(1, 7))
def test_a_busy_day_is_bounded_whatever_happened(count: int, every: int) -> None:
    day = Axis(0.0, 79200.0, 86400.0)
    spans = [
        Span(n * 14.0, n * 14.0 + 13.0, FAILED if n % every == 0 else DONE, f"M{n % 3}")
        for n in range(count)
    ]
    assert len(bars(spans, day)) <= MOST_BARS
    assert len(thinned(spans, day, 5)) <= 5


def test_different_models_too_thin_to_tell_apart_are_one_mixed_bar() -> None:
    day = Axis(0.0, 79200.0, 86400.0)
    spans = [Span(n * 14.0, n * 14.0 + 14.0, DONE, f"M{n % 2}") for n in range(5000)]
    (bar,) = bars(spans, day)
    assert (bar.span.label, bar.span.count) == (MIXED, 5000)


@pytest.mark.parametrize(
    ("px", "expected"), [(200, "SDXL ×12"), (60, "×12"), (20, ""), (63.2, "SDXL ×12")]
)
def test_the_longest_label_that_fits_is_chosen(px: float, expected: str) -> None:
    assert fitting(Span(0, 1, DONE, "SDXL", 12), px) == expected


def test_a_load_needs_no_label() -> None:
    assert fitting(Span(0, 1, LOAD, "SDXL"), 500) == ""


@given(axes(), st.sampled_from((0.0, 3600.0, 20700.0, -34200.0)))
def test_marks_are_few_round_and_clear_of_now(axis: Axis, offset_s: float) -> None:
    found, step = ticks(axis, offset_s), tick_step_s(axis)
    assert len(found) <= MOST_TICKS + 1
    for at_s in found:
        assert axis.start_s < at_s < axis.end_s
        remainder = (at_s + offset_s) % step
        assert min(remainder, step - remainder) < 1e-3
        assert abs(axis.x(at_s) - axis.x(axis.now_s)) > 3


@given(axes(), st.sampled_from((0.0, 3600.0, 20700.0)))
def test_on_a_phone_no_time_covers_another_or_now(axis: Axis, offset_s: float) -> None:
    few = sorted(on_phone(ticks(axis, offset_s), axis))
    places = [axis.x(at_s) / 100 * PHONE_PX for at_s in few]
    assert all(later - one >= TIME_PX - 1e-6 for one, later in pairwise(places))
    now = axis.x(axis.now_s) / 100 * PHONE_PX
    assert all(abs(place - now) >= TIME_PX - 1e-6 for place in places)


def test_an_hour_has_times_on_a_phone_too() -> None:
    axis = Axis(0.0, 3600.0, 4800.0)
    assert len(on_phone(ticks(axis), axis)) >= 2
