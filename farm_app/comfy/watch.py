"""Listens to one ComfyUI server over a WebSocket."""

from __future__ import annotations

import json
import socket
import time
from contextlib import ExitStack
from typing import Self
from urllib.parse import quote, urlsplit

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from farm_app.comfy.errors import (
    BadResponse,
    Busy,
    ComfyError,
    NeedsCredentials,
    Unreachable,
)
from farm_app.comfy.events import Event, parse

MESSAGE_BYTES = 16 * 2**20
"""A message above this closes the socket: then the history tells the rest."""
MESSAGES_AHEAD = 16
PING_S = 20.0
CLOSE_S = 1.0
_FLAGS = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})


class Watch:
    """An open socket to one node. Use it with ``with``; one thread reads, any thread may close.

    Read it all the time and quickly: a node waits for its slowest reader before it tells anybody
    anything. Use a client id only once: a second socket of the same id takes the first one's
    events, and when the first is closed late the second goes deaf.

    Args:
        origin: as for ``ComfyClient``.
        client_id: the id that prompts are submitted with, whose events come here.
        open_timeout_s: for the connection and the handshake together.

    Raises:
        Unreachable, NeedsCredentials, Busy, BadResponse: the socket cannot be opened.
    """

    def __init__(self, origin: str, client_id: str, *, open_timeout_s: float = 3.0) -> None:
        parts = urlsplit(origin.rstrip("/"))
        self.where = parts.netloc.rpartition("@")[2]
        scheme = "wss" if parts.scheme == "https" else "ws"
        address = f"{scheme}://{parts.netloc}{parts.path}/ws?clientId={quote(client_id, safe='')}"
        with ExitStack() as stack:
            self._socket = self._opened(address, stack, open_timeout_s)
            self._open = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _opened(self, address: str, stack: ExitStack, open_timeout_s: float) -> ClientConnection:
        """Connects and sends our flags, which count only as the first message."""
        parts = urlsplit(address)
        port = parts.port or (443 if parts.scheme == "wss" else 80)
        try:
            # our own TCP socket, because then the library follows no redirect to another host
            deadline_s = time.monotonic() + open_timeout_s
            tcp = socket.create_connection((parts.hostname or "", port), open_timeout_s)
            tcp.settimeout(None)
            link = stack.enter_context(
                connect(
                    address,
                    sock=tcp,
                    proxy=None,
                    compression=None,  # previews are compressed already, and cost a node's CPU
                    open_timeout=max(deadline_s - time.monotonic(), 0.1),
                    ping_interval=PING_S,
                    ping_timeout=PING_S,
                    close_timeout=CLOSE_S,
                    max_size=MESSAGE_BYTES,
                    max_queue=MESSAGES_AHEAD,
                )
            )
            link.send(_FLAGS)
        except (OSError, WebSocketException, ValueError) as error:
            raise self._failure(error) from error
        return link

    def next_event(self, timeout_s: float) -> Event | None:
        """Waits for the next event; None if the node said nothing in that time.

        Silence proves nothing: a node says nothing while it loads a model.

        Raises:
            Unreachable: the socket is gone. Prompts go on; poll the queue and the history.
        """
        try:
            return parse(self._socket.recv(timeout_s))
        except TimeoutError:
            return None
        except (ConnectionClosed, OSError) as error:
            raise Unreachable(
                f"{self.where} closed its event socket.",
                evidence=f"{type(error).__name__}: {error}",
            ) from error

    def close(self) -> None:
        """Closes the socket and waits, at most a second, until the node knows. Safe to repeat."""
        self._open.close()

    def _failure(self, error: Exception) -> ComfyError:
        evidence = f"{type(error).__name__}: {error}"
        if isinstance(error, ConnectionRefusedError):
            return Unreachable(
                f"Nothing listens at {self.where}: ComfyUI does not run there.",
                refused=True,
                evidence=evidence,
            )
        if isinstance(error, InvalidStatus):
            return self._refused(error.response.status_code, evidence)
        if isinstance(error, OSError | ConnectionClosed):
            return Unreachable(f"{self.where} opens no event socket.", evidence=evidence)
        return BadResponse(f"What answers at {self.where} is not a ComfyUI.", evidence=evidence)

    def _refused(self, status: int, evidence: str) -> ComfyError:
        if status in (401, 403):
            return NeedsCredentials(f"{self.where} asks for credentials.", evidence=evidence)
        if status == 429 or status >= 500:
            return Busy(
                f"{self.where} is in trouble or overloaded (it answers {status}).",
                evidence=evidence,
            )
        return BadResponse(f"What answers at {self.where} is not a ComfyUI.", evidence=evidence)
