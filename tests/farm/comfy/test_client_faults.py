from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from farm_app.comfy.client import ComfyClient
from farm_app.comfy.errors import BadResponse, Busy, Unreachable
from farm_app.comfy.wire import LEAST_BYTES_PER_S, Pace, TooSlow, retry_after_s
from tests.farm.comfy import node as scripts
from tests.farm.comfy.node import Handler, ScriptedNode, body, closed_port, endless, says, status


def send(client: ComfyClient) -> object:
    return client.submit({}, prompt_id="p", client_id="c")


def test_a_closed_port_proves_that_the_process_is_gone() -> None:
    origin = f"http://127.0.0.1:{closed_port()}"
    with ComfyClient(origin) as client, pytest.raises(Unreachable, match="Nothing lis") as caught:
        send(client)
    assert (caught.value.refused, caught.value.ambiguous) == (True, False)


def test_a_name_that_nobody_has_is_not_a_refusal() -> None:
    origin = "http://no-such-host.invalid:8188"
    with ComfyClient(origin) as client, pytest.raises(Unreachable) as caught:
        client.queue()
    assert (caught.value.refused, caught.value.ambiguous) == (False, False)


def test_a_reset_may_come_after_the_node_took_the_prompt(
    node: ScriptedNode, client: ComfyClient
) -> None:
    node.on("POST /prompt", scripts.reset)
    with pytest.raises(Unreachable, match="broke off") as caught:
        send(client)
    assert (caught.value.refused, caught.value.ambiguous) == (False, True)


def test_a_node_that_hangs_up_without_a_word_is_ambiguous(
    node: ScriptedNode, client: ComfyClient
) -> None:
    node.on("POST /prompt", scripts.hangs_up)
    with pytest.raises(Unreachable) as caught:
        send(client)
    assert caught.value.ambiguous


@pytest.fixture
def hasty(node: ScriptedNode) -> Iterator[ComfyClient]:
    with ComfyClient(node.origin, read_timeout_s=0.3) as opened:
        yield opened


def test_a_node_that_answers_too_late_is_ambiguous(node: ScriptedNode, hasty: ComfyClient) -> None:
    node.on("POST /prompt", scripts.says_nothing)
    with pytest.raises(Unreachable, match=r"within 0\.3 s") as caught:
        send(hasty)
    assert (caught.value.refused, caught.value.ambiguous) == (False, True)


def test_an_answer_that_drips_is_given_up(node: ScriptedNode, hasty: ComfyClient) -> None:
    node.on("GET /queue", scripts.drips)
    with pytest.raises(Unreachable, match="too slowly"):
        hasty.queue()


@pytest.mark.parametrize(
    "data",
    [
        b"<!doctype html><title>Login</title>",
        b'{"exec_info": ',
        b'{"exec_info": {"queue_remaining": NaN}}',
        b'{"exec_info": {"queue_remaining": 1e999}}',
        b'{"exec_info": "\xff\xfe"}',
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000,
        b"9" * 5000,
    ],
)
def test_garbage_is_a_bad_response_with_its_head(
    node: ScriptedNode, client: ComfyClient, data: bytes
) -> None:
    node.on("GET /prompt", body(data, "application/json"))
    with pytest.raises(BadResponse) as caught:
        client.queue_remaining()
    assert len(caught.value.evidence) <= 200


def test_the_last_of_doubled_keys_counts(node: ScriptedNode, client: ComfyClient) -> None:
    node.on("GET /prompt", body(b'{"exec_info": 1, "exec_info": {"queue_remaining": 2}}'))
    assert client.queue_remaining() == 2


def test_a_redirect_is_not_followed(node: ScriptedNode, client: ComfyClient) -> None:
    node.on("GET /queue", status(302, Location="/elsewhere"))
    with pytest.raises(BadResponse, match="unexpected redirect"):
        client.queue()
    assert node.requests == ["GET /queue"]


def test_a_compressed_answer_is_refused(node: ScriptedNode, client: ComfyClient) -> None:
    node.on("GET /queue", body(b"\x1f\x8b", Content_Encoding="gzip"))
    with pytest.raises(BadResponse, match="compresses"):
        client.queue()


@pytest.mark.parametrize("code", [429, 503])
def test_a_busy_server_is_given_the_time_it_asks_for(
    node: ScriptedNode, client: ComfyClient, code: int
) -> None:
    node.on("GET /queue", status(code, Retry_After="7"))
    with pytest.raises(Busy) as caught:
        client.queue()
    assert caught.value.retry_after_s == 7.0


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [("", None), ("soon", None), ("nan", None), ("-5", 0.0), ("99999", 300.0), ("inf", 300.0)],
)
def test_a_senseless_wait_is_bounded(header: str, wait_s: float | None) -> None:
    assert retry_after_s(header) == wait_s


def test_a_wait_may_be_a_date() -> None:
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert retry_after_s("Wed, 21 Oct 2915 07:28:00 GMT") == 300.0


def test_an_endless_answer_is_cut_at_the_cap(node: ScriptedNode, client: ComfyClient) -> None:
    node.on("GET /prompt", endless(b" " * 65536))
    with pytest.raises(BadResponse, match="more than 8 MiB"):
        client.queue_remaining()


@pytest.mark.parametrize(("path", "mib"), [("/queue", 32), ("/object_info", 64)])
def test_an_answer_that_announces_too_much_is_not_even_read(
    node: ScriptedNode, client: ComfyClient, path: str, mib: int
) -> None:
    node.on(f"GET {path}", scripts.promises(mib * 2**20 + 1, b"{"))
    with pytest.raises(BadResponse, match=f"more than {mib} MiB"):
        client.queue() if path == "/queue" else client.inventory()


@pytest.mark.parametrize("answer", [scripts.promises(500, b"{"), scripts.cut_chunk])
def test_an_answer_cut_short_is_not_used(
    node: ScriptedNode, client: ComfyClient, answer: Callable[[Handler], None]
) -> None:
    node.on("GET /queue", answer)
    with pytest.raises(Unreachable, match="broke off"):
        client.queue()


def test_what_does_not_speak_http_is_no_comfyui() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_greet_like_no_web_server, args=(server,))
        thread.start()
        origin = f"http://127.0.0.1:{server.getsockname()[1]}"
        with ComfyClient(origin) as client, pytest.raises(BadResponse, match="not speak HTTP"):
            client.queue()
        thread.join()


def _greet_like_no_web_server(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.sendall(b"220 mail.example ESMTP\r\n\r\n")
        connection.recv(1000)


def test_a_client_works_again_after_a_fault(node: ScriptedNode, client: ComfyClient) -> None:
    empty: dict[str, list[object]] = {"queue_running": [], "queue_pending": []}
    node.on("GET /queue", scripts.reset, scripts.cut_chunk, says(empty))
    for _ in range(2):
        with pytest.raises(Unreachable):
            client.queue()
    assert client.queue().running == ()


def test_pace_lets_pass_what_is_slow_but_moves() -> None:
    now = 0.0
    pace = Pace(30.0, clock=lambda: now)
    for _ in range(5):
        now += 31.0
        pace.came(32 * LEAST_BYTES_PER_S)
    now += 31.0
    with pytest.raises(TooSlow):
        pace.came(LEAST_BYTES_PER_S)


def test_opening_a_client_costs_no_tls() -> None:
    begun = time.process_time()
    for _ in range(20):
        ComfyClient("http://127.0.0.1:8188").close()
    assert time.process_time() - begun < 1.0
