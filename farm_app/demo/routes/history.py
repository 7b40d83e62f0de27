"""``/history``: what finished, as long as the process lives."""

from aiohttp import web

from farm_app.demo.guard import NODE
from farm_app.demo.routes.paths import both


async def get_history(request: web.Request) -> web.Response:
    """Return entries in order: all, the last ``max_items``, or from an ``offset``."""
    given = request.query.get("max_items")
    max_items = None if given is None else int(given)
    offset = int(request.query.get("offset", -1))
    return web.json_response(request.app[NODE].queue.page(max_items, offset))


async def get_entry(request: web.Request) -> web.Response:
    """Return one entry; an empty object for anything unknown, pending, running or deleted."""
    prompt_id = request.match_info["prompt_id"]
    entry = request.app[NODE].queue.history.get(prompt_id)
    return web.json_response({} if entry is None else {prompt_id: entry})


async def post_history(request: web.Request) -> web.Response:
    """Delete some entries, or all; files stay."""
    history = request.app[NODE].queue.history
    body = await request.json()
    if body.get("clear"):
        history.clear()
    for prompt_id in body.get("delete", ()):
        history.pop(prompt_id, None)
    return web.Response()


routes = [
    *both("GET", "/history", get_history),
    *both("GET", "/history/{prompt_id}", get_entry),
    *both("POST", "/history", post_history),
]
