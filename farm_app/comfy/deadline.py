"""A deadline for a whole exchange: httpx bounds each read, and a server that drips keeps within that for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import httpcore
import httpx

from farm_app.comfy.names import LOOK_UP_S, NameUnknown, addresses_of

if TYPE_CHECKING:
    import ssl

_exchange = threading.local()


@contextmanager
def within(total_s: float) -> Iterator[None]:
    """Lets what this thread reads and writes in the block take so long in all; then httpx raises a time-out."""
    before = getattr(_exchange, "until", None)
    _exchange.until = time.monotonic() + total_s
    try:
        yield
    finally:
        _exchange.until = before


def _left(timeout_s: float | None) -> float | None:
    until: float | None = getattr(_exchange, "until", None)
    if until is None:
        return timeout_s
    left_s = until - time.monotonic()
    return left_s if timeout_s is None else min(timeout_s, left_s)


class _PunctualStream(httpcore.NetworkStream):
    """A connection whose reads and writes know the deadline of the exchange that they belong to."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left_s = _left(timeout)
        if left_s is not None and left_s <= 0:
            raise httpcore.ReadTimeout("the whole answer took too long")
        return self._stream.read(max_bytes, left_s)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left_s = _left(timeout)
        if left_s is not None and left_s <= 0:
            raise httpcore.WriteTimeout("the whole request took too long")
        self._stream.write(buffer, left_s)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return _PunctualStream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _PunctualBackend(httpcore.SyncBackend):
    """Opens such connections."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connects to an address: the resolver knows no deadline, so names are looked up before."""
        try:
            addresses = addresses_of(host, timeout or LOOK_UP_S)
        except NameUnknown as error:
            raise httpcore.ConnectError(str(error)) from error
        for address in addresses[:-1]:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                stream = super().connect_tcp(address, port, timeout, local_address, socket_options)
                return _PunctualStream(stream)
        return _PunctualStream(
            super().connect_tcp(addresses[-1], port, timeout, local_address, socket_options)
        )


class PunctualTransport(httpx.HTTPTransport):
    """httpx's own transport over connections that know deadlines."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # httpx has no argument for what httpcore documents as its way to do this.
        self._pool._network_backend = _PunctualBackend()
