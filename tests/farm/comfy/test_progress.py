from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm_app.comfy import events
from farm_app.comfy.progress import Progress
from tests.farm.comfy.recorded import recording


def graph_of(name: str) -> dict[str, Any]:
    graph: dict[str, Any] = recording(name).exchanges("POST /prompt")[0]["json"]["prompt"]
    return graph


def walk(name: str, found: Sequence[events.Event] = ()) -> list[Progress]:
    seen = [Progress.begin(graph_of(name))]
    for event in found or recording(name).events():
        seen.append(seen[-1].after(event))
    return seen


GRAPH = graph_of("01-txt2img")


@pytest.mark.parametrize("name", ["01-txt2img", "10-two-samplers"])
def test_a_recorded_run_goes_up_from_nothing_to_all(name: str) -> None:
    fractions = [progress.fraction for progress in walk(name)]
    assert fractions[0] == 0.0
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_phases_follow_the_work() -> None:
    phases = [progress.phase for progress in walk("01-txt2img")]
    assert list(dict.fromkeys(phases)) == ["loading", "sampling", "decoding", "saving"]


def test_it_counts_the_steps_of_the_sampler() -> None:
    sampling = [p for p in walk("01-txt2img") if p.phase == "sampling"]
    assert (sampling[0].step, sampling[0].steps) == (0, 4)
    assert {p.step for p in sampling} == {0, 1, 2, 3, 4}
    assert {p.steps for p in sampling} == {4}


def test_the_second_sampler_continues_where_the_first_ended() -> None:
    seen = [p for p in walk("10-two-samplers") if p.phase == "sampling"]
    first = [p.fraction for p in seen if p.node_id == "3"]
    second = [p.fraction for p in seen if p.node_id == "13"]
    assert max(first) <= min(second)
    assert max(second) - min(second) > max(first) - min(first)  # 6 steps against 4


def test_only_success_completes_it() -> None:
    found = recording("01-txt2img").events()
    without = [event for event in found if not isinstance(event, events.Succeeded)]
    assert walk("01-txt2img", without)[-1].fraction < 1.0


def test_cached_nodes_count_for_nothing() -> None:
    warm = Progress.begin(GRAPH).after(events.Cached("p", ("4", "5", "6", "7")))
    half = warm.after(events.Executing("p", "3", "3")).after(events.Progressed("p", "3", 2, 4))
    assert warm.fraction == 0.0
    cold = Progress.begin(GRAPH).after(events.Executing("p", "3", "3"))
    assert half.fraction > cold.after(events.Progressed("p", "3", 2, 4)).fraction


def test_a_state_alone_moves_it_too() -> None:
    states = [e for e in recording("01-txt2img").events() if isinstance(e, events.ProgressState)]
    last = walk("01-txt2img", states)[-1]
    assert last.phase == "saving"
    assert 0.5 < last.fraction < 1.0


def test_an_expanded_node_works_as_the_one_that_we_know() -> None:
    graph = {**GRAPH, "80": {"class_type": "ProbeExpand", "inputs": {}}}
    progress = Progress.begin(graph).after(events.Executing("p", "80.0.0.1", "80"))
    assert progress.node_id == "80"
    assert progress.after(events.Progressed("p", "80.0.0.2", 1, 1)).node_id == "80"


@pytest.mark.parametrize(("value", "maximum"), [(9, 4), (1, 0), (-3, 4), (2, -4), (1e300, 1)])
def test_a_senseless_step_stays_within_bounds(value: float, maximum: float) -> None:
    begun = Progress.begin(GRAPH).after(events.Executing("p", "3", "3"))
    progress = begun.after(events.Progressed("p", "3", value, maximum))
    assert 0 <= progress.step <= max(progress.steps, 4)
    assert begun.fraction <= progress.fraction < 1.0


def test_a_graph_of_junk_has_progress_too() -> None:
    progress = Progress.begin({"1": None, "2": {"class_type": 7, "inputs": []}})
    assert progress.after(events.Executing("p", "1", "1")).fraction == 0.0


NODES = st.sampled_from(["3", "4", "5", "6", "7", "8", "9", "13", "80.0.1", "nope", ""])
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-5, 50).map(float)
STATES = st.fixed_dictionaries(
    {
        "display_node_id": NODES,
        "value": NUMBERS,
        "max": NUMBERS,
        "state": st.sampled_from(["running", "finished"]),
    }
)
EVENTS = st.one_of(
    st.builds(events.Cached, st.just("p"), st.lists(NODES, max_size=5).map(tuple)),
    st.builds(events.Executing, st.just("p"), st.none() | NODES, st.none() | NODES),
    st.builds(events.Progressed, st.just("p"), st.none() | NODES, NUMBERS, NUMBERS),
    st.builds(events.ProgressState, st.just("p"), st.dictionaries(NODES, STATES, max_size=4)),
    st.builds(events.Executed, st.just("p"), st.none() | NODES, st.just(())),
    st.builds(events.Succeeded, st.just("p")),
    st.builds(events.Started, st.just("p")),
    st.builds(events.Unknown, st.just("junk")),
)


@given(st.lists(EVENTS, max_size=30))
def test_it_never_falls_and_stays_between_none_and_all(found: list[events.Event]) -> None:
    seen = walk("10-two-samplers", [events.Started("p"), *found])
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions)
    assert all(0.0 <= fraction <= 1.0 for fraction in fractions)
    assert all(0 <= progress.step <= progress.steps for progress in seen)
