"""The stages of a session as a form."""

from typing import Any

import pytest

from sessions_app.funnel import DEFAULT_STAGES, UPSCALE_STAGE, Stage
from sessions_app.stage_forms import StageFormSet, added_stage, stage_initial


def sent(stages: tuple[Stage, ...] = DEFAULT_STAGES, /, **changes: Any) -> dict[str, Any]:
    """Return what a browser sends; ``changes`` are named like ``s1_steps``."""
    data: dict[str, Any] = {
        "form-TOTAL_FORMS": len(stages),
        "form-INITIAL_FORMS": len(stages),
    }
    for place, values in enumerate(stage_initial(stages)):
        data |= {f"form-{place}-{name}": value for name, value in values.items()}
    for name, value in changes.items():
        place_name, _, field = name.partition("_")
        data[f"form-{place_name[1:]}-{field}"] = value
    return data


def formset(data: dict[str, Any], asked: int | None = None) -> Any:
    return StageFormSet(data, initial=stage_initial(DEFAULT_STAGES), asked=asked)


def faults(found: Any) -> list[str]:
    return [str(one) for one in found.non_form_errors()]


def test_it_returns_what_it_was_given() -> None:
    found = formset(sent())
    assert found.is_valid()
    assert found.stages() == DEFAULT_STAGES


def test_every_value_of_a_stage_can_be_changed() -> None:
    found = formset(sent(s1_name="Better", s1_count="5", s1_steps="30", s1_denoise="0.4"))
    assert found.is_valid()
    assert found.stages()[1] == Stage("Better", 5, "sdxl", 1024, 1024, 30, 0.4)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("s0_count", "0"),
        ("s0_count", "501"),
        ("s0_count", "\u0661\u0662"),
        ("s1_steps", "1000000000"),
        ("s1_steps", "1" * 400),
        ("s2_width", "1023"),
        ("s2_height", "-1"),
        ("s2_height", "1e400"),
        ("s3_denoise", "NaN"),
        ("s3_denoise", "0"),
        ("s3_family", "nobody"),
        ("s3_name", ""),
        ("s3_name", "x" * 25),
        ("s3_name", "a\0b"),
    ],
)
def test_a_wrong_value_is_refused_at_its_field(name: str, value: str) -> None:
    found = formset(sent(**{name: value}))
    assert not found.is_valid()
    place, _, field = name.partition("_")
    assert set(found.forms[int(place[1:])].errors) == {field}


def test_a_stage_can_be_taken_out() -> None:
    found = formset(sent(s2_DELETE="on"))
    assert found.is_valid()
    assert [one.name for one in found.stages()] == ["Drafts", "Refined", "Final"]


def test_the_last_stage_that_is_left_cannot_be_taken_out() -> None:
    gone = {f"s{place}_DELETE": "on" for place in range(4)}
    found = formset(sent(**gone))
    assert not found.is_valid()
    assert faults(found) == ["A session needs at least one stage."]


def test_a_stage_with_pictures_in_it_or_after_it_stays() -> None:
    for place in (0, 1):
        found = formset(sent(**{f"s{place}_DELETE": "on"}), asked=1)
        assert not found.is_valid()
        assert "stays: it or a stage after it has pictures" in faults(found)[0]
    assert formset(sent(s2_DELETE="on"), asked=1).is_valid()


def test_two_stages_need_two_names() -> None:
    found = formset(sent(s2_name="rEFINED"))
    assert not found.is_valid()
    assert faults(found) == ["Two stages have the same name."]


def test_an_upscale_cannot_come_first() -> None:
    found = formset(sent((UPSCALE_STAGE, *DEFAULT_STAGES)))
    assert not found.is_valid()
    assert faults(found) == ["The first stage draws from words; an upscale needs a picture."]


def test_an_upscale_has_a_name_and_a_count_only() -> None:
    stages = (*DEFAULT_STAGES, UPSCALE_STAGE)
    found = formset(sent(stages, s4_steps="nonsense", s4_width="-1"))
    assert found.is_valid()
    assert found.stages() == stages


def test_there_are_at_most_eight_stages() -> None:
    many = tuple(Stage(f"Stage {number}", 1, "sd15") for number in range(9))
    assert not formset(sent(many)).is_valid()
    assert formset(sent(many[:8])).is_valid()


def test_an_added_stage_draws_like_the_last_one() -> None:
    added = added_stage("stage", (*DEFAULT_STAGES[:2], UPSCALE_STAGE))
    assert (added.kind, added.family, added.want) == ("draw", "sdxl", 1)
    assert added_stage("upscale", DEFAULT_STAGES) == UPSCALE_STAGE
