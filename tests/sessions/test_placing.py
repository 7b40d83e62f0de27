"""From a form or a Continue to an order: which values, which kept pixels, on which node."""

from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from farm_app.models import GpuNode, Job
from gallery_app.models import MediaFile
from sessions_app.forms import AskForm, family_values, starting_values
from sessions_app.funnel import DEFAULT_STAGES, UPSCALE_STAGE, with_family
from sessions_app.models import Generation, Round, WorkSession
from sessions_app.order import CannotPlace, Order
from sessions_app.picking import large_context
from sessions_app.placing import _spread, continue_session, order_from_form, place_asked
from sessions_app.table import Table
from tests import factories


def ordered(session: WorkSession, stage: int = 0, **typed: Any) -> tuple[AskForm, Order]:
    values = {**starting_values(session, stage), "prompt": "a lighthouse", **typed}
    table = Table(session, stage)
    form = AskForm(values, session=session, stage=stage, have=table.farm_families)
    assert form.is_valid(), form.errors
    return form, order_from_form(form, table)


def advanced(session: WorkSession, index: int = 0, after: int = 0) -> Round:
    return continue_session(session, Table(session, index), owner=None, after=after)


def kept(session: WorkSession, count: int, **changes: Any) -> list[MediaFile]:
    made = factories.pictures(count, of=session, flag="keep", **changes)
    return [one.picture for one in made if one.picture]


def sources(placed: Round) -> list[MediaFile | None]:
    return [one.job.source for one in factories.takes(placed)]


def test_a_draft_is_drawn_from_words_alone(studio: None) -> None:
    _, order = ordered(factories.session(), seed="7", node_mode="only", node="gpu-draft")
    assert (order.sources, order.seed, order.work) == ([], "7", "draft")
    assert "denoise" not in order.values
    assert (order.node_mode, order.node) == ("only", GpuNode.objects.get(slug="gpu-draft"))


def test_a_refinement_starts_from_the_kept_pixels_in_turn(studio: None) -> None:
    session = factories.session()
    first, second = kept(session, 2)
    _, order = ordered(session, 1, count="5")
    assert list(order.sources) == [first, first, first, second, second]
    assert order.values["denoise"] == 0.55


def test_a_refinement_without_kept_pictures_says_what_to_do(studio: None) -> None:
    with pytest.raises(CannotPlace) as fault:
        ordered(factories.session(), 1)
    assert fault.value.sentence == "Refined starts from kept pictures, and none is kept in Drafts."
    assert (fault.value.fix, fault.value.field_name) == ("Keep one in Drafts.", "prompt")


def test_flux_gets_its_guidance_in_place_of_cfg(studio: None) -> None:
    factories.node("gpu-flux", has=("flux",), vram_gb=24)
    for typed, guidance in (({}, 3.5), ({"cfg": "3.0"}, 3.0), ({"cfg": "1"}, 1.0)):
        session = factories.session()
        form, order = ordered(session, **{**family_values("flux"), **typed})
        assert (order.values["guidance"], order.values["cfg"]) == (guidance, 1.0)
        job = factories.takes(place_asked(session, order, form, owner=None))[0].job
        assert (job.values["guidance"], job.recipe["cfg"]) == (guidance, guidance)
        assert ("Guidance", str(guidance), str(guidance)) in large_context(job.generation)["facts"]
    _, order = ordered(factories.session())
    assert "guidance" not in order.values


def test_the_first_prompt_names_the_session_and_the_form_is_remembered(studio: None) -> None:
    session = WorkSession.begin()
    form, order = ordered(session, prompt="a lighthouse\nat night")
    placed = place_asked(session, order, form, owner=None)
    session.refresh_from_db()
    assert session.title == "a lighthouse at night"
    assert placed.values["prompt"] == "a lighthouse\nat night" == session.last_form(0)["prompt"]
    assert "submission_key" not in session.last_form(0)
    assert placed.group.origin_args == [session.slug]


@given(st.integers(0, 9), st.integers(1, 60))
def test_sources_are_spread_evenly_and_in_order(pictures: int, count: int) -> None:
    spread = _spread([MediaFile(path=str(place)) for place in range(pictures)], count)
    if not pictures:
        assert spread == []
        return
    places = [int(one.path) for one in spread]
    shares = [places.count(place) for place in range(pictures)]
    assert len(spread) == count
    assert places == sorted(places)
    assert max(shares) - min(shares) <= 1


def test_continue_gives_each_kept_one_its_variations(studio: None) -> None:
    session = factories.session()
    pictures = kept(session, 3)
    placed = advanced(session)
    assert (placed.stage, placed.stage_name) == (1, "Refined")
    assert sources(placed) == [
        one for one, n in zip(pictures, (3, 3, 2), strict=True) for _ in range(n)
    ]
    job = factories.takes(placed)[0].job
    assert (job.values["denoise"], job.values["width"], job.values["steps"]) == (0.55, 1024, 14)
    assert job.group.family == "sdxl"


def test_continue_carries_the_words_of_the_stage_before(studio: None) -> None:
    session = factories.session()
    form, order = ordered(session, prompt="a fox", negative="fog")
    placed = place_asked(session, order, form, owner=None)
    factories.finish(factories.takes(placed), flag="keep")
    session.remember_form(1, {"prompt": "old words", "steps": 33})
    following = advanced(session)
    job = factories.takes(following)[0].job
    assert (job.values["prompt"], job.values["negative"]) == ("a fox", "fog")
    assert job.recipe["steps"] == 33
    session.refresh_from_db()
    assert session.last_form(1)["prompt"] == "a fox"


def test_continue_draws_with_a_checkpoint_that_is_there(studio: None, client: Client) -> None:
    session = factories.session()
    kept(session, 1)
    session.remember_form(1, {"checkpoint": "gone.safetensors"})
    response = client.post(f"{session.url}continue/?stage=1&after=0", follow=True)
    assert Job.objects.latest("pk").values["checkpoint"] == "sdxl-base.safetensors"
    assert "No node has gone.safetensors any more; sdxl-base" in response.content.decode()


def test_continue_draws_seeds_of_its_own(studio: None) -> None:
    session = factories.session()
    kept(session, 8, seed="100")
    seeds = {one.job.seed for one in factories.takes(advanced(session))}
    assert len(seeds) == 8
    assert not seeds & {str(number) for number in range(100, 108)}


def test_continue_keeps_to_the_node_that_its_stage_last_asked_for(studio: None) -> None:
    session = factories.session()
    kept(session, 1)
    session.remember_form(1, {"node_mode": "only", "node": "gpu-quality"})
    group = advanced(session).group
    assert (group.node_mode, str(group.node)) == ("only", "gpu-quality")
    GpuNode.objects.filter(slug="gpu-quality").update(is_enabled=False)
    group = advanced(session, after=8).group
    assert (group.node_mode, group.node) == ("any", None)


def test_two_presses_of_continue_on_one_page_are_one_round(studio: None) -> None:
    session = factories.session()
    kept(session, 8)
    first = advanced(session)
    assert advanced(session) == first
    assert advanced(session, after=8) != first
    assert Job.objects.count() == 8 * 3


def test_continue_makes_nothing_of_nothing_kept(studio: None) -> None:
    session = factories.session()
    factories.pictures(2, of=session)
    with pytest.raises(CannotPlace, match="Keep at least one picture"):
        advanced(session)
    assert Job.objects.count() == 2


def test_a_verdict_taken_back_meanwhile_places_nothing(studio: None) -> None:
    session = factories.session()
    kept(session, 1)
    table = Table(session, 0)
    assert not table.cannot_continue
    MediaFile.objects.update(flag="")
    with pytest.raises(CannotPlace, match="Keep at least one picture"):
        continue_session(session, table, owner=None, after=0)
    assert Round.objects.count() == 1


def test_continue_deletes_and_trashes_nothing(studio: None) -> None:
    session = factories.session()
    kept(session, 1)
    factories.pictures(1, of=session, flag="drop")
    advanced(session)
    assert MediaFile.objects.shown().count() == 2
    assert Generation.objects.of_stage(session, 0).count() == 2


def test_continue_says_what_the_farm_lacks(studio: None) -> None:
    session = factories.session()
    session.set_stages((DEFAULT_STAGES[0], with_family(DEFAULT_STAGES[1], "flux")))
    kept(session, 1)
    with pytest.raises(CannotPlace, match=r"No node has FLUX\.1\."):
        advanced(session)
    session.remember_form(1, {"family": "sdxl"})  # whoever chose another family there may go on
    assert advanced(session).group.family == "sdxl"


def test_an_upscale_stage_enlarges_each_kept_one(studio: None) -> None:
    session = factories.session()
    session.set_stages((DEFAULT_STAGES[0], UPSCALE_STAGE))
    pictures = kept(session, 2)
    placed = advanced(session)
    assert sources(placed) == pictures
    assert (placed.group.work, placed.group.family) == ("upscale", "")
    assert placed.group.version.template.slug == "upscale_esrgan"


def test_a_farm_without_an_upscale_model_says_so(studio: None) -> None:
    session = factories.session()
    session.set_stages((DEFAULT_STAGES[0], UPSCALE_STAGE))
    kept(session, 1)
    GpuNode.objects.filter(slug="gpu-premium").update(is_enabled=False)
    with pytest.raises(CannotPlace, match="No node has an upscale model"):
        advanced(session)


def test_a_second_file_of_a_job_is_no_source(studio: None) -> None:
    session = factories.session()
    (one,) = factories.pictures(1, of=session, flag="keep")
    factories.second_output(one, flag="keep")
    assert set(sources(advanced(session))) == {one.picture}
