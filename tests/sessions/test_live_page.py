"""The session page's socket through the whole application: what it sends, to whom, and what it shrugs off."""

import json
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.core.cache import cache

from eliot.live import publish
from farm_app.models import GpuNode, JobEvent
from farm_app.models.jobs import FARM_GROUP, share_group
from farm_app.models.states import JobState
from farm_app.progress import Glimpse
from sessions_app import consumers, takes
from sessions_app.cells import _spell_turn
from sessions_app.models import Generation, WorkSession
from tests import factories
from tests.markup import Markup
from tests.visitors import is_let_in, socket, told


def here(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Do something with rows in a thread, as the server's own threads do."""
    return database_sync_to_async(function)(*args, **kwargs)


def newest() -> int:
    return JobEvent.objects.latest("pk").pk


@pytest.fixture
def session(live_studio: None) -> WorkSession:
    made = factories.session()
    factories.pictures(1, of=made)
    factories.placed(1, of=made)
    return made


@pytest.fixture
def cells(session: WorkSession) -> list[Generation]:
    return list(Generation.objects.with_pictures().order_by("number"))


@pytest.fixture
async def page(session: WorkSession) -> AsyncIterator[WebsocketCommunicator]:
    """An open page that knows all there is."""
    since = await here(newest)
    opened = socket(f"/ws/sessions/{session.pk}/?stage=0&show=all&since={since}")
    assert (await opened.connect())[0]
    await told(opened, 'id="strip"', 'id="actions"')
    yield opened
    await opened.disconnect()


async def test_a_new_page_gets_what_changed_since_it_was_rendered(
    session: WorkSession, cells: list[Generation]
) -> None:
    before = await here(newest)
    await here(takes.judge, cells[0], "keep")
    late = socket(f"/ws/sessions/{session.pk}/?stage=0&since={before}")
    await late.connect()
    sent = await told(late, 'id="cursor"')
    assert f'id="cell-body-{cells[0].pk}"' in sent
    assert f'id="cell-body-{cells[1].pk}"' not in sent
    assert Markup(sent).id("cursor").attrs["value"] == str(before + 1)
    await late.disconnect()


async def test_a_page_that_knows_everything_gets_no_cells(session: WorkSession) -> None:
    since = await here(newest)
    quiet = socket(f"/ws/sessions/{session.pk}/?stage=0&since={since}")
    await quiet.connect()
    sent = await told(quiet, 'id="strip"')
    assert "cell-body" not in sent
    await quiet.disconnect()


async def test_a_verdict_reaches_every_open_page_as_the_cell_that_the_page_shows(
    page: WebsocketCommunicator, cells: list[Generation]
) -> None:
    await here(takes.judge, cells[0], "keep")
    found = Markup(await told(page, f"cell-body-{cells[0].pk}", "Kept 1"))
    body = found.id(f"cell-body-{cells[0].pk}")
    assert body.attrs["hx-swap-oob"] == "true"
    assert "is-keep" in body.attrs["class"]
    assert found.id("actions").attrs["hx-swap-oob"] == "true"


async def test_new_pictures_are_added_at_the_end_of_the_grid(
    page: WebsocketCommunicator, session: WorkSession
) -> None:
    placed = await here(factories.placed, 2, of=session)
    found = Markup(await told(page, "beforeend", 'id="cursor"'))
    assert found.id("cells").attrs["hx-swap-oob"] == "beforeend"
    made = await here(factories.takes, placed)
    assert [one.attrs["id"] for one in found.all(role="row")] == [f"row-{one.pk}" for one in made]


async def test_a_picture_asked_again_is_no_new_one(
    page: WebsocketCommunicator, cells: list[Generation]
) -> None:
    await here(takes.cancel, [cells[1]])
    await told(page, "is-cancelled")
    await here(takes.retry, [cells[1]])
    sent = await told(page, f"cell-body-{cells[1].pk}")
    assert "is-waiting" in sent
    assert f"row-{cells[1].pk}" not in sent  # a page keeps the row that it has


async def test_a_picture_in_the_trash_leaves_the_page(
    page: WebsocketCommunicator, session: WorkSession, cells: list[Generation]
) -> None:
    assert cells[0].picture is not None
    await here(factories.on_disk, cells[0].picture)
    await here(takes.judge, cells[0], "drop")
    await told(page, "is-drop")
    await here(takes.trash_dropped, session, 0)
    row = Markup(await told(page, f"row-{cells[0].pk}")).id(f"row-{cells[0].pk}")
    assert row.attrs["hx-swap-oob"] == "delete"


async def test_a_page_that_slept_through_too_much_loads_its_grid_anew(
    monkeypatch: pytest.MonkeyPatch, session: WorkSession, cells: list[Generation]
) -> None:
    monkeypatch.setattr(consumers, "MOST_CELLS", 1)
    before = await here(newest)
    for cell in cells[:1]:
        await here(takes.judge, cell, "keep")
    await here(takes.cancel, cells[1:])
    late = socket(f"/ws/sessions/{session.pk}/?stage=0&show=kept&since={before}")
    await late.connect()
    sent = await told(late, 'id="cursor"')
    found = Markup(sent)
    assert found.id("grid").attrs["hx-swap-oob"] == "innerHTML"
    (window,) = found.all(role="rowgroup")
    assert window.attrs["hx-trigger"] == "load"
    assert window.attrs["hx-get"] == f"/sessions/{session.slug}/cells/?stage=1&show=kept&first=0"
    assert "cell-body" not in sent
    await late.disconnect()


async def test_a_picture_that_is_being_cancelled_stays_so_while_its_node_still_tells(
    page: WebsocketCommunicator, session: WorkSession, cells: list[Generation]
) -> None:
    job = cells[1].job
    await here(factories.running, cells[1])
    await here(job.refresh_from_db)
    await here(job.move, JobState.CANCELLING, "Asked to stop.")
    await told(page, "is-cancelling")
    glimpse = Glimpse("gpu-draft", "sampling", 3, 10, 0.3, False, 0, None, time.time())
    cache.set(f"progress:{job.pk}", glimpse, 60)
    publish(share_group(session.share_key), "page.progress", [job.pk])
    sent = await told(page, f"progress-{cells[1].pk}", "30 %")
    assert "is-sampling" not in sent
    assert "Cancelling" in sent


async def test_other_sessions_and_stages_send_no_cells(
    page: WebsocketCommunicator, session: WorkSession
) -> None:
    await here(factories.placed, 1)
    refined = await here(factories.placed, 1, of=session, stage=1, stage_name="Refined")
    sent = await told(page, "Refined</b> <span>1</span>")
    assert "cell-body" not in sent
    assert refined.stage == 1


async def test_progress_is_a_bar_and_a_new_phase_the_whole_cell(
    page: WebsocketCommunicator, session: WorkSession, cells: list[Generation]
) -> None:
    job, group = cells[1].job, share_group(session.share_key)
    await here(factories.running, cells[1])
    for step, part in ((1, f"cell-body-{cells[1].pk}"), (2, f"progress-{cells[1].pk}")):
        glimpse = Glimpse("gpu-draft", "sampling", step, 10, step / 10, False, 0, None, time.time())
        cache.set(f"progress:{job.pk}", glimpse, 60)
        publish(group, "page.progress", [job.pk])
        assert f"step {step}/10" in await told(page, f'id="{part}"', f"step {step}/10")


def test_what_has_just_begun_to_be_stored_is_told_when_it_is_met_again() -> None:
    page = consumers.SessionPage()
    page._storing = set()
    storing: Any = (SimpleNamespace(pk=1, state="storing"), False)
    sampling: Any = (SimpleNamespace(pk=2, state="sampling"), False)
    assert page._without_passing([storing, sampling]) == [sampling]
    assert page._without_passing([storing, sampling]) == [storing, sampling]


@pytest.mark.parametrize(
    ("in_s", "expected"),
    [
        (0.2, ("starts in about 1 s", "gpu-a")),
        (89, ("starts in about 1:29", "gpu-a")),
        (95, ("starts in about 2 min", "")),
        (601, ("starts in about 10 min", "")),
    ],
)
def test_what_is_minutes_away_is_said_in_whole_minutes_and_without_a_node(
    in_s: float, expected: tuple[str, str]
) -> None:
    assert _spell_turn(in_s, "gpu-a") == expected


async def test_foreign_text_stays_text_on_the_socket(
    page: WebsocketCommunicator, session: WorkSession
) -> None:
    payload = '"><svg onload=alert(1)><script>alert(1)</script>'
    await here(GpuNode.objects.filter(slug="gpu-draft").update, slug=payload)
    made = await here(factories.pictures, 1, of=session, values={"prompt": payload})
    await here(takes.judge, made[0], "keep")
    publish(FARM_GROUP, "page.around")
    sent = await told(page, f"cell-body-{made[0].pk}", "alert(1)")
    assert "<script" not in sent
    assert not [one for one in Markup(sent).elements if "onload" in one.attrs]


@pytest.mark.parametrize(
    "junk",
    [
        {"text_data": "no json"},
        {"text_data": json.dumps({"type": "page.changed", "HEADERS": {}})},
        {"text_data": "[" * 100_000},
        {"text_data": "\0\u202e" * 100},
        {"bytes_data": bytes(range(256)) * 4_000},
    ],
    ids=["text", "json", "deep", "odd", "bytes"],
)
async def test_junk_from_a_browser_is_shrugged_off(
    page: WebsocketCommunicator, cells: list[Generation], junk: dict[str, Any]
) -> None:
    before = await here(newest)
    for _ in range(20):
        await page.send_to(**junk)
    assert await here(newest) == before
    await here(takes.judge, cells[0], "keep")
    assert "is-keep" in await told(page, f"cell-body-{cells[0].pk}")


@pytest.mark.parametrize("key", ["0", "999999", "9" * 30])
async def test_a_session_that_is_not_there_has_no_socket(live_studio: None, key: str) -> None:
    assert not await is_let_in(socket(f"/ws/sessions/{key}/?since=0"))


async def test_a_deleted_session_has_no_socket(session: WorkSession) -> None:
    assert await is_let_in(socket(f"/ws/sessions/{session.pk}/"))
    await here(session.delete_softly)
    assert not await is_let_in(socket(f"/ws/sessions/{session.pk}/"))


@pytest.mark.parametrize(
    "query",
    ["", "stage=x&show=x&since=x", "since=-1", "stage=99&since=" + "9" * 18, "since=%FF&&="],
)
async def test_a_strange_address_gets_a_page_that_works(
    session: WorkSession, cells: list[Generation], query: str
) -> None:
    page = socket(f"/ws/sessions/{session.pk}/?{query}")
    assert (await page.connect())[0]
    await told(page, 'id="actions"')
    await here(takes.judge, cells[0], "keep")
    await told(page, "dot-kept")
    await page.disconnect()


async def test_every_other_page_has_the_farm_strip(live_studio: None) -> None:
    page = socket("/ws/farm/?since=0")
    assert (await page.connect())[0]
    assert "0 of 4 rendering" in Markup(await told(page, 'id="strip"')).id("strip-sum").text
    await here(GpuNode.objects.filter(slug="gpu-draft").update, is_paused=True)
    publish(FARM_GROUP, "page.around")
    sent = await told(page, "Paused")
    assert 'id="strip"' not in sent  # only the node that moved
    await page.disconnect()
