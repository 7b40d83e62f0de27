"""Who is let in: this machine only, until accounts exist. One set of rules for pages, media and sockets.

A program that sends a token comes in from anywhere, but only to the JSON API and to the pictures that this tells of.
"""

import json
import logging
import re
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final

from asgiref.typing import ASGIReceiveCallable, ASGISendCallable
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse

logger = logging.getLogger(__name__)

Scope = Mapping[str, Any]
App = Callable[[Any, ASGIReceiveCallable, ASGISendCallable], Awaitable[None]]

OUR_HOST = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::([1-9][0-9]{0,4}))?", re.IGNORECASE)
FORWARDING_HEADERS = frozenset({b"forwarded", b"via", b"x-real-ip"})
FORWARDING_PREFIX = b"x-forwarded-"
API_PATH: Final = "/api/"
MEDIA_PATH: Final = "/media/"
# Where a scope holds the pass of a visitor who sent a good token. Only the door writes there.
PASS_KEY: Final = "eliot.pass"  # noqa: S105 - a place, no secret


@dataclass(frozen=True)
class Pass:
    """What a good token lets its holder do.

    Attributes:
        may: ``read``, ``ask`` or ``graphs``, each of which includes the ones before it.
    """

    token_id: int
    user_id: int
    may: str


ReadPass = Callable[[str], Awaitable[Pass | None]]


def refusal(scope: Scope) -> str | None:
    """Say why this visitor is not let in, or None.

    Only a peer on this machine that asks this machine by name and by our own port is the owner: a name that
    resolves here from elsewhere (DNS rebinding) or a proxy in front is not. Who sent a good token is no owner, but let
    in wherever the door has accepted it: no browser sends one by itself, so names and origins do not matter then.
    """
    if pass_of(scope) is not None:
        return None
    headers = _headers(scope)
    host = _only(headers, b"host")
    if settings.ELIOT_PUBLIC_URL:
        return (
            "Accounts do not exist yet, so Eliot answers this machine only. Unset ELIOT_PUBLIC_URL."
        )
    if not _is_loopback_peer(scope):
        return "Eliot answers this machine only."
    if any(name in FORWARDING_HEADERS or name.startswith(FORWARDING_PREFIX) for name in headers):
        return "Eliot answers no proxy until accounts exist."
    if not _is_our_host(scope, host):
        return "This address is not Eliot's own."
    if scope["type"] == "websocket" and _only(headers, b"origin") != f"http://{host}":
        return "A socket must come from Eliot's own page."
    return None


def pass_of(scope: Scope) -> Pass | None:
    """Return the pass with which the door let this visitor in."""
    found: Pass | None = scope.get(PASS_KEY)
    return found


def token_of(scope: Scope) -> str | None:
    """Return the token that a visitor sent, right or wrong; None without any. Only the header counts."""
    values = _headers(scope).get(b"authorization", [])
    if not values:
        return None
    scheme, _, token = values[0].decode("latin-1").partition(" ")
    return token.strip() if len(values) == 1 and scheme.lower() == "bearer" else ""


def is_open_to_tokens(scope: Scope) -> bool:
    """Say whether a token counts here: at the API, its sockets, and pictures to look at.

    A mount point that the visitor claims would make Django see another path than this one.
    """
    path: str = scope.get("path", "")
    is_look = scope["type"] == "http" and scope.get("method") in ("GET", "HEAD")
    is_there = path.startswith(API_PATH) or (path.startswith(MEDIA_PATH) and is_look)
    return is_there and not scope.get("root_path")


def _headers(scope: Scope) -> dict[bytes, list[bytes]]:
    pairs: Iterable[tuple[bytes, bytes]] = scope.get("headers", ())
    found: dict[bytes, list[bytes]] = {}
    for name, value in pairs:
        found.setdefault(name.lower(), []).append(value)
    return found


def _only(headers: Mapping[bytes, list[bytes]], name: bytes) -> str:
    """Return a header that is given once; twice is as good as never, for each reader might take another."""
    values = headers.get(name, [])
    return values[0].decode("latin-1") if len(values) == 1 else ""


def _is_loopback_peer(scope: Scope) -> bool:
    client = scope.get("client")
    try:
        return client is not None and ip_address(client[0]).is_loopback
    except ValueError:
        return False


def _is_our_host(scope: Scope, host: str) -> bool:
    found = OUR_HOST.fullmatch(host)
    server = scope.get("server")
    return found is not None and (not server or int(found[1] or 80) == server[1])


class Door:
    """The outermost ASGI layer: nothing behind it is reached by a visitor who is not let in."""

    def __init__(self, app: App, read_pass: ReadPass | None = None) -> None:
        """Guard ``app``; ``read_pass`` knows which tokens are good."""
        self.app = app
        self.read_pass = read_pass

    async def __call__(
        self, scope: Any, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Answer 403, close the socket, or pass through."""
        scope = await self._with_pass(scope)
        why = refusal(scope)
        if why is None:
            await self.app(scope, receive, send)
            return
        logger.warning("refused a visitor: %s (%s)", why, scope.get("client"))
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4403, "reason": None})
            return
        body, kind = _said(scope, why)
        headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
        await send(
            {"type": "http.response.start", "status": 403, "headers": headers, "trailers": False}
        )
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _with_pass(self, scope: Any) -> Any:
        """Return the scope with the pass that a good token earns, where one counts; else as it is.

        Whatever name a program came by, it means us; Django knows our own names only.
        """
        token = token_of(scope) if self.read_pass and is_open_to_tokens(scope) else None
        if not token or self.read_pass is None:
            return scope
        found = await self.read_pass(token)
        if found is None:
            return scope
        others = [(name, value) for name, value in scope["headers"] if name.lower() != b"host"]
        return {**scope, PASS_KEY: found, "headers": [*others, (b"host", b"localhost")]}


def _said(scope: Scope, why: str) -> tuple[bytes, bytes]:
    """Return a refusal in the form that the visitor expects, and its type."""
    if not scope.get("path", "").startswith(API_PATH):
        return why.encode(), b"text/plain; charset=utf-8"
    error = {
        "code": "refused",
        "message": f"{why} Elsewhere a good token opens the API.",
        "fields": [],
    }
    return json.dumps({"error": error}).encode(), b"application/json"


_owner_lock = threading.Lock()


def local_owner() -> User:
    """Return the owner of a single-person Eliot, a real User who may do everything.

    Made at the first call. Without a password nobody can log in as them from outside.
    """
    users = User.objects
    with _owner_lock:
        owner = users.filter(username="local").first()
        if owner is None:
            owner = users.create_superuser(username="local", first_name="You")
    return owner


class LocalOwnerMiddleware:
    """Makes every visitor whom the door let in the local owner, in the admin too; or whoever made their token."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Keep the next step of the chain."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Set the user."""
        found = pass_of(getattr(request, "scope", {}))
        if found is not None:
            request.user = User.objects.get(pk=found.user_id)
        elif not settings.ELIOT_PUBLIC_URL:
            request.user = local_owner()
        return self.get_response(request)


def may_see(scope: Scope, media_file_id: str) -> bool:
    """Say whether this visitor may see a picture: for now, whoever is let in. Asked before any picture is sent.

    Each token may look.
    """
    return refusal(scope) is None
