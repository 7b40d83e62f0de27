"""Visitors of the whole application, sockets and pages, with every fact of the connection to choose."""

from collections.abc import Iterable
from functools import cache
from typing import Any

import httpx
from channels.testing import WebsocketCommunicator

HERE = "localhost:8000"
PORT = 8000
PATIENCE_S = 60.0


@cache
def application() -> Any:
    """Return the whole application."""
    from eliot.asgi import application as made

    return made


def socket(
    path: str,
    *,
    host: str | None = HERE,
    origin: str | None = f"http://{HERE}",
    peer: str | None = "127.0.0.1",
    headers: Iterable[tuple[str, str]] = (),
) -> WebsocketCommunicator:
    """Return a page's socket that has not connected yet."""
    told = [("host", host), ("origin", origin), *headers]
    raw = [(name.encode(), value.encode("latin-1")) for name, value in told if value is not None]
    found = WebsocketCommunicator(application(), path, headers=raw)
    facts: dict[str, Any] = {
        "client": (peer, 40_000) if peer else None,
        "server": ("127.0.0.1", PORT),
    }
    found.scope.update(facts)  # type: ignore[typeddict-item]
    return found


async def is_let_in(page: WebsocketCommunicator) -> bool:
    """Connect, say whether that worked, and leave."""
    connected, _ = await page.connect(timeout=PATIENCE_S)
    await page.disconnect()
    return connected


async def told(page: WebsocketCommunicator, *words: str) -> str:
    """Return what a page was sent, as soon as all these words are in it."""
    text = ""
    while not all(word in text for word in words):
        text += str(await page.receive_from(timeout=PATIENCE_S))
    return text


async def get(
    path: str = "/",
    *,
    headers: Iterable[tuple[str, str]] = (("host", HERE),),
    peer: str = "127.0.0.1",
    method: str = "GET",
) -> httpx.Response:
    """Ask for a page with exactly these headers."""
    transport = httpx.ASGITransport(application(), client=(peer, 40_000))
    async with httpx.AsyncClient(transport=transport) as client:
        request = httpx.Request(method, f"http://{HERE}{path}")
        request.headers = httpx.Headers(list(headers))
        return await client.send(request)
