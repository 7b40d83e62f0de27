"""Bringing pictures home: damaged ones are fetched again, none is kept twice, nothing is left lying about."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from eliot import failpoints
from farm_app import cancelling
from farm_app.models import Attempt, GpuNode, Job
from farm_app.models.states import AttemptState, JobState
from farm_app.spool import Spool, tidy
from farm_app.store import store
from gallery_app import thumbnails
from gallery_app.models import Library, MediaFile
from gallery_app.thumbnails import thumbnail_path
from sessions_app.models import Round
from tests.farm.rig import Farm, Rule, attempts, on_request, story, wait_until

CUT = {"truncate": 0.5}
PAGE = {"body": "<html>Please log in</html>"}
GONE = {"status": 404}
EMPTY = {"truncate": 0}
CLIPPED = {"truncate": -12}


def view(do: Rule, **rest: Any) -> Rule:
    return on_request("/view", do, method="GET", **rest)


@pytest.mark.parametrize("do", [CUT, CLIPPED, EMPTY, PAGE, GONE])
def test_a_picture_that_comes_damaged_once_is_fetched_again(farm: Farm, do: Rule) -> None:
    node = farm.node("gpu-a", rules=[view(do, count=1)])
    placed = farm.ask(1)
    farm.work()
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "committed")]
    assert job.attempts.get().fetches == 1
    assert len(node.executions()) == 1


def test_a_picture_that_stays_damaged_is_rendered_elsewhere(farm: Farm) -> None:
    farm.two({"rules": [view(CUT)]})
    placed = farm.ask(1, node_mode="prefer", node=GpuNode.objects.get(slug="gpu-a"))
    farm.work()
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "failed"), ("gpu-b", "committed")]
    assert job.failures == 1


def test_a_picture_that_is_damaged_everywhere_fails_with_a_reason(farm: Farm) -> None:
    farm.two({"rules": [view(PAGE)]}, {"rules": [view(PAGE)]})
    placed = farm.ask(1)
    farm.work()
    (job,) = farm.settled(placed)
    assert job.state == JobState.FAILED
    assert job.reason.startswith("The picture came back damaged:")
    assert "Tried on gpu-a, gpu-b." in job.reason
    assert job.advice == "Retry renders it again."


def test_a_picture_cancelled_between_its_place_and_its_row_is_in_the_trash(farm: Farm) -> None:
    farm.node()
    (attempt,) = farm.render()
    failpoints.arm("place after=raise")
    store(str(attempt.pk))
    (picture,) = (farm.data / "pictures").rglob("*.png")
    Attempt.objects.update(store_until=None)
    assert cancelling.cancel([attempt.job_id]) == 1
    tidy()
    assert not picture.exists()
    (aside,) = (farm.data / "pictures" / ".gallery" / "trash").rglob("*.png")
    assert aside.name == picture.name
    assert not MediaFile.objects.exists()


def at_once(*attempts: Attempt) -> None:
    """Store on so many threads at the same moment."""
    start = threading.Barrier(len(attempts))

    def run(attempt: Attempt) -> None:
        start.wait()
        try:
            store(str(attempt.pk))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(attempts)) as pool:
        list(pool.map(run, attempts))


def test_two_that_store_the_same_picture_make_one_file(farm: Farm) -> None:
    farm.node()
    (attempt,) = farm.render()
    at_once(*[attempt] * 4)
    assert Job.objects.get().state == JobState.DONE
    assert MediaFile.objects.count() == 1
    assert len(list((farm.data / "pictures").rglob("*.png"))) == 1


def test_one_whose_turn_is_over_does_not_disturb_the_next(farm: Farm) -> None:
    farm.node(rules=[view({"latency_ms": 400}, count=1)])
    (attempt,) = farm.render()
    first = threading.Thread(target=at_once, args=(attempt,))
    first.start()
    wait_until(lambda: Attempt.objects.filter(store_until__gt=timezone.now()).exists())
    Attempt.objects.update(store_until=None)
    store(str(attempt.pk))
    first.join()
    assert Job.objects.get().state == JobState.DONE
    assert MediaFile.objects.count() == 1


def test_what_is_stored_is_not_stored_again(farm: Farm) -> None:
    farm.node()
    (attempt,) = farm.render()
    store(str(attempt.pk))
    told = story(Job.objects.get())
    Attempt.objects.update(store_until=None)
    store(str(attempt.pk))
    assert story(Job.objects.get()) == told


def fetched(farm: Farm) -> Attempt:
    """Return an attempt whose picture is in the spool because its library was away."""
    marker = Library.default().root_path / ".gallery" / "root.json"
    (attempt,) = farm.render()
    from farm_app import store as storing

    taken = storing._take(str(attempt.pk))
    assert taken is not None
    storing._fetch(taken, Spool(taken))
    assert marker.is_file()
    Attempt.objects.update(store_until=None)
    attempt.refresh_from_db()
    assert attempt.state == AttemptState.FETCHED
    return attempt


def test_after_a_crash_it_goes_on_from_the_spool(farm: Farm) -> None:
    node = farm.node()
    attempt = fetched(farm)
    node.kill()
    store(str(attempt.pk))
    assert Job.objects.get().state == JobState.DONE


@pytest.mark.parametrize("content", [None, b"", b"half a picture"])
def test_a_spool_that_lost_the_picture_fetches_it_again(farm: Farm, content: bytes | None) -> None:
    farm.node()
    attempt = fetched(farm)
    path = Spool(attempt).path
    path.unlink() if content is None else path.write_bytes(content)
    store(str(attempt.pk))
    Attempt.objects.update(store_until=None)
    store(str(attempt.pk))
    assert Job.objects.get().state == JobState.DONE
    assert MediaFile.objects.count() == 1


def away(library: Library) -> tuple[Path, Path]:
    marker = library.root_path / ".gallery" / "root.json"
    return marker, marker.with_name("away")


def test_a_library_that_is_away_is_waited_for_and_nothing_is_rendered_again(farm: Farm) -> None:
    node = farm.node()
    placed = farm.ask(2)
    here, there = away(Library.default())
    here.rename(there)
    farm.work()
    jobs = Job.objects.filter(generation__round=placed, reason__contains="is offline")
    wait_until(lambda: jobs.count() == 2)
    assert not list((farm.data / "pictures").rglob("*.png"))
    there.rename(here)
    for job in farm.done(placed):
        assert sum("is offline" in said for said in story(job)) == 1
    assert len(node.executions()) == 2


def test_a_cancel_while_it_is_stored_leaves_nothing(farm: Farm) -> None:
    farm.node(rules=[view({"latency_ms": 700})])
    placed = farm.ask(1)
    farm.work()
    wait_until(lambda: Job.objects.filter(state=JobState.STORING).exists())
    farm.cancel(placed)
    (job,) = farm.settled(placed)
    assert job.state == JobState.CANCELLED
    farm.stop()
    assert not MediaFile.objects.exists()


def cancel_before_the_commit(farm: Farm, placed: Round) -> Attempt:
    from farm_app import store as storing

    attempt = Attempt.objects.get(job__generation__round=placed)
    taken = storing._take(str(attempt.pk))
    assert taken is not None
    storing._place(taken, Spool(taken), storing._fetch(taken, Spool(taken)))
    farm.cancel(placed)
    Attempt.objects.update(store_until=None)
    return attempt


def test_a_picture_that_was_cancelled_at_the_last_moment_goes_to_the_trash(farm: Farm) -> None:
    farm.node()
    placed = farm.ask(1)
    farm.feed()
    attempt = cancel_before_the_commit(farm, placed)
    store(str(attempt.pk))
    from farm_app.store import tidy

    tidy()
    assert MediaFile.objects.get().trashed_at is not None
    assert not (farm.data / "spool").exists() or not list((farm.data / "spool").iterdir())


def test_what_comes_home_carries_how_it_was_made(farm: Farm) -> None:
    farm.node()
    (attempt,) = farm.render()
    store(str(attempt.pk))
    job = Job.objects.get()
    assert job.output is not None
    recipe = job.output.facts.recipe
    assert (recipe["prompt"], recipe["seed"], recipe["node"]) == ("a lighthouse", job.seed, "gpu-a")
    assert recipe["model"] == "dreamshaper_8.safetensors"
    assert recipe["attempt"] == str(attempt.pk)


def test_a_picture_is_decoded_once_on_its_way_home(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    farm.node()
    (attempt,) = farm.render()
    drawn: list[Any] = []
    monkeypatch.setattr(thumbnails, "draw", lambda *asked: drawn.append(asked))
    store(str(attempt.pk))
    (file,) = MediaFile.objects.with_facts()
    assert thumbnail_path(file.pk, file.facts.sha256_file).stat().st_size > 0
    assert file.facts.thumb_s
    assert drawn == []


def test_a_picture_that_cannot_be_shrunk_comes_home_all_the_same(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    farm.node()
    (attempt,) = farm.render()

    def fail(_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(thumbnails, "_shrunk", fail)
    store(str(attempt.pk))
    assert Job.objects.get().state == JobState.DONE
    assert MediaFile.objects.with_facts().get().facts.thumb_s is None
