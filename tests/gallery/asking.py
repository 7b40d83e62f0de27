"""Asking the media application as a server would, one ASGI call at a time."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from gallery_app.media import media_app


@dataclass
class Reply:
    """What came back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    chunks: int = 0
    finished: bool = False


def scope_of(url: str, method: str = "GET", **headers: str) -> dict[str, Any]:
    path, _, query = url.partition("?")
    named = {"host": "localhost:8000"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return {
        "type": "http",
        "method": method,
        "path": path,
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in named.items()],
        "client": ("127.0.0.1", 40_000),
        "server": ("127.0.0.1", 8000),
    }


async def ask(url: str, method: str = "GET", *, scope: Any = None, **headers: str) -> Reply:
    """Ask and collect the reply; the browser stays until it has everything."""
    reply, waiting = Reply(), asyncio.Event()

    async def receive() -> dict[str, Any]:
        await waiting.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        collect(reply, message)

    await media_app(scope or scope_of(url, method, **headers), receive, send)  # type: ignore[arg-type]
    assert reply.finished
    return reply


def collect(reply: Reply, message: dict[str, Any]) -> None:
    assert not reply.finished
    if message["type"] == "http.response.start":
        assert not reply.status
        reply.status = message["status"]
        reply.headers = {
            name.decode(): value.decode("latin-1") for name, value in message["headers"]
        }
        assert len(reply.headers) == len(message["headers"])
    else:
        reply.body += message["body"]
        reply.chunks += 1
        reply.finished = not message["more_body"]
