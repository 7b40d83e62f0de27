"""A poisonous line between Eliot and a node: late, thin, torn, one-way, mute or cut."""

import asyncio
import contextlib
import random
import re
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

REQUESTS, ANSWERS = "requests", "answers"
SOCKET_REQUESTS = (b"GET /ws", b"GET /api/ws")
# What was accepted in the last moment becomes a line a few rounds later; only then the server may be closed: asyncio
# loses the socket of what it has accepted and not yet attached to a server that is open.
QUIET_ROUNDS = 5
REQUEST_LINE = re.compile(rb"(GET|POST|DELETE) (\S+) HTTP/1.1\r\n")


@dataclass(frozen=True)
class Poison:
    """What is wrong with a line; nothing, as it stands."""

    latency_s: float = 0.0
    jitter_s: float = 0.0
    bytes_per_s: float | None = None
    """Of answers."""
    slice_bytes: int = 65536
    """They come in pieces of at most so many bytes."""
    limit_bytes: int | None = None
    """A connection is closed after so many bytes of answers."""
    mute: frozenset[str] = frozenset()
    """What is held back: requests, answers, or both as in a partition."""
    reset_share: float = 0.0
    """This share of the connections is reset at the first answer."""
    idle_s: float | None = None
    """A connection is cut when nothing came for so long."""
    spares_sockets: bool = False
    """Event sockets pass unharmed."""


class _Line:
    """One connection through the proxy."""

    def __init__(self, proxy: "ToxicProxy", client: asyncio.StreamWriter) -> None:
        self.proxy = proxy
        self.client = client
        self.node: asyncio.StreamWriter | None = None
        self.is_socket = False
        self.is_reset = False
        self.answered = 0
        self.task = asyncio.current_task()

    @property
    def poison(self) -> Poison:
        found = self.proxy.poison
        return Poison() if found.spares_sockets and self.is_socket else found

    async def carry(self, reader: asyncio.StreamReader) -> None:
        """Carry both ways until one end hangs up."""
        answers, self.node = await asyncio.open_connection("127.0.0.1", self.proxy.node_port)
        ways = [
            asyncio.create_task(self._pump(reader, self.node, REQUESTS)),
            asyncio.create_task(self._pump(answers, self.client, ANSWERS)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: str
    ) -> None:
        while data := await asyncio.wait_for(reader.read(65536), self.poison.idle_s):
            if way == REQUESTS and (begun := REQUEST_LINE.match(data)):
                self.proxy.asked.append(b" ".join(begun.groups()).decode("latin-1"))
            if way == REQUESTS and data.startswith(SOCKET_REQUESTS):
                self.is_socket = True
                self.proxy.sockets += 1
            while way in self.poison.mute:
                self.proxy.held_back += way == REQUESTS
                await asyncio.sleep(0.01)
            if way == ANSWERS and self._breaks():
                self.is_reset = True
                self.proxy.resets += 1
                return
            while data:
                piece, data = data[: self.poison.slice_bytes], data[self.poison.slice_bytes :]
                if not await self._passed(piece, writer, way):
                    return

    def _breaks(self) -> bool:
        return self.answered == 0 and self.proxy.chance.random() < self.poison.reset_share

    async def _passed(self, piece: bytes, writer: asyncio.StreamWriter, way: str) -> bool:
        poison = self.poison
        await asyncio.sleep(poison.latency_s + poison.jitter_s * self.proxy.chance.random())
        if way == ANSWERS:
            self.answered += len(piece)
            if poison.bytes_per_s is not None:
                await asyncio.sleep(len(piece) / poison.bytes_per_s)
            if poison.limit_bytes is not None and self.answered > poison.limit_bytes:
                return False
        writer.write(piece)
        await writer.drain()
        return True

    async def hang_up(self) -> None:
        for writer in (self.client, self.node):
            if writer is not None and self.is_reset:
                reset(writer)
            elif writer is not None:
                writer.close()
        for writer in (self.client, self.node):
            if writer is not None:
                await _closed(writer)


async def _closed(writer: asyncio.StreamWriter) -> None:
    """Wait until it is closed; who does not take the rest does not get it."""
    try:
        await asyncio.wait_for(writer.wait_closed(), 1.0)
    except OSError:  # as when it was reset
        pass
    except (TimeoutError, asyncio.CancelledError):
        writer.transport.abort()


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with a TCP reset."""
    raw = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class ToxicProxy:
    """Listens beside a node and passes on what comes, as badly as ``poison`` says; a loop in a thread of its own."""

    def __init__(self, node_port: int) -> None:
        """Listen on a port of its own; the line is sound until it is poisoned."""
        self.node_port = node_port
        self.poison = Poison()
        self.chance = random.Random(1)
        self.connections = 0
        self.sockets = self.resets = 0
        self.asked: list[str] = []
        """Each request in its turn, as in ``POST /prompt``."""
        self.held_back = 0
        """Grows while requests are held back."""
        self.port = 0
        self._lines: set[_Line] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="toxic proxy")
        self._thread.start()
        self.up()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def standing(self) -> int:
        """How many connections stand now."""
        return len(self._lines)

    def spoil(self, **poison: Any) -> None:
        """Let this be wrong with the line, and nothing else."""
        self.poison = Poison(**poison)

    def worsen(self, **poison: Any) -> None:
        """Let this be wrong too."""
        self.poison = replace(self.poison, **poison)

    def heal(self) -> None:
        """Let everything pass; what was held back comes now."""
        self.poison = Poison()

    def up(self) -> None:
        """Listen, on the same port as before."""
        self._run(self._listen)

    def down(self) -> None:
        """Refuse connections and reset those that stand, as when a machine's cable is out for good."""
        self._run(self._stop)

    def close(self) -> None:
        """End it all."""
        self._run(self._stop)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        asyncio.run_coroutine_threadsafe(work(), self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        server, self._server = self._server, None
        for listening in server.sockets if server is not None else ():
            self._loop.remove_reader(listening)
        quiet = 0
        while quiet < QUIET_ROUNDS:
            for line in list(self._lines):
                if line.task is not None:
                    line.task.cancel()
            quiet = 0 if self._lines else quiet + 1
            await asyncio.sleep(0.005)
        if server is not None:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = _Line(self, writer)
        self._lines.add(line)
        self.connections += 1
        try:
            await line.carry(reader)
        except (OSError, TimeoutError, asyncio.CancelledError):
            line.is_reset = True
        finally:
            await line.hang_up()
            self._lines.discard(line)
