"""Small pools of threads that nobody waits for in vain: every call has a deadline.

A read from a hung share cannot be interrupted. So each library has threads of its own, waiting
calls are bounded, and the threads are daemons: a dead share delays neither others nor the exit.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, Final, TypeVar

T = TypeVar("T")

THREADS_PER_LIBRARY: Final = 4
BACKLOG: Final = 256


class PoolBusy(Exception):
    """The deadline passed, or too many calls wait already."""


class DeadlinePool:
    """Runs blocking calls on a few daemon threads for coroutines that will not wait for ever."""

    def __init__(self, name: str, threads: int, backlog: int = BACKLOG) -> None:
        """Remember the limits; threads start with the first call."""
        self._name = name
        self._threads = threads
        self._backlog = backlog
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        self._started = 0
        self._open_calls = 0
        self._lock = threading.Lock()

    async def run(
        self,
        work: Callable[[], T],
        *,
        deadline_s: float,
        discard: Callable[[T], None] | None = None,
    ) -> T:
        """Return what ``work`` returns; ``discard`` gets a result that comes too late.

        Raises:
            PoolBusy: Not done within ``deadline_s``, or not accepted.
        """
        call = self.submit(work)
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(call)), deadline_s)
        except TimeoutError as error:
            _abandon(call, discard)
            raise PoolBusy from error
        except asyncio.CancelledError:
            _abandon(call, discard)
            raise

    def submit(self, work: Callable[[], T]) -> "Future[T]":
        """Queue a call.

        Raises:
            PoolBusy: The backlog is full.
        """
        call: Future[T] = Future()
        with self._lock:
            if self._open_calls >= self._threads + self._backlog:
                raise PoolBusy
            self._open_calls += 1
            if self._started < min(self._threads, self._open_calls):
                self._started += 1
                name = f"{self._name}-{self._started}"
                threading.Thread(target=self._serve, name=name, daemon=True).start()
        self._calls.put((call, work))
        return call

    def _serve(self) -> None:
        while True:
            call, work = self._calls.get()
            if call.set_running_or_notify_cancel():
                _carry_out(call, work)
            with self._lock:
                self._open_calls -= 1
            del call, work  # a waiting thread must not hold the last result


def _carry_out(call: "Future[T]", work: Callable[[], T]) -> None:
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - handed to the coroutine that waits
        call.set_exception(error)
    else:
        call.set_result(result)


def _abandon(call: "Future[T]", discard: Callable[[T], None] | None) -> None:
    call.cancel()

    def finished(late: "Future[T]") -> None:
        if discard and not late.cancelled() and late.exception() is None:
            discard(late.result())

    call.add_done_callback(finished)


quick: Final = DeadlinePool("media-quick", threads=4, backlog=1024)
_of_library: dict[int, DeadlinePool] = {}
_of_library_lock = threading.Lock()


def library_pool(library_id: int) -> DeadlinePool:
    """Return the pool that alone touches this library's disk for the media route."""
    with _of_library_lock:
        if library_id not in _of_library:
            _of_library[library_id] = DeadlinePool(f"media-{library_id}", THREADS_PER_LIBRARY)
        return _of_library[library_id]
