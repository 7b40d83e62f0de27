"""``/queue``, ``/interrupt`` and ``/free``."""

import json
from typing import Any

from aiohttp import web

from farm_app.demo.guard import NODE, signature
from farm_app.demo.routes.paths import both


async def get_queue(request: web.Request) -> web.Response:
    """List what runs and what waits; the latter in heap order, not in execution order."""
    queue = request.app[NODE].queue
    running = [queue.running.to_json()] if queue.running is not None else []
    pending = [item.to_json() for item in queue.pending]
    return web.json_response({"queue_running": running, "queue_pending": pending})


async def post_queue(request: web.Request) -> web.Response:
    """Drop pending prompts, some or all; says nothing about whether any matched."""
    node = request.app[NODE]
    body = await request.json()
    if body.get("clear"):
        node.ledger.write("clear", by=signature(request))
        node.queue.clear()
    for prompt_id in body.get("delete", ()):
        deleted = node.queue.delete(prompt_id)
        facts = {"prompt_id": prompt_id, "deleted": deleted, "by": signature(request)}
        node.ledger.write("delete", **facts)
    return web.Response()


async def post_interrupt(request: web.Request) -> web.Response:
    """Interrupt what runs, or only a given prompt; a legacy server ignores the id."""
    node = request.app[NODE]
    asked = (await _optional_json(request)).get("prompt_id") or None
    node.ledger.write("interrupt", prompt_id=asked, by=signature(request))
    node.interrupt(None if node.spec.profile == "legacy" else asked)
    return web.Response()


async def post_free(request: web.Request) -> web.Response:
    """Forget models or cached results once no prompt runs; a body is required."""
    body = await request.json()
    unload, free = body.get("unload_models", False), body.get("free_memory", False)
    request.app[NODE].engine.free(bool(unload), bool(free))
    return web.Response()


async def _optional_json(request: web.Request) -> dict[str, Any]:
    try:
        body: dict[str, Any] = await request.json()
    except json.JSONDecodeError:
        return {}
    return body


routes = [
    *both("GET", "/queue", get_queue),
    *both("POST", "/queue", post_queue),
    *both("POST", "/interrupt", post_interrupt),
    *both("POST", "/free", post_free),
]
