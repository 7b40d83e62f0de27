"""One HTTP exchange with a node: bounded in size and time, and failing only in our own words."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

import httpx

from farm_app.comfy.deadline import PunctualTransport, within
from farm_app.comfy.errors import (
    AlreadyKnown,
    BadResponse,
    Busy,
    NeedsCredentials,
    NotFound,
    TooLarge,
    Unreachable,
)
from farm_app.comfy.names import NameUnknown
from farm_app.comfy.untrusted import strict_json

JSON_BYTES = 8 * 2**20
"""Cap of answers that are small by nature."""
LEAST_BYTES_PER_S = 1024
READS_IN_ALL = 3
"""So many times the time-out of one read a whole exchange may take, unless it is known to be large."""
LONGEST_WAIT_S = 300.0


class TooSlow(Exception):
    """Less than ``LEAST_BYTES_PER_S`` came over a whole window."""


class Pace:
    """Watches how fast a body comes; a server that drips a byte a second must not hold a thread."""

    def __init__(self, window_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._window_s = window_s
        self._clock = clock
        self._since = clock()
        self._came = 0

    def came(self, size_bytes: int) -> None:
        """Counts what came.

        Raises:
            TooSlow: a window is over and too little came in it.
        """
        self._came += size_bytes
        elapsed_s = self._clock() - self._since
        if elapsed_s < self._window_s:
            return
        if self._came < LEAST_BYTES_PER_S * elapsed_s:
            raise TooSlow
        self._since, self._came = self._clock(), 0


class Wire:
    """A pool of connections to one node, safe to share between threads.

    It sends no Origin header (a node would refuse a foreign one), follows no redirect, reads no
    proxy settings from the environment and asks for uncompressed bodies, so that sizes are sizes.
    """

    where: str
    """Host and port, for sentences; without a user name or password that the origin may hold."""

    def __init__(
        self,
        origin: str,
        *,
        transport: httpx.BaseTransport | None = None,
        connect_timeout_s: float = 3.0,
        read_timeout_s: float = 15.0,
    ) -> None:
        base = _checked(origin)
        self.where = base.netloc.decode("ascii")
        self.read_timeout_s = read_timeout_s
        self._http = httpx.Client(
            base_url=base,
            transport=transport or _transport(is_secure=base.scheme == "https"),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(read_timeout_s, connect=connect_timeout_s),
            headers={"User-Agent": "Eliot", "Accept-Encoding": "identity"},
        )

    def close(self) -> None:
        """Closes all connections."""
        self._http.close()

    @contextmanager
    def open(
        self, method: str, path: str, *, total_s: float | None = None, **request: Any
    ) -> Iterator[httpx.Response]:
        """Sends a request and yields the answer, headers read and body not.

        All of it, the block included, may take ``total_s``, by default a few times the time-out of one read.

        Raises:
            Unreachable, BadResponse: also while the body is read inside the block.
        """
        try:
            with (
                within(total_s or READS_IN_ALL * self.read_timeout_s),
                self._http.stream(method, path, **request) as response,
            ):
                yield response
        except httpx.HTTPError as error:
            raise self._failure(error) from error

    def json(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
        cap_bytes: int = JSON_BYTES,
        total_s: float | None = None,
    ) -> object:
        """Returns the parsed answer of a request that must succeed; None for an empty body.

        Raises:
            ComfyError: any but Rejected and Truncated.
        """
        with self.open(method, path, params=params, total_s=total_s, **encoded(body)) as response:
            self.check(response)
            return self.parsed(response, cap_bytes)

    def parsed(self, response: httpx.Response, cap_bytes: int = JSON_BYTES) -> object:
        """Reads an answer's body as JSON; None if it is empty.

        Raises:
            Unreachable: cut off or too slow.
            BadResponse: over the cap, encoded, or not strict JSON.
        """
        data = self._body(response, cap_bytes)
        try:
            return strict_json(data) if data else None
        except ValueError as error:
            raise BadResponse(
                f"{self.where} sent something that is not JSON ({error}).",
                evidence=data,
                ambiguous=response.request.method != "GET",
            ) from error

    def _body(self, response: httpx.Response, cap_bytes: int) -> bytes:
        try:
            return b"".join(self._chunks(response, cap_bytes))
        except TooSlow:
            raise Unreachable(
                f"{self.where} answers too slowly to wait for.", ambiguous=True
            ) from None

    def _chunks(self, response: httpx.Response, cap_bytes: int) -> Iterator[bytes]:
        pace, size = Pace(self.read_timeout_s), 0
        self.plain(response)
        if declared_bytes(response) > cap_bytes:
            self._over(cap_bytes)
        for chunk in pieces(response):
            pace.came(len(chunk))
            size += len(chunk)
            if size > cap_bytes:
                self._over(cap_bytes)
            yield chunk

    def _over(self, cap_bytes: int) -> NoReturn:
        raise BadResponse(f"{self.where} answers with more than {cap_bytes // 2**20} MiB.")

    def plain(self, response: httpx.Response) -> None:
        """Insists on a body that is not compressed, as we asked: its size would be unbounded.

        Raises:
            BadResponse: it is.
        """
        encoding = response.headers.get("content-encoding", "identity")
        if encoding.lower() != "identity":
            raise BadResponse(
                f"{self.where} compresses its answers although we ask it not to.",
                evidence=encoding,
            )

    def check(self, response: httpx.Response) -> None:
        """Lets an answer of the 200s pass.

        Raises:
            ComfyError: the one that fits the status.
        """
        status = response.status_code
        if 200 <= status < 300:
            return
        evidence = self._head(response)
        if 300 <= status < 400:
            raise BadResponse(
                f"{self.where} answers with an unexpected redirect.", evidence=evidence
            )
        if status in (401, 403):
            raise NeedsCredentials(f"{self.where} asks for credentials.", evidence=evidence)
        if status in (404, 405):
            raise NotFound(f"{self.where} has no {response.request.url.path}.", evidence=evidence)
        if status == 409:
            raise AlreadyKnown(f"{self.where} has seen this id before.", evidence=evidence)
        if status == 413:
            raise TooLarge(f"{self.where} does not take a request of this size.", evidence=evidence)
        self._refuse(response, evidence)

    def _refuse(self, response: httpx.Response, evidence: bytes) -> NoReturn:
        status = response.status_code
        if status == 429 or status >= 500:
            raise Busy(
                f"{self.where} is in trouble or overloaded (it answers {status}).",
                retry_after_s=retry_after_s(response.headers.get("retry-after", "")),
                evidence=evidence,
                ambiguous=status >= 500 and response.request.method != "GET",
            )
        raise BadResponse(
            f"{self.where} answers {status}, which we do not expect.", evidence=evidence
        )

    def _head(self, response: httpx.Response) -> bytes:
        """Reads the beginning of an error page, or as much of it as comes."""
        try:
            return next(pieces(response), b"")
        except httpx.HTTPError:
            return b""

    def stranger(self, evidence: str, *, ambiguous: bool = False) -> BadResponse:
        """Returns the failure of an answer that makes no sense from a ComfyUI."""
        return BadResponse(
            f"What answers at {self.where} is not a ComfyUI.",
            evidence=evidence,
            ambiguous=ambiguous,
        )

    def _failure(self, error: httpx.HTTPError) -> Unreachable | BadResponse:
        evidence = f"{type(error).__name__}: {error}"
        if isinstance(error, httpx.ConnectError):
            return self._no_connection(error, evidence)
        if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
            return Unreachable(f"{self.where} does not answer.", evidence=evidence)
        if isinstance(error, httpx.TimeoutException):
            return Unreachable(
                f"{self.where} did not answer within {self.read_timeout_s:g} s.",
                evidence=evidence,
                ambiguous=True,
            )
        if isinstance(error, httpx.RemoteProtocolError) and not was_cut_off(error):
            return BadResponse(
                f"{self.where} does not speak HTTP.", evidence=evidence, ambiguous=True
            )
        return Unreachable(
            f"{self.where} broke off the connection.", evidence=evidence, ambiguous=True
        )

    def _no_connection(self, error: httpx.ConnectError, evidence: str) -> Unreachable:
        if stems_from(error, NameUnknown):
            return Unreachable(f"The name in {self.where} cannot be looked up.", evidence=evidence)
        if stems_from(error, ConnectionRefusedError):
            return Unreachable(
                f"Nothing listens at {self.where}: ComfyUI does not run there.",
                refused=True,
                evidence=evidence,
            )
        return Unreachable(f"{self.where} cannot be reached.", evidence=evidence)


def _transport(*, is_secure: bool) -> httpx.BaseTransport:
    return PunctualTransport(
        # building a real TLS context takes 15 ms; a plain address never uses it
        verify=is_secure,
        trust_env=False,
        limits=httpx.Limits(
            max_connections=None, max_keepalive_connections=8, keepalive_expiry=30.0
        ),
    )


def _checked(origin: str) -> httpx.URL:
    try:
        base = httpx.URL(origin.rstrip("/"))
    except httpx.InvalidURL as error:
        raise ValueError(f"not an address: {error}") from None
    if base.scheme not in ("http", "https") or not base.host:
        raise ValueError("a node's address begins with http:// or https:// and a host")
    return base


def encoded(body: object) -> dict[str, Any]:
    """Returns the request arguments of a JSON body. ASCII only, so any text survives.

    Raises:
        ValueError: NaN or an infinity, which JSON does not have.
    """
    if body is None:
        return {}
    data = json.dumps(body, allow_nan=False, separators=(",", ":")).encode("ascii")
    return {"content": data, "headers": {"Content-Type": "application/json"}}


def pieces(response: httpx.Response) -> Iterator[bytes]:
    """Yields a body as it comes; an answer that a test's transport made up is there already."""
    return iter((response.content,)) if response.is_stream_consumed else response.iter_raw()


def declared_bytes(response: httpx.Response) -> int:
    """Returns the Content-Length, -1 when there is none."""
    length = response.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdecimal() and len(length) < 20 else -1


def stems_from(error: BaseException, kind: type[BaseException]) -> bool:
    """Says whether a failure of this kind, such as a closed port, is at the bottom of another."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, kind):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def was_cut_off(error: httpx.RemoteProtocolError) -> bool:
    """Says whether the peer went away in the middle of an exchange that was sound so far."""
    words = str(error)
    return "peer closed connection" in words or "disconnected without sending" in words


def retry_after_s(header: str) -> float | None:
    """Reads Retry-After, which is seconds or a date; at most 300 s."""
    try:
        wait_s = float(header)
    except ValueError:
        try:
            wait_s = (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError, IndexError):
            return None
    return min(max(wait_s, 0.0), LONGEST_WAIT_S) if wait_s == wait_s else None
