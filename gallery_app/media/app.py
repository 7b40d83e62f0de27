"""The ASGI application for ``/media/…``: fast, because Django's middleware has no part in it."""

import asyncio
import logging
import os
from collections.abc import Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any, BinaryIO, Final

from asgiref.typing import ASGIReceiveCallable, ASGISendCallable

from gallery_app.media.answer import Answer, Ask, ask_from_scope, busy, not_found, plain
from gallery_app.media.look import first_look, second_look
from gallery_app.media.pools import DeadlinePool, PoolBusy, library_pool, quick

logger = logging.getLogger(__name__)

QUICK_DEADLINE_S: Final = 10.0  # database and local disk
LIBRARY_DEADLINE_S: Final = 5.0  # opening an original, or drawing its thumbnail
CHUNK_BYTES: Final = 1 << 18


async def media_app(scope: Any, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Answer one HTTP request for a thumbnail or an original."""
    ask = ask_from_scope(scope)
    if ask is None:
        await _send_whole(not_found(), send)
    elif ask.method not in ("GET", "HEAD"):
        await _send_whole(plain(405, (b"allow", b"GET, HEAD")), send)
    else:
        await _reply(scope, ask, receive, send)


async def _reply(
    scope: Mapping[str, Any], ask: Ask, receive: ASGIReceiveCallable, send: ASGISendCallable
) -> None:
    try:
        found = await quick.run(partial(first_look, scope, ask), deadline_s=QUICK_DEADLINE_S)
        if isinstance(found, Answer):
            await _send_whole(found, send, with_body=ask.method == "GET")
            return
        pool = library_pool(found.library_id)
        answer = await pool.run(
            partial(second_look, ask, found),
            deadline_s=LIBRARY_DEADLINE_S,
            discard=Answer.close,
        )
    except (PoolBusy, OSError) as error:
        logger.warning("media %s had to wait: %r", ask.media_id, error)
        await _send_whole(busy(), send)
        return
    if answer.stream is None or ask.method == "HEAD":
        answer.close()
        await _send_whole(answer, send, with_body=ask.method == "GET")
    else:
        await _send_stream(answer, answer.stream, pool, receive, send)


async def _send_head(answer: Answer, send: ASGISendCallable) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": answer.headers,
            "trailers": False,
        }
    )


async def _send_body(body: bytes, send: ASGISendCallable, *, more: bool) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def _send_whole(answer: Answer, send: ASGISendCallable, *, with_body: bool = True) -> None:
    await _send_head(answer, send)
    await _send_body(answer.body if with_body else b"", send, more=False)


async def _send_stream(
    answer: Answer,
    stream: BinaryIO,
    pool: DeadlinePool,
    receive: ASGIReceiveCallable,
    send: ASGISendCallable,
) -> None:
    """Send in chunks until all is sent, the browser leaves, or the disk fails.

    There is no deadline from here on: a status has gone out, so a slow disk can only be waited
    for; a browser that leaves ends the wait.
    """
    reading: Future[bytes] | None = None
    gone = asyncio.ensure_future(_until_gone(receive))
    try:
        await _send_head(answer, send)
        at, end = answer.start, answer.start + answer.length
        while at < end:
            size = min(CHUNK_BYTES, end - at)
            reading = pool.submit(partial(os.pread, stream.fileno(), size, at))
            chunk = await _unless_gone(reading, gone)
            if not chunk:
                break
            reading = None
            at += len(chunk)
            await _send_body(chunk, send, more=at < end)
        if at < end and not gone.done():
            logger.warning("a file ended %d bytes early", end - at)
            await _send_body(b"", send, more=False)
    finally:
        gone.cancel()
        _close_when_idle(stream, reading)


async def _until_gone(receive: ASGIReceiveCallable) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _unless_gone(reading: "Future[bytes]", gone: "asyncio.Future[None]") -> bytes:
    """Return the chunk; b'' if the browser left first or the disk failed."""
    chunk = asyncio.wrap_future(reading)
    either: set[asyncio.Future[Any]] = {chunk, gone}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if not chunk.done():
        return b""
    try:
        return chunk.result()
    except OSError as error:
        logger.warning("a file could not be read to its end: %s", error)
        return b""


def _close_when_idle(stream: BinaryIO, reading: "Future[bytes] | None") -> None:
    """Close now, or as soon as the read that hangs lets go: its number must not be reused."""
    if reading is None:
        stream.close()
    else:
        reading.add_done_callback(lambda _: stream.close())
