"""Listens to one ComfyUI server over a WebSocket."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections import deque
from contextlib import suppress
from typing import Self
from urllib.parse import quote, urlsplit

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from farm_app.comfy.errors import (
    BadResponse,
    Busy,
    ComfyError,
    NeedsCredentials,
    Unreachable,
)
from farm_app.comfy.events import Event, parse
from farm_app.comfy.names import NameUnknown, connect

MESSAGE_BYTES = 16 * 2**20
"""A message above this closes the socket: then the history tells the rest."""
READ_BYTES = 2**16
PING_S = 20.0
SEND_S = 3.0
CLOSE_S = 1.0
LEAST_S = 0.001
_FLAGS = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})


class Watch:
    """An open socket to one node. Use it with ``with``; one thread reads, any thread may close.

    The thread that wants an event reads it off the socket itself: one that reads for it would have to be waited for
    by all, fifty times a picture. So read it all the time and quickly: a node waits for its slowest reader before it
    tells anybody anything. Use a client id only once: a second socket of the same id takes the first one's events,
    and when the first is closed late the second goes deaf.

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
        self._messages: deque[str | bytes] = deque()
        self._begun: list[Frame] = []
        self._reading, self._writing = threading.Lock(), threading.Lock()
        self._heard_at = self._asked_at = time.monotonic()
        try:
            self._open(address, time.monotonic() + open_timeout_s)
        except (OSError, WebSocketException, ValueError) as error:
            raise self._failure(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, address: str, deadline_s: float) -> None:
        """Connects and sends our flags, which count only as the first message. Follows no redirect."""
        uri = parse_uri(address)
        self._protocol = ClientProtocol(uri, max_size=MESSAGE_BYTES)
        self._tcp = connect(uri.host, uri.port, _left(deadline_s))
        try:
            self._tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
            if uri.secure:
                context = ssl.create_default_context()
                self._tcp = context.wrap_socket(self._tcp, server_hostname=uri.host)
            self._protocol.send_request(self._protocol.connect())
            self._flush()
            while self._protocol.state is State.CONNECTING and not self._protocol.handshake_exc:
                self._receive(_left(deadline_s))
            if self._protocol.handshake_exc:
                raise self._protocol.handshake_exc
            self._protocol.send_text(_FLAGS.encode())
            self._flush()
        except BaseException:
            self._tcp.close()
            raise

    def next_event(self, timeout_s: float) -> Event | None:
        """Waits for the next event; None if the node said nothing in that time.

        Silence proves nothing: a node says nothing while it loads a model.

        Raises:
            Unreachable: the socket is gone. Prompts go on; poll the queue and the history.
        """
        deadline_s = time.monotonic() + timeout_s
        try:
            while not self._messages:
                if self._protocol.state is not State.OPEN:
                    raise self._gone(f"farewell: {self._protocol.close_rcvd}")
                try:
                    self._receive(max(deadline_s - time.monotonic(), LEAST_S))
                except TimeoutError:
                    self._see_that_it_lives()
                    return None
        except OSError as error:
            raise self._gone(f"{type(error).__name__}: {error}") from error
        return parse(self._messages.popleft())

    def _gone(self, evidence: str) -> Unreachable:
        return Unreachable(f"{self.where} closed its event socket.", evidence=evidence)

    def _receive(self, timeout_s: float) -> None:
        """Reads what is there, or the first that comes.

        Raises:
            OSError: nothing came in time (TimeoutError), or the connection broke.
        """
        with self._reading:
            self._tcp.settimeout(timeout_s)
            data = self._tcp.recv(READ_BYTES)
        self._heard_at = time.monotonic()
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._collect(event)
        self._flush()

    def _collect(self, frame: Frame) -> None:
        """Puts the parts of a message together; the protocol sees that they come in order and not too large."""
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return
        self._begun.append(frame)
        if not frame.fin:
            return
        parts, self._begun = self._begun, []
        data = b"".join(part.data for part in parts)
        is_text = parts[0].opcode is Opcode.TEXT
        self._messages.append(data.decode("utf-8", "replace") if is_text else data)

    def _flush(self) -> None:
        """Sends what the protocol has to say: our flags, pongs, a farewell."""
        with self._writing:
            for data in self._protocol.data_to_send():
                self._tcp.settimeout(SEND_S)
                if data:
                    self._tcp.sendall(data)
                else:
                    self._tcp.shutdown(socket.SHUT_WR)

    def _see_that_it_lives(self) -> None:
        """Asks a node that has been silent for long for a sign of life; one that gives none is gone.

        Raises:
            TimeoutError: it gave none.
        """
        now = time.monotonic()
        if now - self._heard_at < PING_S:
            return
        if self._asked_at <= self._heard_at:
            self._asked_at = now
            self._protocol.send_ping(b"")
            self._flush()
        elif now - self._asked_at > PING_S:
            raise TimeoutError("no answer to a ping")

    def close(self) -> None:
        """Closes the socket and waits, at most a second, until the node knows. Safe to repeat."""
        with suppress(OSError, WebSocketException):
            if self._protocol.state is State.OPEN:
                self._protocol.send_close(CloseCode.NORMAL_CLOSURE)
                self._flush()
                self._see_it_off()
        with suppress(OSError):
            self._tcp.shutdown(socket.SHUT_RDWR)  # whoever reads is told so at once
        with self._reading:
            self._tcp.close()

    def _see_it_off(self) -> None:
        """Waits for the other side's farewell, unless another thread reads, which will find the end."""
        deadline_s = time.monotonic() + CLOSE_S
        while not self._reading.locked() and self._protocol.state is not State.CLOSED:
            self._receive(_left(deadline_s))

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
        if isinstance(error, NameUnknown):
            return Unreachable(f"The name in {self.where} cannot be looked up.", evidence=evidence)
        if isinstance(error, OSError):
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


def _left(deadline_s: float) -> float:
    return max(deadline_s - time.monotonic(), LEAST_S)
