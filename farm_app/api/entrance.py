"""The API's own entrance: who asks, whether they may, and a body that is JSON and not too long."""

import json
import math
from dataclasses import dataclass
from typing import Any, Final, cast

from django.contrib.auth.models import User
from django.http import HttpRequest
from ninja.parser import Parser
from ninja.security.http import HttpAuthBase

from eliot.policy import Pass, pass_of, token_of
from farm_app.api.errors import Fault, Refused, invalid
from farm_app.models.tokens import May

MOST_BYTES: Final = 2_000_000
# No graph and no metadata that means anything is nested as deep; what reads them recurses.
DEEPEST: Final = 100
_LOOKING: Final = ("GET", "HEAD", "OPTIONS")
_LEVELS: Final = tuple(May.values)
_TEXT_KEY: Final = "_eliot_json"


@dataclass(frozen=True)
class Caller:
    """Who asks.

    Attributes:
        share_key: Their jobs take turns with other shares.
    """

    user: User
    may: str
    share_key: str

    def require(self, level: May, *, for_what: str) -> None:
        """Refuse what their token is not good for.

        Raises:
            Refused: It is not.
        """
        if _LEVELS.index(self.may) < _LEVELS.index(level):
            said = f"This token does not let you {for_what}; it needs “{level.value}”."
            raise Refused(403, "not_allowed", said)


def share_of(token_id: int | None) -> str:
    """Return the share of a token's jobs, or of programs on this machine."""
    return "api" if token_id is None else f"api.{token_id}"


class Entrance(HttpAuthBase):
    """Lets in programs on this machine, and from anywhere those with a token.

    On this machine no token is needed; one that is sent must be good all the same. Without one, a browser's page from
    elsewhere must not get in: its requests have an Origin, and a form cannot send JSON.
    """

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __init__(self, level: May) -> None:
        """Demand what a token must be good for."""
        super().__init__()
        self.level = level

    def __call__(self, request: HttpRequest) -> Caller:
        """Return who asks, with the body read.

        Raises:
            Refused: They may not, or their body is not what the API takes.
        """
        caller = _caller(request)
        if request.method not in _LOOKING:
            _require_json(request)
            setattr(request, _TEXT_KEY, _read(request))
        caller.require(self.level, for_what="do this")
        return caller


def _caller(request: HttpRequest) -> Caller:
    scope: dict[str, Any] = getattr(request, "scope", {})
    token, found = token_of(scope), pass_of(scope)
    if token is not None and found is None:
        raise Refused(401, "no_token", "This token opens nothing: it is unknown, old or revoked.")
    if found is None:
        _require_own_origin(request)
    return Caller(
        user=cast(User, request.user),
        may=found.may if found else May.GRAPHS,
        share_key=share_of(_id(found)),
    )


def _id(found: Pass | None) -> int | None:
    return found.token_id if found else None


def _require_own_origin(request: HttpRequest) -> None:
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{request.headers.get('Host', '')}":
        raise Refused(403, "refused", "A page from elsewhere asks for this.")


def _require_json(request: HttpRequest) -> None:
    if request.content_type != "application/json":
        raise Refused(415, "type", "Send it as application/json.")


def _read(request: HttpRequest) -> Any:
    """Return the body's JSON; nothing where there is no body. It is read no further than it may be long."""
    body = request.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        raise Refused(413, "too_large", f"At most {MOST_BYTES:,} bytes.")
    setattr(request, "_body", body)  # noqa: B010 - where Django keeps what was read
    return _parsed(body) if body else None


def _parsed(body: bytes) -> Any:
    try:
        found = json.loads(body, parse_constant=_no_constant, parse_float=_finite)
        faults = _bad_texts(found)
    except (ValueError, RecursionError) as error:
        said = "nested too deep" if isinstance(error, RecursionError) else str(error)[:200]
        raise Refused(400, "unreadable", f"The body is no JSON: {said}.") from error
    if faults:
        raise invalid(faults)
    return found


def _no_constant(name: str) -> Any:
    msg = f"{name} is no number in JSON"
    raise ValueError(msg)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        msg = f"{text[:20]} is beyond all numbers"
        raise ValueError(msg)
    return number


def _bad_texts(found: Any) -> list[Fault]:
    """Return where texts hold what no database and no file keeps: NUL, or half a character."""
    left: list[tuple[str, Any, int]] = [("", found, 0)]
    faults: list[Fault] = []
    while left and len(faults) < 10:
        path, value, depth = left.pop()
        if depth > DEEPEST:
            raise RecursionError
        if isinstance(value, str) and _is_bad(value):
            faults.append(Fault(path, "It holds a NUL or half a character, which is no text."))
        elif isinstance(value, dict):
            faults += [
                Fault(path, "A name holds what is no text.") for key in value if _is_bad(key)
            ]
            left += [(f"{path}.{key}".lstrip("."), one, depth + 1) for key, one in value.items()]
        elif isinstance(value, list):
            left += [
                (f"{path}.{place}".lstrip("."), one, depth + 1) for place, one in enumerate(value)
            ]
    return faults


def _is_bad(text: str) -> bool:
    return "\0" in text or any("\ud800" <= character <= "\udfff" for character in text)


class ReadBody(Parser):
    """Hands on what the entrance has read."""

    def parse_body(self, request: HttpRequest) -> Any:
        """Return it."""
        return getattr(request, _TEXT_KEY)
