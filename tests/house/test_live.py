"""Live pages under the hood: nudges from any thread, and what pages of one process share."""

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator

from eliot import live
from eliot.live import LivePage, News, forget_what_is_kept, kept_briefly, rendered_once
from tests.visitors import PATIENCE_S

pytestmark = pytest.mark.django_db(transaction=True)  # pages read in threads of their own


class Counting(LivePage):
    """A page that counts what it is asked, and fails the first time."""

    faults = 1
    forgotten = 0

    def group_names(self) -> Sequence[str]:
        return ("counting",)

    def prepare(self) -> bool:
        return True

    def forget(self) -> None:
        type(self).forgotten += 1

    def news(self, cursor: int) -> News:
        if type(self).faults:
            type(self).faults -= 1
            raise RuntimeError("a fault in one round")
        return News([f"news after {cursor}"], cursor + 1)

    def around(self) -> Sequence[str]:
        return ()

    def progress(self, jobs: frozenset[int]) -> Sequence[str]:
        return [f"progress of {sorted(jobs)}"]


def page(since: int = 5) -> WebsocketCommunicator:
    return WebsocketCommunicator(Counting.as_asgi(), f"/ws/?since={since}")


async def heard(of: WebsocketCommunicator) -> str:
    return str(await of.receive_from(timeout=PATIENCE_S))


async def test_a_nudge_from_any_thread_is_answered_from_the_last_cursor() -> None:
    Counting.faults = 0
    opened = page()
    await opened.connect()
    assert await heard(opened) == "news after 5"
    for expected in ("news after 6", "news after 7"):
        nudge = threading.Thread(target=live.publish, args=("counting", "page.changed"))
        nudge.start()
        assert await heard(opened) == expected
        nudge.join()
    await opened.disconnect()


async def test_a_fault_costs_one_round_and_not_the_socket(
    caplog: pytest.LogCaptureFixture,
) -> None:
    Counting.faults = 1
    opened = page()
    await opened.connect()
    while not caplog.records:
        await asyncio.sleep(0.01)
    live.publish("counting", "page.changed")
    assert await heard(opened) == "news after 5"
    assert "could not be brought up to date" in caplog.text
    await opened.disconnect()


async def test_a_lost_nudge_is_found_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "UNASKED_INTERVAL_S", 0.05)
    Counting.faults = 0
    opened = page()
    await opened.connect()
    assert await heard(opened) == "news after 5"
    assert await heard(opened) == "news after 5"  # and what went before, once more
    await opened.disconnect()


async def test_when_a_reply_is_in_its_place_all_is_told_once_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "UNASKED_INTERVAL_S", 600.0)
    monkeypatch.setattr(Counting, "around", lambda self: [f"around {self.forgotten}"])
    monkeypatch.setattr(Counting, "forgotten", 0)
    Counting.faults = 0
    opened = page()
    await opened.connect()
    told = {await heard(opened) for _ in range(3)}
    assert told == {"news after 5", "news after 6", "around 0"}
    await opened.send_to(text_data=live.REPLIED)
    told = {await heard(opened) for _ in range(2)}
    assert told == {"news after 5", "around 1"}
    await opened.send_to(text_data="anything else")
    assert await opened.receive_nothing(timeout=2 * live.AROUND_INTERVAL_S)
    await opened.disconnect()


async def test_a_lost_nudge_is_found_even_while_others_keep_coming(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "UNASKED_INTERVAL_S", 0.3)
    Counting.faults = 0
    opened = page(since=0)
    await opened.connect()
    told = [await heard(opened)]
    while (
        told.count("news after 0") < 2
    ):  # what went before, once more, although nudges never pause
        live.publish("counting", "page.changed")
        told.append(await heard(opened))
        assert len(told) < 1000
    await opened.disconnect()


async def test_nudges_that_come_at_once_reach_the_layer_as_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Counting.faults = 0
    opened = page()
    await opened.connect()
    await heard(opened)
    layer: Any = get_channel_layer()
    sent: list[Any] = []
    monkeypatch.setattr(type(layer), "group_send", lambda _, *what: _kept(sent, what))
    for job in (2, 1):
        live.publish("counting", "page.progress", [job])
        live.publish("counting", "page.changed")
    while len(sent) < 2:
        await asyncio.sleep(0.01)
    assert sent == [
        ("counting", {"type": "page.progress", "jobs": [1, 2]}),
        ("counting", {"type": "page.changed", "jobs": []}),
    ]
    await opened.disconnect()


async def _kept(sent: list[Any], what: Any) -> None:
    sent.append(what)


async def test_what_moves_on_its_way_is_told_with_the_progress(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "UNASKED_INTERVAL_S", 600.0)  # so it is the nudge that does it
    Counting.faults = 0
    opened = page()
    await opened.connect()
    await heard(opened)
    while not await opened.receive_nothing(timeout=2 * live.PROGRESS_INTERVAL_S):
        await heard(opened)
    live.publish("counting", "page.soon")
    live.publish("counting", "page.soon")
    assert (await heard(opened)).startswith("news after")
    assert await opened.receive_nothing(timeout=2 * live.PROGRESS_INTERVAL_S)
    await opened.disconnect()


async def test_progress_of_many_is_told_in_one_message() -> None:
    Counting.faults = 0
    opened = page()
    await opened.connect()
    await heard(opened)
    for job in (3, 1, 2, 3):
        live.publish("counting", "page.progress", [job])
    while (told := await heard(opened)).startswith("news"):
        pass
    assert told == "progress of [1, 2, 3]"
    await opened.disconnect()


async def test_progress_steps_back_for_what_is_urgent_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Counting.faults = 0
    asked: list[float] = []

    def is_urgent(_: LivePage) -> bool:
        asked.append(time.monotonic())
        return True

    monkeypatch.setattr(Counting, "may_wait", is_urgent)
    opened = page()
    await opened.connect()
    live.publish("counting", "page.progress", [1])
    while not (await heard(opened)).startswith("progress"):
        pass
    assert asked[-1] - asked[0] >= live.PATIENCE_S / 2  # it was asked again and again, and gave way
    await opened.disconnect()


async def test_what_stands_around_waits_longer_while_something_is_urgent_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Counting.faults = 0
    monkeypatch.setattr(Counting, "may_wait", lambda _: True)
    monkeypatch.setattr(Counting, "around", lambda _: ["around"])
    opened = page()
    await opened.connect()
    moments: list[float] = []
    while len(moments) < 2:
        live.publish("counting", "page.around")
        if await heard(opened) == "around":
            moments.append(time.monotonic())
    assert moments[1] - moments[0] >= live.AROUND_LATEST_S
    await opened.disconnect()


async def test_a_page_that_left_is_not_nudged_any_more() -> None:
    Counting.faults = 0
    opened = page()
    await opened.connect()
    await heard(opened)
    await opened.disconnect()
    layer: Any = get_channel_layer()
    assert not layer.groups.get("counting")


def test_a_nudge_without_any_page_is_no_fault() -> None:
    live.publish("nobody", "page.changed")


def test_a_changed_thing_is_rendered_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    rendered = []
    render = rendered_once(lambda thing: rendered.append(thing) or f"<{thing}>")  # type: ignore[func-returns-value]
    assert [render("a", 1), render("a", 2), render("b", 2)] == ["<1>", "<1>", "<2>"]
    assert rendered == [1, 2]
    for number in range(live.RENDERED_KEPT):
        render(number, number)
    assert render("a", 3) == "<3>"  # only the latest are kept


def test_what_is_kept_briefly_is_read_once_for_each_question() -> None:
    asked: list[tuple[Any, ...]] = []

    @kept_briefly(60)
    def read(*args: Any, **kwargs: Any) -> int:
        asked.append((args, kwargs))
        return len(asked)

    assert [read(), read(1), read(), read(1, a=2), read(1, a=2)] == [1, 2, 1, 3, 3]
    forget_what_is_kept()
    assert read() == 4


def test_what_is_old_is_read_again() -> None:
    asked: list[float] = []

    @kept_briefly(0.0)
    def read() -> int:
        asked.append(time.monotonic())
        return len(asked)

    assert [read(), read()] == [1, 2]


def test_a_fault_is_not_kept() -> None:
    answers = iter([None, 7])

    @kept_briefly(60)
    def read() -> int:
        found = next(answers)
        if found is None:
            raise LookupError
        return found

    with pytest.raises(LookupError):
        read()
    assert read() == 7
