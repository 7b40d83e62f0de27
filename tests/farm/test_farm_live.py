"""The sockets of the farm's pages through the whole application: what they send, and what they do not."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator

from eliot.live import publish
from farm_app import consumers, metrics, tending
from farm_app.comfy.monitors import Monitored
from farm_app.models import GpuNode, JobEvent
from farm_app.models.jobs import FARM_GROUP
from farm_app.strip import newest_event
from tests.sessions.conftest import live_studio
from tests.visitors import socket, told

__all__ = ["live_studio"]


def here(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Do something with rows in a thread, as the server's own threads do."""
    return database_sync_to_async(function)(*args, **kwargs)


def node(slug: str = "gpu-quality") -> GpuNode:
    return GpuNode.objects.get(slug=slug)


@pytest.fixture
async def page(live_studio: None) -> AsyncIterator[WebsocketCommunicator]:
    opened = socket(f"/ws/farm/nodes/?since={await here(newest_event)}")
    assert (await opened.connect())[0]
    await told(opened, 'id="cards"', 'id="farm-totals"')
    yield opened
    await opened.disconnect()


async def test_a_part_of_a_card_that_differs_is_sent_and_no_other(
    page: WebsocketCommunicator,
) -> None:
    row = await here(node)
    await here(metrics.note, row.pk, Monitored(load_percent=55, temperature_c=60))
    publish(FARM_GROUP, "page.around")
    text = await told(page, f'id="card-{row.pk}-gauges"')
    assert "55 %" in text
    assert f'id="card-{row.pk}-paces"' not in text
    assert 'id="cards"' not in text


async def test_a_switched_node_changes_its_title_its_buttons_and_the_head(
    page: WebsocketCommunicator,
) -> None:
    row = await here(node)
    await here(tending.drain, row)
    text = await told(page, f'id="card-{row.pk}-title"', f'id="card-{row.pk}-acts"', "1 draining")
    assert "Resume" in text


async def test_a_removed_node_brings_all_cards_anew(page: WebsocketCommunicator) -> None:
    row = await here(node)
    await here(tending.remove, row)
    text = await told(page, 'id="cards"')
    assert f'id="card-{row.pk}"' not in text


@pytest.fixture
async def log_page(live_studio: None) -> AsyncIterator[WebsocketCommunicator]:
    since = await here(newest_event)
    opened = socket(f"/ws/farm/log/?level=warn&since={since}")
    assert (await opened.connect())[0]
    await told(opened, 'id="strip"')
    yield opened
    await opened.disconnect()


def happen(*levels: str) -> None:
    JobEvent.objects.bulk_create(
        JobEvent(sentence=f"Event {place}.", level=level) for place, level in enumerate(levels)
    )
    publish(FARM_GROUP, "page.around")


async def test_what_happens_comes_on_top_once_if_the_filters_let_it_through(
    log_page: WebsocketCommunicator,
) -> None:
    await here(happen, "info", "warn")
    text = await told(log_page, 'hx-swap-oob="afterbegin"', "Event 1.")
    assert "Event 0." not in text
    await here(happen, "error")
    text = await told(log_page, "Event 0.")
    assert "Event 1." not in text


async def test_what_happens_while_the_page_looks_comes_once(
    log_page: WebsocketCommunicator, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await here(newest_event)
    monkeypatch.setattr(consumers, "newest_event", lambda: before)
    await here(happen, "info", "warn")
    await told(log_page, "Event 1.")
    await here(happen, "error")
    assert "Event 1." not in await told(log_page, "Event 0.")


async def test_when_much_happens_the_page_comes_anew(log_page: WebsocketCommunicator) -> None:
    await here(happen, *["warn"] * 120)
    text = await told(log_page, 'id="log"', "Event 119.")
    assert "before=" in text
