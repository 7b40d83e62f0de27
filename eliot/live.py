"""Live pages: publish a nudge from any thread, and the one socket class that answers it with fragments.

Rows are the truth. A nudge carries ids only and may be lost: every page re-reads its rows on its own too.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import parse_qs

from autobahn.exception import Disconnected
from channels.consumer import get_handler_name
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.db import connection

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

# Four times a second looks alive, and costs a page little.
PROGRESS_INTERVAL_S = 0.25
AROUND_INTERVAL_S = 0.5
AROUND_LATEST_S = 1.0
# So long at most do they step back for a picture that is on its way.
PATIENCE_S = 0.25
# What moves at once, as when several nodes end together, is one message.
NEWS_INTERVAL_S = 0.01
UNASKED_INTERVAL_S = 4.0
WORKER_PATIENCE_MS = 20_000
RENDERED_KEPT = 1500
READ_KEPT = 16
# What a page says when the reply to a button has taken its place there.
REPLIED = "replied"

_server_loop: asyncio.AbstractEventLoop | None = None
_own_loop_lock = threading.Lock()
_own_loop: asyncio.AbstractEventLoop | None = None
# Rendering is pure Python under one lock anyway. With one thread, what several pages show of the same thing is
# read and rendered by the first of them, and work for pages never has more than one share of that lock.
_render_pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="render")

_outbox: dict[tuple[str, str], set[int]] = {}
_outbox_loop: asyncio.AbstractEventLoop | None = None
"""The loop that will send what waits; None when nobody was told yet."""
_outbox_lock = threading.Lock()


def publish(group: str, kind: str, jobs: Iterable[int] = ()) -> None:
    """Nudge every page that listens on ``group``, from any thread; without listeners it does nothing.

    Nudges of one kind that come before the loop gets round to sending are one; ``jobs`` add up. The layer is fed on
    the server's own loop: an in-memory queue filled from another loop wakes its reader only at the next timer, and
    ``async_to_sync`` takes most of a second.
    """
    loop = _loop_for_sending()
    if loop is None:
        return
    global _outbox_loop
    with _outbox_lock:
        is_due = _outbox_loop is not loop
        _outbox_loop = loop
        _outbox.setdefault((group, kind), set()).update(jobs)
    if is_due:
        asyncio.run_coroutine_threadsafe(_send_outbox(), loop)


async def _send_outbox() -> None:
    global _outbox_loop
    with _outbox_lock:
        waiting = dict(_outbox)
        _outbox.clear()
        _outbox_loop = None
    layer = get_channel_layer()
    if layer is None:
        return
    for (group, kind), jobs in waiting.items():
        try:
            await layer.group_send(group, {"type": kind, "jobs": sorted(jobs)})
        except Exception:  # it costs seconds: pages look by themselves too
            logger.exception("a live nudge was not sent")


def _loop_for_sending() -> asyncio.AbstractEventLoop | None:
    if _server_loop is not None and not _server_loop.is_closed():
        return _server_loop
    if isinstance(get_channel_layer(), InMemoryChannelLayer):
        return None  # no page has connected to this process, so nobody could hear it
    return _sending_loop()


def _sending_loop() -> asyncio.AbstractEventLoop:
    """Return the loop of a thread that only sends, for processes that serve no pages."""
    global _own_loop
    with _own_loop_lock:
        if _own_loop is None:
            _own_loop = asyncio.new_event_loop()
            threading.Thread(target=_own_loop.run_forever, name="live-send", daemon=True).start()
        return _own_loop


@contextlib.contextmanager
def patient_database() -> Iterator[None]:
    """Let this thread wait long for the database, as work that nobody watches should."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA busy_timeout={WORKER_PATIENCE_MS}")
    yield


def rendered_once(render: Callable[[Any], str]) -> Callable[[Hashable, Any], str]:
    """Wrap a renderer so that a process renders a changed fragment once for all its sockets.

    The key must name the thing and everything that its fragment shows; the latest ones are kept.
    """
    kept: OrderedDict[Hashable, str] = OrderedDict()
    lock = threading.Lock()
    _all_kept.append(kept)

    def rendered(key: Hashable, thing: Any) -> str:
        with lock:
            if key in kept:
                return kept[key]
        text = render(thing)
        with lock:
            kept[key] = text
            while len(kept) > RENDERED_KEPT:
                kept.popitem(last=False)
        return text

    return rendered


_all_kept: list[dict[Hashable, Any]] = []


def forget_what_is_kept() -> None:
    """Drop everything that pages share, as between two tests."""
    for kept in _all_kept:
        kept.clear()


def kept_briefly(ttl_s: float) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Wrap a reader so that all pages of a process share what it read during the last ``ttl_s`` seconds.

    For what is shown and may be a moment old, never for what is decided.
    """

    def wrap(read: Callable[P, T]) -> Callable[P, T]:
        kept: dict[Hashable, tuple[float, T]] = {}
        lock = threading.Lock()
        _all_kept.append(kept)

        @wraps(read)
        def reader(*args: P.args, **kwargs: P.kwargs) -> T:
            key = (args, tuple(sorted(kwargs.items())))
            with lock:
                found = kept.get(key)
                if found is not None and time.monotonic() - found[0] < ttl_s:
                    return found[1]
            value = read(*args, **kwargs)
            with lock:
                now = time.monotonic()
                if len(kept) >= READ_KEPT:
                    for old in [one for one, (at, _) in kept.items() if now - at >= ttl_s]:
                        del kept[old]
                kept[key] = (now, value)
            return value

        return reader

    return wrap


@dataclass(frozen=True)
class News:
    """What changed on a page: the fragments to send, and the cursor that they bring it to.

    With ``has_more`` the next round comes at once.
    """

    fragments: Sequence[str]
    cursor: int
    has_more: bool = False


class LivePage(AsyncWebsocketConsumer):
    """One page's socket: joins its groups, re-reads rows when nudged, sends the fragments that differ.

    Subclasses name their groups and read their rows; they never write, decide or take commands. A page only says when
    the reply to a button is in its place: that may be older than what was sent, so all is sent once more. Messages:
    ``page.changed`` (this page's own rows moved: send at once), ``page.soon`` (they moved on their way: with the
    progress), ``page.progress`` (``jobs``: ids; at most four times a second) and ``page.around`` (something beside
    it moved: at most a few times a second).
    """

    cursor: int = 0

    async def connect(self) -> None:
        """Accept, join the page's groups and send what happened since the page was rendered."""
        global _server_loop
        _server_loop = asyncio.get_running_loop()
        self.cursor = self._asked_cursor()
        self._changed = asyncio.Event()
        self._changed.set()
        self._progressed: set[int] = set()
        self._around_moved = self._moved_on = True
        self._looks_back = self._has_replied = False
        self._marks = (self.cursor, self.cursor)
        self._tasks: list[asyncio.Task[None]] = []
        if not await self._in_thread(self.prepare):
            await self.close(code=4404)
            return
        for group in self.group_names():
            await self.channel_layer.group_add(group, self.channel_name)
        await self.accept()
        self._tasks = [
            asyncio.create_task(self._tell_changes()),
            asyncio.create_task(self._tell_the_rest()),
        ]

    def _asked_cursor(self) -> int:
        asked = parse_qs(self.scope.get("query_string", b"").decode("latin-1")).get("since", ["0"])
        return int(asked[-1]) if asked[-1].isdecimal() and len(asked[-1]) < 19 else 0

    async def disconnect(self, code: int) -> None:
        """Leave the groups and end the two tellers."""
        for task in getattr(self, "_tasks", []):
            task.cancel()
        for group in self.group_names():
            await self.channel_layer.group_discard(group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Hear that a reply is in its place; whatever else a browser says is ignored: a page acts by POST."""
        if text_data == REPLIED:
            self._has_replied = True

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Hand a message to its handler.

        Channels would first look for old database connections on another thread, for every nudge; handlers here
        touch no database, and the threads that do look after their own.
        """
        await getattr(self, get_handler_name(message))(message)

    async def page_changed(self, message: dict[str, Any]) -> None:
        """Note that rows of this page moved."""
        self._around_moved = True
        self._changed.set()

    async def page_soon(self, message: dict[str, Any]) -> None:
        """Note that rows of this page moved on their way, as to the next of a few states within a second."""
        self._around_moved = self._moved_on = True

    async def page_around(self, message: dict[str, Any]) -> None:
        """Note that something beside them moved."""
        self._around_moved = True

    async def page_progress(self, message: dict[str, Any]) -> None:
        """Note that some jobs progressed."""
        self._progressed.update(message["jobs"])

    async def _tell_changes(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            since = self.cursor
            if self._looks_back:
                self._looks_back, since = False, self._marks[0]
            await self._survive(self._send_news(since))
            await asyncio.sleep(NEWS_INTERVAL_S)

    async def _send_news(self, since: int) -> None:
        news = await self._in_thread(self.news, since)
        self.cursor = news.cursor
        await self.send_fragments(news.fragments)
        if news.has_more:
            self._changed.set()

    async def _tell_the_rest(self) -> None:
        around_at, unasked_at = 0.0, time.monotonic() + UNASKED_INTERVAL_S
        while True:
            await asyncio.sleep(PROGRESS_INTERVAL_S)
            await self._let_by()
            if time.monotonic() >= unasked_at:
                unasked_at = time.monotonic() + UNASKED_INTERVAL_S
                self._marks = (self._marks[1], self.cursor)
                self._looks_back = self._around_moved = self._moved_on = True
                await self._survive(self._see_to_the_door())
            if self._has_replied:
                self._has_replied = False
                self._looks_back = self._around_moved = self._moved_on = True
                await self._survive(self._in_thread(self.forget))
            if self._moved_on:
                self._moved_on = False
                self._changed.set()
            fragments: list[str] = []
            if self._progressed:
                jobs, self._progressed = frozenset(self._progressed), set()
                await self._survive(self._gather(fragments, self.progress, jobs))
            patience_s = AROUND_LATEST_S if self.may_wait() else AROUND_INTERVAL_S
            if self._around_moved and time.monotonic() - around_at > patience_s:
                self._around_moved, around_at = False, time.monotonic()
                await self._survive(self._gather(fragments, self.around))
            await self._survive(self.send_fragments(fragments))

    async def _let_by(self) -> None:
        """Wait a little for what matters more than bars: when several nodes end together, every millisecond counts."""
        until = time.monotonic() + PATIENCE_S
        while self.may_wait() and time.monotonic() < until:
            await asyncio.sleep(PATIENCE_S / 5)

    async def _gather(self, fragments: list[str], read: Any, *args: Any) -> None:
        """Add what is read: a page paints once for all that one message brings."""
        fragments += await self._in_thread(read, *args)

    async def _see_to_the_door(self) -> None:
        if not await self._in_thread(self.may_stay):
            await self.close(code=4401)

    async def send_fragments(self, fragments: Sequence[str]) -> None:
        """Send what was rendered: to a page in one message."""
        if fragments:
            await self.send(text_data="\n".join(fragments))

    async def _survive(self, work: Any) -> None:
        """Do one round of telling; a fault in it costs that round, not the socket."""
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Disconnected:
            logger.debug("a page left while it was told something")
        except Exception:
            logger.exception("a live page could not be brought up to date")

    async def _in_thread(self, function: Any, *args: Any) -> Any:
        call = database_sync_to_async(function, thread_sensitive=False, executor=_render_pool)
        return await call(*args)

    def group_names(self) -> Sequence[str]:
        """Return the channel groups whose nudges concern this page."""
        raise NotImplementedError

    def may_wait(self) -> bool:
        """Say whether something goes on in this process before which progress and bars should step back."""
        return False

    def may_stay(self) -> bool:
        """Say whether the visitor is let in still; asked every few seconds (in a thread)."""
        return True

    def prepare(self) -> bool:
        """Load what the page is about (in a thread); False closes the socket as not found."""
        return True

    def forget(self) -> None:
        """Take nothing for shown that is sent when it differs from what the page has (in a thread)."""

    def news(self, cursor: int) -> News:
        """Read the rows that moved after ``cursor`` and render their fragments (in a thread)."""
        raise NotImplementedError

    def around(self) -> Sequence[str]:
        """Render what stands around those rows and differs from what the page has (in a thread)."""
        raise NotImplementedError

    def progress(self, jobs: frozenset[int]) -> Sequence[str]:
        """Render the progress fragment of each of these jobs that this page shows (in a thread)."""
        raise NotImplementedError
