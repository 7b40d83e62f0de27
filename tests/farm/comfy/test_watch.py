from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from websockets.sync.server import ServerConnection, serve

from farm_app.comfy import events
from farm_app.comfy.errors import BadResponse, Busy, NeedsCredentials, Unreachable
from farm_app.comfy.watch import PING_S, Watch
from tests.farm.comfy.node import ScriptedNode, closed_port, says_nothing, status
from tests.farm.comfy.recorded import recording

FLAGS = {"type": "feature_flags", "data": {"supports_preview_metadata": True}}


@contextmanager
def socket_node(play: Callable[[ServerConnection], None]) -> Iterator[str]:
    with serve(play, "127.0.0.1", 0, compression=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_it_introduces_itself_and_hears_a_whole_run() -> None:
    messages = recording("01-txt2img").messages()
    heard: list[object] = []

    def play(connection: ServerConnection) -> None:
        heard.append(connection.request.path if connection.request else None)
        heard.append(json.loads(connection.recv()))
        for message in messages:
            connection.send(message)
        connection.recv()

    with socket_node(play) as origin, Watch(origin, "a/b c") as watch:
        found = [watch.next_event(5.0) for _ in messages]
    assert heard == ["/ws?clientId=a%2Fb%20c", FLAGS]
    assert found == recording("01-txt2img").events()


def test_silence_is_no_event() -> None:
    with socket_node(drain) as origin, Watch(origin, "c") as watch:
        assert watch.next_event(0.02) is None
        assert watch.next_event(0.0) is None


def drain(connection: ServerConnection) -> None:
    for _ in connection:
        pass


def test_a_closed_socket_is_told_after_what_it_said_before() -> None:
    def play(connection: ServerConnection) -> None:
        connection.recv()
        connection.send('{"type":"status","data":{"status":{"exec_info":{"queue_remaining":2}}}}')

    with socket_node(play) as origin, Watch(origin, "c") as watch:
        assert watch.next_event(5.0) == events.Status(2)
        for _ in range(2):
            with pytest.raises(Unreachable, match="closed its event socket") as caught:
                watch.next_event(5.0)
        assert not caught.value.refused


def test_a_monstrous_message_closes_the_socket() -> None:
    def play(connection: ServerConnection) -> None:
        connection.recv()
        connection.send(bytes(17 * 2**20))
        drain(connection)

    with socket_node(play) as origin, Watch(origin, "c") as watch, pytest.raises(Unreachable):
        watch.next_event(10.0)


def test_a_message_in_many_parts_is_one_event() -> None:
    said = json.dumps({"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 2}}}})

    def play(connection: ServerConnection) -> None:
        connection.recv()
        connection.send(iter(said))
        drain(connection)

    with socket_node(play) as origin, Watch(origin, "c") as watch:
        assert watch.next_event(5.0) == events.Status(2)


def test_a_farewell_is_answered_before_the_socket_is_gone() -> None:
    ends: list[int | None] = []

    def play(connection: ServerConnection) -> None:
        drain(connection)
        ends.append(connection.close_code)

    with socket_node(play) as origin:
        Watch(origin, "c").close()
    assert ends == [1000]


def test_a_node_that_is_silent_is_asked_for_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket_node(drain) as origin, Watch(origin, "c") as watch:
        watch._heard_at -= 2 * PING_S
        watch._asked_at -= 3 * PING_S
        assert watch.next_event(0.0) is None
        while watch._heard_at <= watch._asked_at:
            assert watch.next_event(0.02) is None
        monkeypatch.setattr(watch, "_receive", never)
        watch._heard_at -= 3 * PING_S
        watch._asked_at -= 2 * PING_S
        with pytest.raises(Unreachable, match="closed its event socket"):
            watch.next_event(0.0)


def never(timeout_s: float) -> None:
    raise TimeoutError


def test_it_may_be_closed_twice_and_from_another_thread() -> None:
    with socket_node(drain) as origin:
        watch = Watch(origin, "c")
        threading.Timer(0.05, watch.close).start()
        with pytest.raises(Unreachable):
            watch.next_event(10.0)
        watch.close()


def test_a_closed_port_is_a_refusal() -> None:
    with pytest.raises(Unreachable) as caught:
        Watch(f"http://127.0.0.1:{closed_port()}", "c")
    assert caught.value.refused


@pytest.mark.parametrize(
    ("code", "kind"),
    [(401, NeedsCredentials), (403, NeedsCredentials), (404, BadResponse), (503, Busy)],
)
def test_a_refused_handshake_is_told_apart(
    node: ScriptedNode, code: int, kind: type[Exception]
) -> None:
    node.on("GET /ws", status(code))
    with pytest.raises(kind):
        Watch(node.origin, "c")


def test_a_redirect_to_another_host_is_not_followed(node: ScriptedNode) -> None:
    asked = threading.Event()

    def elsewhere(connection: ServerConnection) -> None:
        asked.set()

    with socket_node(elsewhere) as other:
        node.on("GET /ws", status(302, Location=other.replace("http", "ws") + "/ws"))
        with pytest.raises(BadResponse):
            Watch(node.origin, "c")
        assert not asked.is_set()


def test_a_server_that_never_shakes_hands_is_given_up(node: ScriptedNode) -> None:
    node.on("GET /ws", says_nothing)
    with pytest.raises(Unreachable, match="opens no event socket"):
        Watch(node.origin, "c", open_timeout_s=0.3)
