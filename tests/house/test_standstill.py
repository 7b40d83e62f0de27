"""An event loop that stands still is noticed, and the log says at what."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from eliot.launch import standstill
from tests.farm.rig import wait_until


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[asyncio.AbstractEventLoop]:
    monkeypatch.setattr(standstill, "BEAT_S", 0.01)
    monkeypatch.setattr(standstill, "PATIENCE_S", 1.0)
    running = asyncio.new_event_loop()
    thread = threading.Thread(target=running.run_forever, daemon=True)
    thread.start()
    yield running
    running.call_soon_threadsafe(running.stop)
    thread.join()
    running.close()
    for watcher in [one for one in threading.enumerate() if one.name == "standstill"]:
        watcher.join(10)  # it reads the clock that the next test sets


def test_what_holds_the_loop_up_is_named_and_so_is_its_end(
    loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture
) -> None:
    go_on = threading.Event()

    def dawdle() -> None:
        go_on.wait(30)

    standstill.watch(loop)
    loop.call_soon_threadsafe(dawdle)
    wait_until(lambda: "in dawdle" in caplog.text)
    assert "pages stand still" in caplog.text
    go_on.set()
    wait_until(lambda: "answers again" in caplog.text)


def test_a_standstill_of_all_of_eliot_is_not_blamed_on_the_loop(
    loop: asyncio.AbstractEventLoop,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(standstill, "PATIENCE_S", 3.0)
    moments = iter((0.0, 0.0, 100.0))  # as when the machine slept in between
    monkeypatch.setattr(standstill, "monotonic", lambda: next(moments, 100.0))
    standstill.watch(loop)
    wait_until(lambda: "stood still for" in caplog.text)
    assert "all of Eliot stood still for 100 s" in caplog.text
    assert "pages stand still" not in caplog.text


def test_the_watch_ends_with_the_loop(loop: asyncio.AbstractEventLoop) -> None:
    own = asyncio.new_event_loop()
    own.close()
    thread = standstill.watch(own)
    thread.join(10)
    assert not thread.is_alive()
