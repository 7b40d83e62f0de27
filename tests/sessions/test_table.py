"""The session page's picture of itself: counts, dots, windows, problems, and the action bar."""

import pytest
from django.test import Client

from eliot.live import forget_what_is_kept
from farm_app import planning
from farm_app.models import GpuNode, WorkflowTemplate
from farm_app.models.states import AttemptState, JobState
from gallery_app.models import MediaFile
from sessions_app.funnel import DEFAULT_STAGES, UPSCALE_STAGE, Stage, with_family
from sessions_app.models import WorkSession
from sessions_app.table import WINDOW, Table, estimate_text
from sessions_app.tallies import tallies
from tests import factories
from tests.markup import Markup


def every_kind(session: WorkSession) -> None:
    """Place one picture of every kind, in the order in which the dots should tell of them."""
    kept, dropped, plain, lost, asks, lacks, runs, stores, gone, *_ = factories.takes(
        factories.placed(10, of=session)
    )
    factories.finish([kept], flag="keep")
    factories.finish([dropped], flag="drop")
    factories.finish([plain])
    factories.failed(lost)
    asks.job.move(JobState.ATTENTION, "It needs you.")
    lacks.job.move(JobState.WAITING, "No node has it.")
    factories.running(runs)
    factories.running(stores, state=AttemptState.PRODUCED, on=GpuNode.objects.get(slug="gpu-draft"))
    gone.job.move(JobState.CANCELLED, "Cancelled.")


def trashed(session: WorkSession) -> MediaFile:
    (one,) = factories.pictures(1, of=session)
    assert one.picture is not None
    factories.on_disk(one.picture).trash()
    return one.picture


def test_every_picture_has_a_mark_and_the_cancelled_none(studio: None) -> None:
    session = factories.session()
    every_kind(session)
    trashed(session)
    tally = tallies(session)[0]
    marks = "kept dropped done failed attention attention rendering rendering todo"
    assert tally.marks == tuple(marks.split())
    assert (tally.total, tally.made, tally.shown, tally.asked) == (9, 3, 10, 11)


def test_stages_and_sessions_are_counted_apart(studio: None) -> None:
    session, other = factories.session(), factories.session()
    factories.pictures(2, of=session)
    factories.placed(3, of=session, stage=1, stage_name="Refined")
    factories.placed(9, of=other)
    assert {stage: tally.total for stage, tally in tallies(session).items()} == {0: 2, 1: 3}
    assert tallies(factories.session()) == {}


def test_a_second_file_of_a_job_is_not_counted(studio: None) -> None:
    session = factories.session()
    (one,) = factories.pictures(1, of=session, flag="keep")
    factories.second_output(one, flag="drop")
    assert tallies(session)[0].marks == ("kept",)
    assert len(Table(session, 0).window()[0]) == 1


def test_an_empty_stage_shows_the_dots_to_come(studio: None) -> None:
    stage = Table(factories.session(), 0).stages[1]
    assert (stage.want, stage.done, stage.dots, stage.bar) == (8, 0, ["todo"] * 8, [])


def test_a_stage_that_was_asked_for_shows_what_was_asked_for(studio: None) -> None:
    session = factories.session()
    factories.pictures(3, of=session, flag="keep")
    stage = Table(session, 0).stages[0]
    assert (stage.want, stage.done, stage.kept) == (3, 3, 3)
    assert stage.dots == ["kept"] * 3


def test_more_pictures_than_dots_become_a_bar(studio: None) -> None:
    session = factories.session()
    factories.pictures(20, of=session, flag="keep")
    factories.placed(20, of=session)
    assert Table(session, 0).stages[0].bar == []
    factories.pictures(10, of=session)
    bar = Table(session, 0).stages[0].bar
    assert [(one["state"], one["x"], one["width"]) for one in bar[:2]] == [
        ("kept", "0.00", "40.00"),
        ("done", "40.00", "20.00"),
    ]


@pytest.mark.parametrize("stage", [-3, 0, 3, 99])
def test_a_stage_that_is_not_there_is_the_nearest_one(studio: None, stage: int) -> None:
    table = Table(factories.session(), stage, "nonsense")
    assert table.index in (0, 3)
    assert table.filter == "all"
    assert [one.current for one in table.stages].index(True) == table.index


@pytest.mark.parametrize(
    ("show", "numbers"),
    [
        ("all", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ("kept", [1]),
        ("dropped", [2]),
        ("undecided", [3]),
        ("failed", [4, 5, 6]),
    ],
)
def test_a_filter_shows_as_many_as_it_counts(studio: None, show: str, numbers: list[int]) -> None:
    session = factories.session()
    every_kind(session)
    trashed(session)
    table = Table(session, 0, show)
    cells, _ = table.window()
    assert [cell.generation.number for cell in cells] == numbers
    assert table.counts[show] == len(numbers)


def test_a_long_stage_comes_in_windows_with_an_address_for_the_next(studio: None) -> None:
    session = factories.session()
    factories.placed(WINDOW + 1, of=session)
    table = Table(session, 0)
    cells, following = table.window()
    assert len(cells) == WINDOW
    assert following.endswith(f"/cells/?stage=1&show=all&first={WINDOW}")
    rest, last = table.window(WINDOW)
    assert ([cell.generation.number for cell in rest], last) == ([WINDOW + 1], "")
    assert table.window(9999) == ([], "")


def test_exactly_one_window_needs_no_next(studio: None) -> None:
    session = factories.session()
    factories.placed(WINDOW, of=session)
    cells, following = Table(session, 0).window()
    assert (len(cells), following) == (WINDOW, "")


def test_a_stage_says_what_the_farm_lacks_and_offers_what_it_has(studio: None) -> None:
    session = factories.session()
    session.set_stages((DEFAULT_STAGES[0], with_family(DEFAULT_STAGES[1], "flux")))
    first, second = Table(session, 0).stages
    assert (first.problem, first.repair) == ("", None)
    assert second.problem == "No node has FLUX.1."
    assert second.repair == {
        "label": "Use SDXL",
        "url": f"/sessions/{session.slug}/stages/1/sdxl/",
    }


def test_an_upscale_stage_needs_a_node_with_an_upscale_model(studio: None) -> None:
    session = factories.session()
    session.set_stages((DEFAULT_STAGES[0], UPSCALE_STAGE))
    assert Table(session, 0).stages[1].problem == ""
    GpuNode.objects.filter(slug="gpu-premium").delete()
    forget_what_is_kept()
    lacking = Table(session, 0).stages[1]
    assert (lacking.problem, lacking.repair) == ("No node has an upscale model.", None)


def test_no_farm_at_all_is_the_banners_matter(studio: None) -> None:
    GpuNode.objects.all().delete()
    assert [one.problem for one in Table(factories.session(), 0).stages] == [""] * 4


def test_a_node_that_does_not_answer_still_has_its_families(studio: None) -> None:
    GpuNode.objects.update(health="offline")
    assert Table(factories.session(), 0).farm_families == {"sd15", "sdxl"}


def test_an_empty_stage_offers_nothing_to_do(studio: None) -> None:
    bar = Table(factories.session(), 0).actions
    assert (bar.total, bar.can_cancel, bar.can_retry, bar.droppable) == (0, False, False, 0)
    assert (bar.continue_label, bar.kept_line, bar.left) == ("", "", "")


def test_the_bar_says_what_can_be_done(studio: None) -> None:
    session = factories.session()
    every_kind(session)
    bar = Table(session, 0).actions
    assert (bar.total, bar.done, bar.failed, bar.rendering, bar.droppable) == (9, 3, 3, 2, 1)
    assert bar.can_cancel
    assert bar.can_retry
    assert bar.left
    assert (bar.kept_line, bar.kept_detail) == ("1 kept makes 8", "8 variations each")
    assert (bar.continue_label, bar.continue_reason) == ("Continue to Refined", "")


def test_what_needs_somebody_is_told_apart_from_what_waits_for_a_node(
    studio: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning.drawing, "RECENT_S", 0.0)
    monkeypatch.setattr(planning.drawing, "TIMES_AS_LONG", 0)
    session = factories.session()
    (one,) = factories.takes(factories.placed(1, of=session))
    one.job.move(JobState.WAITING, "No node has it.")
    bar = Table(session, 0).actions
    assert (bar.left, bar.can_cancel, bar.can_retry) == ("1 needs you", True, True)
    page = Markup(client.get(session.url).content)
    assert page.id("show-failed").text == "Needs you 1"
    factories.failed(factories.takes(factories.placed(1, of=session))[0])
    page = Markup(client.get(session.url).content)
    assert page.id("show-failed").text == "Failed or needs you 2"
    client.post(f"{session.url}retry/?stage=1")
    assert Table(session, 0).tally.marks == ("todo", "todo")


def test_continue_says_why_it_cannot(studio: None) -> None:
    session = factories.session()
    factories.pictures(1, of=session)
    bar = Table(session, 0).actions
    assert bar.continue_label == "Continue to Refined"
    assert bar.continue_reason == "Keep at least one picture to continue to Refined."
    MediaFile.objects.update(flag="keep")
    session.set_stages((DEFAULT_STAGES[0], with_family(DEFAULT_STAGES[1], "flux")))
    assert Table(session, 0).actions.continue_reason == "No node has FLUX.1."


def test_a_stage_that_would_grow_says_how_far_and_how_long(studio: None) -> None:
    session = factories.session()
    factories.pictures(9, of=session, flag="keep")
    bar = Table(session, 0).actions
    assert bar.kept_line == "9 kept make 9"
    confirm = bar.needs_confirm
    assert confirm is not None
    assert confirm["count"] == 9
    assert confirm["eta"][0].isdecimal()
    MediaFile.objects.filter(pk=MediaFile.objects.values("pk")[:1]).update(flag="")
    assert Table(session, 0).actions.needs_confirm is None


def test_the_last_stage_offers_no_continue(studio: None) -> None:
    session = factories.session()
    factories.pictures(1, of=session, stage=3, stage_name="Final", flag="keep")
    bar = Table(session, 3).actions
    assert (bar.continue_label, bar.continue_reason, bar.kept_line) == ("", "", "")


def test_continue_is_addressed_with_what_the_next_stage_has(studio: None) -> None:
    session = factories.session()
    factories.placed(of=session)
    urls = Table(session, 0).actions.urls
    assert urls["advance"] == f"/sessions/{session.slug}/continue/?stage=1&after=0"
    assert urls["cancel_batch"] == f"/sessions/{session.slug}/cancel/?stage=1"
    made = factories.pictures(2, of=session, stage=1, stage_name="Refined", flag="drop")
    for one in made:
        assert one.picture is not None
        factories.on_disk(one.picture).trash()
    assert Table(session, 0).actions.urls["advance"].endswith("&after=2")


def test_an_estimate_grows_with_the_count_and_shrinks_with_the_denoise(studio: None) -> None:
    stage = Stage("Refined", 8, "sdxl", 1024, 1024, 25, 1.0)

    def seconds(index: int, stage: Stage, count: int) -> int:
        minutes, _, rest = estimate_text(index, stage, count).rpartition(":")
        return int(minutes or 0) * 60 + int(rest.removesuffix(" s"))

    whole = seconds(1, stage, 8)
    assert seconds(1, stage, 40) > whole
    assert seconds(1, Stage("Refined", 8, "sdxl", 1024, 1024, 25, 0.2), 8) < whole


def test_what_cannot_be_estimated_takes_an_unknown_time(studio: None) -> None:
    WorkflowTemplate.objects.update(is_enabled=False)
    assert estimate_text(0, DEFAULT_STAGES[0], 20) == "an unknown time"
    assert estimate_text(4, UPSCALE_STAGE, 1) == "an unknown time"
