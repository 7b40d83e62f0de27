"""Placing an order: one transaction, frozen values, seeds, places to go, and never twice."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from farm_app.models import GpuNode, Job, JobEvent, JobGroup, Priority, WorkflowTemplate
from farm_app.seed_strategies import SEED_LIMIT
from sessions_app import takes
from sessions_app.models import Generation, Round, WorkSession
from sessions_app.order import CannotPlace, place_round, sampled_steps
from tests import factories

ROWS = (Round, Generation, JobGroup, Job, JobEvent)


def rows() -> list[int]:
    return [model._default_manager.count() for model in ROWS]


def seeds(placed: Round) -> list[str]:
    return [one.job.seed for one in factories.takes(placed)]


def test_it_places_a_job_and_a_tale_for_each_picture(studio: None) -> None:
    factories.placed(3)
    assert rows() == [1, 3, 1, 3, 3]
    assert list(Job.objects.values_list("state", "ordinal")) == [("queued", n) for n in range(3)]
    assert set(JobEvent.objects.values_list("sentence", flat=True)) == {"Asked for."}


def test_it_places_nothing_when_no_template_can_draw_it(studio: None) -> None:
    with pytest.raises(CannotPlace) as fault:
        factories.placed(family="nobody")
    assert fault.value.sentence == "No workflow template draws with nobody."
    assert fault.value.field_name == "family"
    assert rows() == [0] * 5


def test_nothing_is_placed_in_a_session_that_was_deleted_meanwhile(studio: None) -> None:
    session = factories.session()
    takes.delete(WorkSession.objects.get(pk=session.pk))
    with pytest.raises(CannotPlace, match="deleted"):
        factories.placed(3, of=session)
    assert rows() == [0] * 5


def test_the_key_of_another_session_is_another_press(studio: None) -> None:
    first = factories.placed(2, submission_key="k")
    second = factories.placed(1, submission_key="k")
    assert second != first
    assert second.generations.count() == 1


def test_it_places_all_or_nothing(studio: None) -> None:
    with pytest.raises(IndexError):
        factories.placed(3, sources=factories.finish(factories.takes(factories.placed())))
    assert Round.objects.count() == 1
    assert Job.objects.count() == 1


def test_values_are_frozen_when_they_are_asked_for(studio: None) -> None:
    placed = factories.placed(values={"prompt": "first"})
    template = WorkflowTemplate.objects.get(slug="sd15_txt2img")
    first = placed.group.version
    template.add_version(
        first.graph,
        {**first.parameters, "prompt": {**first.parameters["prompt"], "label": "Words"}},
    )
    template.refresh_from_db()
    assert template.current != first
    placed.group.refresh_from_db()
    assert placed.group.version == first
    assert Job.objects.get().values["prompt"] == "first"


def test_a_job_has_the_parameters_of_its_template_and_no_others(studio: None) -> None:
    job = factories.takes(factories.placed(values={"denoise": 0.5, "surprise": 1}))[0].job
    assert "surprise" not in job.values
    assert "denoise" not in job.values
    assert (job.values["steps"], job.values["seed"]) == (10, job.seed)


def test_seeds_count_up_from_the_given_one_and_begin_again_after_the_last(studio: None) -> None:
    assert seeds(factories.placed(3, seed="41")) == ["41", "42", "43"]
    last = SEED_LIMIT - 1
    assert seeds(factories.placed(3, seed=str(last))) == [str(last), "0", "1"]


def test_seeds_are_drawn_from_all_sixty_four_bits(studio: None) -> None:
    drawn = [int(one) for one in seeds(factories.placed(100))]
    assert len(set(drawn)) == 100
    assert all(0 <= one < SEED_LIMIT for one in drawn)
    assert max(drawn) >= 2**63  # fails once in 2**100 runs


def test_the_same_submission_key_is_the_same_round(studio: None) -> None:
    session = factories.session()
    first = factories.placed(2, of=session, submission_key="k")
    before = rows()
    assert factories.placed(2, of=session, submission_key="k") == first
    assert rows() == before


def at_once(session: WorkSession, *keys: str) -> list[Round]:
    """Place an order of two pictures for each key, all at the same moment."""
    together = Barrier(len(keys))

    def press(key: str) -> Round:
        try:
            together.wait(10)
            return place_round(session, factories.order(2, submission_key=key))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(keys)) as pool:
        return list(pool.map(press, keys))


def test_presses_of_one_form_at_the_same_moment_are_one_round(live_studio: None) -> None:
    placed = at_once(factories.session(), *["k"] * 6)
    assert len(set(placed)) == 1
    assert rows()[:4] == [1, 2, 1, 2]


def test_rounds_placed_at_the_same_moment_are_numbered_one_after_the_other(
    live_studio: None,
) -> None:
    session = factories.session()
    placed = at_once(session, *"abcdef")
    assert sorted(one.number for one in placed) == [1, 2, 3, 4, 5, 6]
    numbers = Generation.objects.of_stage(session, 0).values_list("number", flat=True)
    assert list(numbers) == list(range(1, 13))


def test_rounds_and_pictures_are_numbered_on(studio: None) -> None:
    session = factories.session()
    factories.placed(2, of=session)
    second = factories.placed(2, of=session)
    refined = factories.placed(1, of=session, stage=1, stage_name="Refined")
    assert (second.number, refined.number) == (2, 3)
    assert [one.number for one in factories.takes(second)] == [3, 4]
    assert [one.number for one in factories.takes(refined)] == [1]


def test_each_picture_has_a_place_of_its_own_in_the_library(studio: None) -> None:
    session = factories.session("Light & Shadow")
    placed = factories.placed(2, of=session)
    month = timezone.localtime(placed.created).strftime("%Y-%m")
    assert [one.job.destination for one in factories.takes(placed)] == [
        f"sessions/{month}/light-shadow-{session.pk}/drafts/{number:04d}.png" for number in (1, 2)
    ]


def test_a_stage_whose_name_has_no_letters_gets_a_folder_by_number(studio: None) -> None:
    placed = factories.placed(stage=2, stage_name="草稿")
    assert "/stage-3/" in factories.takes(placed)[0].job.destination


def test_the_recipe_says_all_that_is_known_beforehand(studio: None) -> None:
    (source,) = factories.finish(factories.takes(factories.placed()))
    values = {"denoise": 0.5, "steps": 25, "checkpoint": "sd15-base.safetensors"}
    placed = factories.placed(1, sources=[source], values=values, seed="18446744073709551615")
    recipe = factories.takes(placed)[0].job.recipe
    assert recipe["parents"] == [str(source.pk)]
    assert recipe["seed"] == "18446744073709551615"
    assert (recipe["steps"], recipe["denoise"], recipe["model"]) == (
        25,
        0.5,
        "sd15-base.safetensors",
    )
    assert (recipe["v"], recipe["template"], recipe["family"]) == (1, "sd15_img2img", "sd15")
    assert (recipe["session"], recipe["round"]) == (placed.session.slug, placed.number)


def test_a_picture_from_a_picture_starts_from_its_pixels(studio: None) -> None:
    files = factories.finish(factories.takes(factories.placed(2)))
    placed = factories.placed(2, sources=files, values={"denoise": 0.45, "steps": 35})
    assert [one.job.source for one in factories.takes(placed)] == files
    assert placed.group.version.template.slug == "sd15_img2img"
    assert {one.job.values["steps"] for one in factories.takes(placed)} == {16}


@given(st.integers(1, 150), st.floats(0.05, 1.0))
def test_a_change_costs_its_share_of_the_steps(steps: int, denoise: float) -> None:
    run = sampled_steps(steps, denoise)
    assert 1 <= run <= steps
    assert abs(run - steps * denoise) <= 0.5 or run == 1
    assert sampled_steps(steps, 1.0) == steps


def test_drafts_go_before_refinements(studio: None) -> None:
    assert factories.placed().group.priority == Priority.INTERACTIVE
    assert factories.placed(stage=1, stage_name="Refined").group.priority == Priority.REFINE


def test_the_group_knows_who_asks_and_where_to_look(studio: None) -> None:
    node = GpuNode.objects.get(slug="gpu-draft")
    placed = factories.placed(node_mode="only", node=node, work="draft")
    group = placed.group
    assert (group.label, group.work) == ("Lighthouse · Drafts", "draft")
    assert (group.origin_name, group.origin_args) == ("sessions:session", [placed.session.slug])
    assert group.share_key == placed.session.share_key
    assert (group.node_mode, group.node) == ("only", node)


def test_equal_pictures_are_planned_as_one_shape(studio: None) -> None:
    placed = factories.placed(3)
    other = factories.placed(1, values={"width": 768})
    shapes = {one.job.shape for one in factories.takes(placed)}
    assert len(shapes) == 1
    assert factories.takes(other)[0].job.shape not in shapes


def test_placing_touches_the_session(studio: None) -> None:
    past = timezone.now() - dt.timedelta(days=1)
    session = factories.session(updated=past)
    factories.placed(of=session)
    session.refresh_from_db()
    assert session.updated > past


def test_an_upscale_needs_no_family(studio: None) -> None:
    files = factories.finish(factories.takes(factories.placed()))
    order: dict[str, Any] = {"family": "", "work": "upscale", "sources": files}
    placed = factories.placed(1, **order)
    assert placed.group.version.template.slug == "upscale_esrgan"
    assert set(factories.takes(placed)[0].job.values) <= {"upscale_model", "image", "prefix"}


def test_a_farm_without_an_upscale_template_says_so(studio: None) -> None:
    WorkflowTemplate.objects.filter(work="upscale").update(is_enabled=False)
    with pytest.raises(CannotPlace, match="upscales a picture"):
        factories.placed(family="", work="upscale")
