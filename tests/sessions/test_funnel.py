"""The arithmetic of the funnel: what Continue makes of so many kept pictures."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.funnel import (
    DEFAULT_STAGES,
    UPSCALE_STAGE,
    Stage,
    advance,
    form_after,
    read_stages,
    with_family,
)

wants = st.integers(1, 500)
kepts = st.integers(1, 500)


def funnel(want: int, *, kind: str = "draw") -> tuple[Stage, ...]:
    return Stage("Drafts", 20, "sd15"), Stage("Refined", want, "sdxl", kind=kind)  # type: ignore[arg-type]


def test_it_begins_with_twenty_quick_drafts_and_ends_with_one_picture() -> None:
    told = [(one.name, one.want, one.family, one.width, one.steps) for one in DEFAULT_STAGES]
    assert told == [
        ("Drafts", 20, "sd15", 512, 10),
        ("Refined", 8, "sdxl", 1024, 25),
        ("Polished", 3, "sdxl", 1024, 35),
        ("Final", 1, "sdxl", 1024, 50),
    ]
    assert [one.denoise for one in DEFAULT_STAGES[1:]] == [0.55, 0.45, 0.35]


def test_the_first_stage_is_draft_work_and_the_rest_quality() -> None:
    assert [one.work for one in DEFAULT_STAGES] == ["draft", "quality", "quality", "quality"]
    assert UPSCALE_STAGE.work == "upscale"


@given(wants, kepts)
def test_a_stage_makes_what_it_wants_unless_more_are_kept(want: int, kept: int) -> None:
    step = advance(funnel(want), 0, kept)
    assert step.count == max(want, kept)
    assert len(step.variations) == kept
    assert step.grows is (kept > want)
    assert not step.problem


@given(wants, kepts)
def test_every_kept_picture_gets_its_share_and_the_first_ones_one_more(
    want: int, kept: int
) -> None:
    shares = advance(funnel(want), 0, kept).variations
    assert min(shares) >= 1
    assert max(shares) - min(shares) <= 1
    assert list(shares) == sorted(shares, reverse=True)


@given(wants, kepts)
def test_an_upscale_stage_makes_exactly_one_of_each(want: int, kept: int) -> None:
    step = advance(funnel(want, kind="upscale"), 0, kept)
    assert step.variations == (1,) * kept
    assert step.grows is (kept > want)


def test_nothing_kept_says_why_it_cannot_go_on() -> None:
    step = advance(DEFAULT_STAGES, 0, 0)
    assert step.problem == "Keep at least one picture to continue to Refined."
    assert step.count == 0


@pytest.mark.parametrize("kept", [0, 1, 9])
def test_the_last_stage_goes_nowhere(kept: int) -> None:
    step = advance(DEFAULT_STAGES, 3, kept)
    assert step.stage is None
    assert step.problem == "This is the last stage."


@pytest.mark.parametrize(
    ("want", "kept", "said"),
    [
        (8, 8, "one each"),
        (8, 9, "one each"),
        (8, 4, "two variations each"),
        (8, 1, "8 variations each"),
        (8, 7, "1 gets two variations"),
        (8, 5, "3 get two variations"),
        (8, 3, "2 get three variations"),
    ],
)
def test_it_says_how_the_kept_ones_are_shared_out(want: int, kept: int, said: str) -> None:
    assert advance(funnel(want), 0, kept).detail == said


@given(
    st.lists(
        st.builds(
            Stage,
            name=st.text(min_size=1),
            want=wants,
            family=st.sampled_from(["sd15", "sdxl", ""]),
            denoise=st.floats(0.05, 1),
            kind=st.sampled_from(["draw", "upscale"]),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_stages_survive_being_kept_as_json(stages: list[Stage]) -> None:
    kept = json.loads(json.dumps({"stages": [one.as_json() for one in stages]}))
    assert read_stages(kept) == tuple(stages)


def test_a_session_without_stages_of_its_own_has_the_default_ones() -> None:
    assert read_stages({}) == DEFAULT_STAGES
    assert read_stages({"stages": []}) == DEFAULT_STAGES


def test_a_change_of_family_changes_nothing_else() -> None:
    changed = with_family(DEFAULT_STAGES[1], "sd15")
    assert changed.family == "sd15"
    assert with_family(changed, "sdxl") == DEFAULT_STAGES[1]


def test_what_a_stage_newly_says_wins_over_its_last_form() -> None:
    form = {"prompt": "x", "family": "sdxl", "steps": 99, "cfg": 5.0, "count": 4, "seed": "7"}
    before = DEFAULT_STAGES[1]
    assert form_after(form, before, before) == form
    slower = Stage("Refined", 8, "sdxl", 1024, 1024, 30, 0.55)
    assert form_after(form, before, slower) == {k: v for k, v in form.items() if k != "steps"}
    other = form_after(form, before, Stage("Refined", 9, "sd15", 1024, 1024, 25, 0.55))
    assert other == {"prompt": "x", "steps": 99, "seed": "7"}
