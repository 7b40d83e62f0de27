"""A small real HTTP server in a thread that a test scripts to answer, or misbehave, as it likes."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["Handler"], None]


@dataclass
class ScriptedNode:
    """Routes are found by ``"GET /path"``; each call takes the next answer, the last one stays."""

    origin: str = ""
    routes: dict[str, list[Answer]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def on(self, route: str, *answers: Answer) -> None:
        self.routes[route] = list(answers)

    def posted(self, index: int = -1) -> Any:
        return json.loads(self.bodies[index])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    node: ScriptedNode

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size) if size else self._chunked_body()
        self.node.requests.append(f"{method} {self.path}")
        self.node.bodies.append(body)
        self.node.headers.append({name.lower(): value for name, value in self.headers.items()})
        answers = self.node.routes.get(f"{method} {self.path.split('?')[0]}", [status(404)])
        (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    def _chunked_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return b""
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, format: str, *args: object) -> None:
        pass


def says(value: object) -> Answer:
    return body(json.dumps(value).encode(), "application/json")


def body(data: bytes, content_type: str = "text/plain", code: int = 200, **headers: str) -> Answer:
    def answer(handler: Handler) -> None:
        handler.send_response(code)
        given = {"Content-Type": content_type, "Content-Length": str(len(data))}
        for name, value in (given | {k.replace("_", "-"): v for k, v in headers.items()}).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def status(code: int, data: bytes = b"", **headers: str) -> Answer:
    return body(data, code=code, **headers)


def promises(length: int, data: bytes) -> Answer:
    """Sends fewer bytes than it says and hangs up."""

    def answer(handler: Handler) -> None:
        body(data, Content_Length=str(length))(handler)
        handler.close_connection = True

    return answer


def endless(chunk: bytes) -> Answer:
    """Sends without end and without a length, until the other side has enough."""

    def answer(handler: Handler) -> None:
        handler.close_connection = True
        handler.send_response(200)
        handler.end_headers()
        with suppress(OSError):
            while True:
                handler.wfile.write(chunk)

    return answer


def drips(handler: Handler) -> None:
    """Promises a body and sends it a byte at a time, until the other side has enough."""
    handler.close_connection = True
    promises(100_000, b"")(handler)
    with suppress(OSError):
        while True:
            handler.wfile.write(b" ")
            time.sleep(0.05)


def says_nothing(handler: Handler) -> None:
    """Holds the request until the other side hangs up."""
    handler.close_connection = True
    with suppress(OSError):
        handler.connection.recv(1)


def hangs_up(handler: Handler) -> None:
    """Closes the connection in order, without an answer."""
    handler.close_connection = True


def cut_chunk(handler: Handler) -> None:
    """Announces a chunk of 100 bytes and sends 5."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"64\r\nhello")
    handler.close_connection = True


def reset(handler: Handler) -> None:
    """Drops the connection with a TCP reset."""
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.rfile.close()
    handler.wfile.close()
    handler.connection.close()
    handler.close_connection = True


@contextmanager
def serving() -> Iterator[ScriptedNode]:
    node = ScriptedNode()
    handler = type("ScriptedHandler", (Handler,), {"node": node})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    node.origin = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield node
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def closed_port() -> int:
    """Returns a port of 127.0.0.1 at which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
