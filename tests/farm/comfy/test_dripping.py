"""Servers that always say a little more: each read is in time, and still the whole exchange has an end."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from farm_app.comfy.client import ComfyClient
from farm_app.comfy.errors import ComfyError

HEADERS = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999999\r\n\r\n"
DRIPS = {
    "a header": (b"HTTP/1.1 200 OK\r\nX: ", b"a"),
    "early hints": (b"", b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n"),
    "a body": (HEADERS, b" " * 2000),  # faster than what counts as a drip
    "an error page": (HEADERS.replace(b"200 OK", b"500 Oh"), b""),
}


class Dripping:
    """A server that begins every answer in one way and then drips."""

    def __init__(self, first: bytes, drop: bytes) -> None:
        self._first, self._drop = first, drop
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        self._listener.settimeout(0.05)
        while not self._over.is_set():
            try:
                peer, _ = self._listener.accept()
            except TimeoutError:
                continue
            with peer:
                self._answer(peer)

    def _answer(self, peer: socket.socket) -> None:
        peer.recv(65536)
        try:
            peer.sendall(self._first)
            while not self._over.wait(0.05):
                peer.sendall(self._drop)
        except OSError:
            return  # the client hung up, as it should

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self._listener.close()


@pytest.fixture(params=DRIPS)
def dripping(request: pytest.FixtureRequest) -> Iterator[Dripping]:
    server = Dripping(*DRIPS[request.param])
    yield server
    server.close()


def test_an_exchange_ends_however_steadily_it_drips(dripping: Dripping) -> None:
    with ComfyClient(dripping.origin, read_timeout_s=0.3) as client, pytest.raises(ComfyError):
        client.queue_remaining()


def test_a_connection_that_is_kept_has_a_new_deadline_for_each_exchange() -> None:
    answers = [b'{"exec_info": {"queue_remaining": %d}}' % number for number in range(6)]
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        peer, _ = listener.accept()
        with peer:
            for answer in answers:
                peer.recv(65536)
                threading.Event().wait(0.2)
                head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(answer)}\r\n\r\n".encode()
                peer.sendall(head + answer)

    thread = threading.Thread(target=serve)
    thread.start()
    origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with ComfyClient(origin, read_timeout_s=0.35) as client:  # one exchange may take 1.05 s in all
        assert [client.queue_remaining() for _ in answers] == [0, 1, 2, 3, 4, 5]
    thread.join()
    listener.close()
