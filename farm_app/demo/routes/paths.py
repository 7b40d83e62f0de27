"""Routes exist twice: bare and below ``/api``."""

from collections.abc import Awaitable, Callable

from aiohttp import web

Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


def both(method: str, path: str, handle: Handle) -> list[web.RouteDef]:
    """Return the route with and without prefix; a GET answers HEAD as well."""
    make = {"GET": web.get, "POST": web.post, "DELETE": web.delete}[method]
    return [make(path, handle), make(f"/api{path}", handle)]
