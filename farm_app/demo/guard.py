"""What every request passes before its handler: scripted faults, latency, the origin rules."""

import asyncio
import ipaddress
import logging
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from farm_app.demo.features import MAX_UPLOAD_BYTES
from farm_app.demo.mischief import misbehave
from farm_app.demo.node import DemoNode

logger = logging.getLogger(__name__)

NODE = web.AppKey("node", DemoNode)

CONTROL = "/demo/"
TROUBLE = "500 Internal Server Error\n\nServer got itself in trouble"


@web.middleware
async def with_faults(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let the first matching rule spoil the answer; the control routes are spared."""
    node = request.app[NODE]
    if request.path.startswith(CONTROL):
        return await handler(request)
    if node.spec.latency_s:
        await asyncio.sleep(node.spec.latency_s)
    if not node.faults.rules:
        return await handler(request)
    wants_body = node.faults.reads_bodies and request.method == "POST"
    body = await request.text() if wants_body else ""
    rule = node.faults.for_request(request.method, request.path, body)
    return await (handler(request) if rule is None else misbehave(rule, request, handler))


@web.middleware
async def same_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse foreign pages the way the server does without ``--enable-cors-header``."""
    if request.headers.get("Sec-Fetch-Site") == "cross-site" or _foreign(request):
        return web.Response(status=403)
    if request.method == "OPTIONS":
        return web.Response()
    return await handler(request)


def _foreign(request: web.Request) -> bool:
    """Whether Host is a loopback name and Origin is another host or port."""
    host, origin = (
        urlsplit(f"//{request.host.lower()}"),
        urlsplit(request.headers.get("Origin", "")),
    )
    if not origin.netloc or not is_loopback(host.hostname):
        return False
    if origin.port is None or host.port is None:
        return host.hostname != origin.hostname
    return host.netloc != origin.netloc.lower()


def signature(request: web.Request) -> str:
    """Return what a client calls itself: the ledger tells who took a prompt away."""
    return request.headers.get("User-Agent", "")


def is_loopback(name: str | None) -> bool:
    """Whether a host name or address means this machine."""
    if name is None:
        return False
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@web.middleware
async def unforeseen(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what a handler did not foresee with the server's plain 500: never JSON."""
    try:
        return await handler(request)
    except web.HTTPRequestEntityTooLarge:
        text = f"Maximum request body size {MAX_UPLOAD_BYTES} exceeded."
        return web.Response(status=413, text=text)
    except web.HTTPException:
        raise
    except Exception as error:  # noqa: BLE001 - that is the point
        logger.info("500 on %s %s: %r", request.method, request.path, error)
        return web.Response(status=500, text=TROUBLE)


MIDDLEWARES = (with_faults, same_origin, unforeseen)
