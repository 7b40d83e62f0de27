"""The prompt form: what it takes, and what it says beside the field where it does not."""

from typing import Any

import pytest
from django.http import QueryDict

from farm_app.models import GpuNode, NodeModel, WorkflowTemplate
from sessions_app.forms import AskForm, family_values, starting_values, tokens_of
from sessions_app.table import families_of_farm
from tests import factories

WHOLE = "Enter a whole number."
NUMBER = "Enter a number."
PLAIN = "Write the number with the digits 0 to 9."
LIMITS = {"steps": (1, 150), "width": (64, 4096), "height": (64, 4096), "count": (1, 500)}
SEED = "A whole number from 0 to 18446744073709551615, or nothing for random ones."
CHOICE = "Select a valid choice. {} is not one of the available choices."


def asked(stage: int = 0, /, **typed: Any) -> AskForm:
    session = factories.session()
    values = {**starting_values(session, stage), "prompt": "a lighthouse", **typed}
    form = AskForm(values, session=session, stage=stage, have=families_of_farm())
    form.full_clean()
    return form


def said(form: AskForm) -> dict[str, list[str]]:
    return {name: [str(one) for one in errors] for name, errors in form.errors.items()}


def repair(form: AskForm, name: str) -> Any:
    params = form.errors[name].as_data()[0].params
    assert params is not None
    return params["use"]


def test_what_a_session_starts_with_is_accepted_as_it_is(studio: None) -> None:
    form = asked()
    assert not form.errors
    assert form.cleaned_data["family"] == "sd15"
    assert form.cleaned_data["checkpoint"] == "sd15-base.safetensors"
    assert (form.cleaned_data["count"], form.cleaned_data["steps"]) == (20, 10)


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("typed", ["1000000000", "9223372036854775808", "1" * 400])
def test_a_whole_number_that_is_too_large_offers_the_largest(
    studio: None, name: str, typed: str
) -> None:
    low, high = LIMITS[name]
    form = asked(**{name: typed})
    assert said(form) == {name: [f"Must be from {low} to {high}."]}
    assert repair(form, name) == str(high)


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("typed", ["0", "-1", "-" + "1" * 400])
def test_a_whole_number_that_is_too_small_offers_the_smallest(
    studio: None, name: str, typed: str
) -> None:
    low, high = LIMITS[name]
    form = asked(**{name: typed})
    assert said(form) == {name: [f"Must be from {low} to {high}."]}
    assert repair(form, name) == str(low)


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "This field is required."),
        ("1e400", WHOLE),
        ("1e3", WHOLE),
        ("NaN", WHOLE),
        ("inf", WHOLE),
        ("12.5", WHOLE),
        ("0x40", WHOLE),
        ("many", WHOLE),
        ("1" * 5000, WHOLE),
        ("\u0661\u0662", PLAIN),
        ("\uff16\uff14", PLAIN),
        ("6_4", PLAIN),
    ],
)
def test_what_is_no_whole_number_is_refused(
    studio: None, name: str, typed: str, sentence: str
) -> None:
    assert said(asked(**{name: typed})) == {name: [sentence]}


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "This field is required."),
        ("inf", NUMBER),
        ("-inf", NUMBER),
        ("NaN", NUMBER),
        ("1e400", NUMBER),
        ("1" * 5000, NUMBER),
        ("seven", NUMBER),
        ("\u0667", PLAIN),
        ("7_0", PLAIN),
        ("-1", "Must be from 0 to 30."),
        ("1e9", "Must be from 0 to 30."),
    ],
)
def test_a_guidance_that_is_no_fit_number_is_refused(
    studio: None, typed: str, sentence: str
) -> None:
    assert said(asked(cfg=typed)) == {"cfg": [sentence]}


@pytest.mark.parametrize("typed", ["0", "1.5", "inf", "NaN", "1e400", "\u0660"])
def test_a_denoise_out_of_range_is_refused_from_the_second_stage_on(
    studio: None, typed: str
) -> None:
    assert set(said(asked(1, denoise=typed))) == {"denoise"}
    assert not asked(0, denoise=typed).errors  # the first stage has no source to keep


@pytest.mark.parametrize(
    ("typed", "nearest"), [("67", 64), ("70", 72), ("511", 512), ("4095", 4096), ("65", 64)]
)
def test_a_size_off_the_grid_offers_the_nearest(studio: None, typed: str, nearest: int) -> None:
    form = asked(width=typed)
    assert said(form) == {"width": [f"Must be a multiple of 8. Nearest: {nearest}."]}
    assert repair(form, "width") == nearest
    assert not asked(width=str(nearest)).errors


@pytest.mark.parametrize(
    "typed", ["-1", "1.5", str(2**64), "9" * 5000, "\u0661\u0662", "0x1", "1_0", "abc"]
)
def test_a_seed_is_a_whole_number_of_sixty_four_bits(studio: None, typed: str) -> None:
    assert said(asked(seed=typed)) == {"seed": [SEED]}


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("", ""),
        ("  ", ""),
        ("0", "0"),
        ("007", "7"),
        ("0" * 5000, "0"),
        ("18 446 744 073 709 551 615", str(2**64 - 1)),
    ],
)
def test_a_seed_may_be_empty_or_grouped(studio: None, typed: str, kept: str) -> None:
    form = asked(seed=typed)
    assert not form.errors
    assert form.cleaned_data["seed"] == kept


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Write what the picture shows."),
        (" \n\t ", "Write what the picture shows."),
        ("x" * 1_000_000, "1,000,000 characters are too many; at most 20,000."),
        ("é" * 20_001, "20,001 characters are too many; at most 20,000."),
        ("a\0b", "Null characters are not allowed."),
        ("a\ud800b", "It holds half a character, which is no text."),
    ],
)
def test_a_prompt_that_is_none_is_refused(studio: None, typed: str, sentence: str) -> None:
    assert said(asked(prompt=typed)) == {"prompt": [sentence]}


@pytest.mark.parametrize("typed", ["x" * 20_001, "a\0b", "\udfff"])
def test_a_negative_prompt_has_the_same_limits_but_may_be_empty(studio: None, typed: str) -> None:
    assert set(said(asked(negative=typed))) == {"negative"}
    assert not asked(negative="").errors


@pytest.mark.parametrize(
    "typed",
    [
        "he said \"no\" and \\ 'yes'",
        "{{seed}} {% debug %} ${x} %s {0} $(id)",
        "line one\nline two\n\n  indented, trailing  ",
        "</script><svg onload=alert(1)>",
        "\u202eright to left\u200b\u0301" + "\u0301" * 1000,
        "🎬 é é 夜",
        "x" * 20_000,
    ],
)
def test_any_other_text_is_kept_byte_for_byte(studio: None, typed: str) -> None:
    form = asked(prompt=typed, negative=typed)
    assert not form.errors
    assert form.cleaned_data["prompt"] == typed == form.cleaned_data["negative"]


def test_line_ends_of_browsers_are_undone_and_others_left_alone(studio: None) -> None:
    typed, session = "one\r\ntwo\rthree\n", factories.session()
    sent = QueryDict(mutable=True)
    sent.update({**starting_values(session, 0), "prompt": typed})
    browser = AskForm(sent, session=session, stage=0, have=families_of_farm())
    assert not browser.errors
    assert browser.cleaned_data["prompt"] == "one\ntwo\rthree\n"
    assert asked(prompt=typed).cleaned_data["prompt"] == typed


def test_a_family_that_the_farm_lacks_is_refused_and_names_what_it_has(studio: None) -> None:
    errors = said(asked(**family_values("flux")))
    assert errors == {"family": ["No node has FLUX.1. This farm has SD 1.5, SDXL."]}
    assert said(asked(family="../../etc")).keys() >= {"family"}


def test_a_farm_without_nodes_says_so(studio: None) -> None:
    GpuNode.objects.update(is_enabled=False)
    assert said(asked())["family"] == ["There is no node yet. Add one on the Farm page."]


def test_a_family_of_a_node_that_does_not_answer_may_still_be_asked_for(studio: None) -> None:
    GpuNode.objects.update(health="offline")
    assert not asked().errors


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("sampler", "'; drop table"),
        ("scheduler", "none of them"),
        ("node_mode", "maybe"),
        ("size", "1x1"),
    ],
)
def test_only_what_is_offered_can_be_chosen(studio: None, name: str, typed: str) -> None:
    assert said(asked(**{name: typed})) == {name: [CHOICE.format(typed)]}


@pytest.mark.parametrize("typed", ["../../x", "/etc/passwd", "sdxl-base.safetensors"])
def test_only_a_checkpoint_of_the_family_can_be_chosen(studio: None, typed: str) -> None:
    assert said(asked(checkpoint=typed)) == {"checkpoint": [f"No node has {typed} for this model."]}


def test_only_nodes_that_are_switched_on_can_be_chosen(studio: None) -> None:
    wish = {"node_mode": "only", "node": "gpu-draft"}
    assert asked(**wish).cleaned_data["node"] == GpuNode.objects.get(slug="gpu-draft")
    GpuNode.objects.filter(slug="gpu-draft").update(is_enabled=False)
    assert set(said(asked(**wish))) == {"node"}
    assert said(asked(node_mode="prefer"))["node"] == ["Choose the node that you mean."]


def test_a_template_may_be_narrower_than_the_form(studio: None) -> None:
    form = asked(cfg="0.5")
    assert said(form) == {"cfg": ["Must be from 1 to 30."]}
    assert repair(form, "cfg") == "1"
    template = WorkflowTemplate.objects.get(slug="sd15_txt2img")
    assert template.current is not None
    narrow = {**template.current.parameters["steps"], "maximum": 12}
    template.add_version(template.current.graph, {**template.current.parameters, "steps": narrow})
    assert said(asked(steps="13")) == {"steps": ["Must be from 1 to 12."]}


def test_the_guidance_of_flux_has_limits_of_its_own(studio: None) -> None:
    factories.node("gpu-flux", has=("flux",))
    flux = family_values("flux")
    assert not asked(**{**flux, "cfg": "0.5"}).errors
    assert said(asked(**{**flux, "cfg": "25"})) == {"cfg": ["Must be from 0 to 20."]}


def samplers(form: AskForm) -> list[str]:
    return [one for one, _ in form.fields["sampler"].choices]  # type: ignore[attr-defined]


def test_a_node_that_draws_something_else_or_is_down_takes_no_sampler_away(studio: None) -> None:
    GpuNode.objects.update(samplers=["euler", "ddim"])
    factories.node("odd", has=("flux",), samplers=["lcm"])
    assert samplers(asked()) == ["euler", "ddim"]
    factories.node("away", samplers=["ddim"], health="offline")
    assert samplers(asked()) == ["euler", "ddim"]
    GpuNode.objects.exclude(slug="away").update(health="offline")
    assert samplers(asked()) == ["ddim"]


def test_nodes_without_a_sampler_in_common_offer_those_of_any(studio: None) -> None:
    GpuNode.objects.update(samplers=["euler"], schedulers=["normal"])
    GpuNode.objects.filter(slug="gpu-draft").update(samplers=["zeta"])
    form = asked()
    assert samplers(form) == ["euler", "zeta"]
    assert not form.errors


def test_the_form_starts_with_what_its_template_says_and_then_with_what_its_stage_says(
    studio: None,
) -> None:
    said_there = {"cfg": 2, "sampler": "lcm", "width": 640, "steps": 99, "scheduler": ["odd"]}
    WorkflowTemplate.objects.filter(slug="sd15_txt2img").update(default_params=said_there)
    start = starting_values(factories.session(), 0)
    assert (start["cfg"], start["sampler"], start["scheduler"]) == (2, "lcm", "normal")
    assert (start["width"], start["steps"]) == (512, 10)
    chosen = family_values("sd15")
    assert (chosen["cfg"], chosen["width"], chosen["size"]) == (2, 640, "custom")
    assert family_values("sd15", from_picture=True)["width"] == 512


def test_a_family_keeps_its_own_guidance_where_its_template_serves_several(studio: None) -> None:
    found = {family: family_values(family) for family in ("pony", "illustrious", "flux")}
    assert [one["cfg"] for one in found.values()] == [7.0, 5.5, 3.5]
    assert [one["sampler"] for one in found.values()] == [*["euler_ancestral"] * 2, "euler"]


def test_a_checkpoint_that_no_node_has_any_more_gives_way_to_the_usual_one(studio: None) -> None:
    session = factories.session()
    session.remember_form(0, {"family": "sd15", "checkpoint": "gone.safetensors"})
    form = AskForm(session=session, stage=0, have=families_of_farm())
    assert form["checkpoint"].value() == "sd15-base.safetensors"
    said_so = "No node has gone.safetensors any more; sd15-base.safetensors takes its place."
    assert form["checkpoint"].help_text == said_so
    other = AskForm(
        session=session, stage=0, have=families_of_farm(), initial=family_values("sdxl")
    )
    assert other["checkpoint"].help_text == ""
    late = asked(checkpoint="gone.safetensors")
    assert said(late) == {"checkpoint": ["No node has gone.safetensors for this model."]}
    assert repair(late, "checkpoint") == "sd15-base.safetensors"


def test_samplers_are_those_that_every_node_knows(studio: None) -> None:
    GpuNode.objects.update(samplers=["zeta", "euler", "ddim"], schedulers=["normal", "karras"])
    GpuNode.objects.filter(slug="gpu-draft").update(samplers=["euler", "zeta"])
    form = asked()
    assert samplers(form) == ["euler", "zeta"]
    assert said(asked(sampler="ddim")) == {"sampler": [CHOICE.format("ddim")]}


def test_the_checkpoint_to_begin_with_is_the_admins_else_the_commonest(studio: None) -> None:
    rare = factories.model_file(
        GpuNode.objects.get(slug="gpu-draft"), "SD15\\Rare.safetensors", family="sd15"
    )
    assert starting_values(factories.session(), 0)["checkpoint"] == "sd15-base.safetensors"
    NodeModel.objects.filter(pk=rare.pk).update(is_preferred=True)
    assert starting_values(factories.session(), 0)["checkpoint"] == "rare.safetensors"


def test_a_form_says_again_what_was_asked_last_and_words_follow_to_later_stages(
    studio: None,
) -> None:
    form = asked(prompt="a fox", seed="5", steps="12", node_mode="only", node="gpu-draft")
    assert not form.errors
    form.session.remember_form(0, form.remembered())
    again = starting_values(form.session, 0)
    assert (again["prompt"], again["seed"], again["steps"]) == ("a fox", "5", 12)
    assert (again["node_mode"], again["node"]) == ("only", "gpu-draft")
    assert starting_values(form.session, 1)["prompt"] == "a fox"
    assert starting_values(form.session, 1)["seed"] == ""


def test_every_form_has_a_submission_key_of_its_own(studio: None) -> None:
    session = factories.session()
    keys = {starting_values(session, 0)["submission_key"] for _ in range(3)}
    assert len(keys) == 3
    assert said(asked(submission_key="k" * 41)).keys() == {"submission_key"}


def test_tokens_are_counted_as_the_family_reads_them() -> None:
    assert (tokens_of("a lighthouse", "sd15").count, tokens_of("", "sd15").window) == (2, 75)
    assert tokens_of("a lighthouse", "flux").window > 75
    assert tokens_of("word " * 100, "sd15").over


def test_a_text_beyond_all_limits_is_not_counted_to_its_end() -> None:
    assert tokens_of("a " * 500_000, "sd15").count == tokens_of("a " * 10_000, "sd15").count
