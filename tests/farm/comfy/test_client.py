from __future__ import annotations

import json
import threading
from typing import Any

import httpx
import pytest

from farm_app.comfy.client import (
    MOST_QUEUED,
    Absent,
    Accepted,
    ComfyClient,
    Finished,
    Pending,
    Running,
)
from farm_app.comfy.errors import (
    AlreadyKnown,
    BadResponse,
    Busy,
    NeedsCredentials,
    Rejected,
    TooLarge,
)
from tests.farm.comfy.node import ScriptedNode, body, says, status
from tests.farm.comfy.recorded import recording

PLAIN = recording("01-txt2img")
GRAPH: dict[str, Any] = PLAIN.exchanges("POST /prompt")[0]["json"]["prompt"]
[(DONE, ENTRY)] = PLAIN.histories().items()
EMPTY: dict[str, list[object]] = {"queue_running": [], "queue_pending": []}


def send(client: ComfyClient) -> Accepted:
    marker = {"eliot": {"attempt": "mine"}}
    return client.submit(GRAPH, prompt_id="p-1", client_id="c-1", extra_data=marker)


def queued(prompt_id: str, part: str = "pending", marker: str = "") -> dict[str, Any]:
    item = [3, prompt_id, GRAPH, {"eliot": {"attempt": marker}}, ["9"]]
    return EMPTY | {f"queue_{part}": [item]}


def test_a_sign_of_life_is_a_number(node: ScriptedNode, client: ComfyClient) -> None:
    node.on("GET /prompt", says({"exec_info": {"queue_remaining": 3}}))
    assert client.queue_remaining() == 3


def test_a_queue_longer_than_any_is_a_lie_that_breaks_no_row(
    node: ScriptedNode, client: ComfyClient
) -> None:
    node.on("GET /prompt", says({"exec_info": {"queue_remaining": 10**30}}))
    assert client.queue_remaining() == MOST_QUEUED


@pytest.mark.parametrize("answer", [{}, [], None, {"exec_info": {"queue_remaining": "3"}}])
def test_another_server_s_answer_is_not_taken_for_life(
    node: ScriptedNode, client: ComfyClient, answer: object
) -> None:
    node.on("GET /prompt", says(answer))
    with pytest.raises(BadResponse, match="not a ComfyUI"):
        client.queue_remaining()


def test_a_printer_is_not_a_comfyui(node: ScriptedNode, client: ComfyClient) -> None:
    with pytest.raises(BadResponse, match="not a ComfyUI"):
        client.system_stats()
    node.on("GET /system_stats", says({"status": "out of toner"}))
    with pytest.raises(BadResponse, match="not a ComfyUI"):
        client.system_stats()


def test_a_node_says_what_it_is_and_has(node: ScriptedNode, client: ComfyClient) -> None:
    surface = recording("23-surface")
    info: dict[str, Any] = {}
    for row in surface.exchanges("GET /object_info/"):
        info |= row["body"]
    node.on("GET /system_stats", says(surface.answer("GET /system_stats")))
    node.on("GET /object_info", says(info))
    assert client.system_stats().version == "0.33.0"
    assert "mini-sd15.safetensors" in client.inventory().models["checkpoints"]


def test_it_sends_no_origin_and_asks_for_plain_bodies(
    node: ScriptedNode, client: ComfyClient
) -> None:
    node.on("GET /queue", says(EMPTY))
    client.queue()
    assert "origin" not in node.headers[0]
    assert node.headers[0]["accept-encoding"] == "identity"


def test_a_path_in_front_and_a_password_are_kept_and_not_told() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(401)

    client = ComfyClient("http://ann:pw@box:8188/comfy/", transport=httpx.MockTransport(answer))
    with client, pytest.raises(NeedsCredentials) as caught:
        client.queue()
    assert seen[0].url.path == "/comfy/queue"
    assert seen[0].headers["authorization"].startswith("Basic ")
    assert "pw" not in caught.value.sentence
    assert "box:8188" in caught.value.sentence


@pytest.mark.parametrize("origin", ["", "box:8188", "ftp://box", "http://", "http://[::1"])
def test_an_address_that_is_none_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="address"):
        ComfyClient(origin)


# Submitting


def test_a_graph_is_queued_under_our_id(node: ScriptedNode, client: ComfyClient) -> None:
    node.on("POST /prompt", says({"prompt_id": "p-1", "number": 4, "node_errors": {}}))
    assert send(client) == Accepted("p-1", 4.0)
    assert node.posted() == {
        "prompt": GRAPH,
        "prompt_id": "p-1",
        "client_id": "c-1",
        "extra_data": {"eliot": {"attempt": "mine"}},
    }


def test_a_server_may_use_an_id_of_its_own(node: ScriptedNode, client: ComfyClient) -> None:
    node.on("POST /prompt", says({"prompt_id": "theirs", "number": 0}))
    assert send(client).prompt_id == "theirs"


def test_any_text_reaches_the_node(node: ScriptedNode, client: ComfyClient) -> None:
    node.on("POST /prompt", says({"prompt_id": "p", "number": 0}))
    graph = {"6": {"class_type": "X", "inputs": {"text": 'été "q"\n\\ \u2028 🎬 \x00'}}}
    client.submit(graph, prompt_id="p", client_id="c")
    assert node.posted()["prompt"] == graph


def test_a_rejected_graph_says_why(node: ScriptedNode, client: ComfyClient) -> None:
    refusal = recording("06-validation").exchanges("POST /prompt")[0]["body"]
    node.on("POST /prompt", body(json.dumps(refusal).encode(), code=400))
    with pytest.raises(Rejected) as caught:
        send(client)
    assert (caught.value.kind, caught.value.missing) == ("capability", ("nope.safetensors",))
    assert not caught.value.ambiguous


def test_an_accepted_graph_that_lost_an_output_is_cancelled_and_rejected(
    node: ScriptedNode, client: ComfyClient
) -> None:
    rows = recording("06-validation").exchanges("POST /prompt")
    partly = next(row for row in rows if row["note"].startswith("two outputs"))
    node.on("POST /prompt", says(partly["body"]))
    node.on("GET /api/jobs", says({"jobs": []}))
    queued_as = partly["body"]["prompt_id"]
    node.on(f"POST /api/jobs/{queued_as}/cancel", says({"cancelled": True}))
    with pytest.raises(Rejected) as caught:
        client.submit(partly["json"]["prompt"], prompt_id=queued_as, client_id="c")
    assert caught.value.accepted_as == queued_as
    assert node.requests[-1] == f"POST /api/jobs/{queued_as}/cancel"


@pytest.mark.parametrize(
    ("code", "kind", "ambiguous"),
    [
        (401, NeedsCredentials, False),
        (403, NeedsCredentials, False),
        (409, AlreadyKnown, False),
        (413, TooLarge, False),
        (418, BadResponse, False),
        (429, Busy, False),
        (500, Busy, True),
        (502, Busy, True),
        (503, Busy, True),
    ],
)
def test_each_refusal_is_told_apart(
    node: ScriptedNode, client: ComfyClient, code: int, kind: type[Exception], ambiguous: bool
) -> None:
    node.on("POST /prompt", status(code, b"500 Internal Server Error"))
    with pytest.raises(kind) as caught:
        send(client)
    assert getattr(caught.value, "ambiguous", None) is ambiguous


def test_an_acceptance_that_cannot_be_read_is_ambiguous(
    node: ScriptedNode, client: ComfyClient
) -> None:
    for answer in (body(b"<html>"), says({"number": 4}), says([]), body(b"")):
        node.on("POST /prompt", answer)
        with pytest.raises(BadResponse) as caught:
            send(client)
        assert caught.value.ambiguous


# What became of it


def test_an_entry_is_found_by_its_id(node: ScriptedNode, client: ComfyClient) -> None:
    node.on(f"GET /history/{DONE}", says({DONE: ENTRY}))
    node.on("GET /history/other", says({}))
    entry = client.history(DONE)
    assert entry
    assert entry.outputs[0].filename == "eliot_00007_.png"
    assert client.history("other") is None


def test_an_id_cannot_reach_another_route(node: ScriptedNode, client: ComfyClient) -> None:
    node.on("GET /history/..%2Fqueue%3Fx", says({}))
    assert client.history("../queue?x") is None


def test_a_waiting_and_a_running_prompt_are_found(node: ScriptedNode, client: ComfyClient) -> None:
    node.on("GET /queue", says(queued("p-1")), says(queued("p-1", "running")))
    assert client.look_up("p-1") == Pending("p-1")
    assert client.look_up("p-1") == Running("p-1")


def test_a_prompt_of_another_id_is_found_by_our_marker(
    node: ScriptedNode, client: ComfyClient
) -> None:
    node.on("GET /queue", says(queued("theirs", "running", marker="mine")))
    assert client.look_up("p-1", "mine") == Running("theirs")


def test_a_finished_prompt_of_another_id_is_found_by_our_marker(
    node: ScriptedNode, client: ComfyClient
) -> None:
    node.on("GET /queue", says(EMPTY))
    node.on("GET /history/p-1", says({}))
    prompt = [4, "theirs", GRAPH, {"eliot": {"attempt": "mine"}}, ["9"]]
    node.on("GET /history", says({"other": ENTRY, "theirs": ENTRY | {"prompt": prompt}}))
    fate = client.look_up("p-1", "mine")
    assert isinstance(fate, Finished)
    assert fate.entry.prompt_id == "theirs"
    assert "GET /history?max_items=64" in node.requests


def test_a_prompt_that_ends_while_we_look_is_not_called_absent(
    node: ScriptedNode, client: ComfyClient
) -> None:
    node.on("GET /queue", says(EMPTY))
    node.on(f"GET /history/{DONE}", says({}), says({DONE: ENTRY}))
    assert isinstance(client.look_up(DONE), Finished)


def test_a_prompt_that_arrives_while_we_look_is_not_called_absent(
    node: ScriptedNode, client: ComfyClient
) -> None:
    node.on("GET /queue", says(EMPTY), says(queued("p-1")))
    node.on("GET /history/p-1", says({}))
    assert client.look_up("p-1") == Pending("p-1")


def test_a_restarted_server_knows_nothing(node: ScriptedNode, client: ComfyClient) -> None:
    for row in recording("19-restarted").exchanges("GET "):
        node.on(row["http"], says(row["body"]))
    assert client.look_up("54c5b794-124c-437a-a830-1a31236f167b") == Absent()


def test_a_queue_that_cannot_be_read_is_no_proof_of_absence(
    node: ScriptedNode, client: ComfyClient
) -> None:
    node.on("GET /queue", says({"queue_running": []}))
    with pytest.raises(BadResponse):
        client.look_up("p-1")


# Cancelling


def test_a_current_server_is_asked_to_cancel_in_one_call(
    node: ScriptedNode, client: ComfyClient
) -> None:
    node.on("GET /api/jobs", says({"jobs": [], "pagination": {}}))
    node.on("POST /api/jobs/p-1/cancel", says({"cancelled": True}))
    client.cancel("p-1")
    client.cancel("p-1")
    assert node.requests == ["GET /api/jobs?limit=1", *["POST /api/jobs/p-1/cancel"] * 2]


def test_an_old_server_drops_it_from_the_queue(node: ScriptedNode, client: ComfyClient) -> None:
    node.on("POST /queue", body(b""))
    node.on("GET /queue", says(queued("another", "running")))
    client.cancel("p-1")
    assert node.posted(1) == {"delete": ["p-1"]}
    assert "POST /interrupt" not in node.requests


def test_an_old_server_is_interrupted_only_while_ours_runs(
    node: ScriptedNode, client: ComfyClient
) -> None:
    node.on("POST /queue", body(b""))
    node.on("GET /queue", says(queued("p-1", "running")))
    node.on("POST /interrupt", body(b""))
    client.cancel("p-1")
    assert node.requests[-1] == "POST /interrupt"
    assert node.posted() == {"prompt_id": "p-1"}


@pytest.mark.parametrize(
    ("version", "is_stopped"),
    [("0.3.20", False), ("", False), ("odd", False), ("0.3.64", True), ("v0.4.0-beta", True)],
)
def test_while_others_wait_only_a_server_that_aims_is_interrupted(
    node: ScriptedNode, client: ComfyClient, version: str, is_stopped: bool
) -> None:
    busy = queued("p-1", "running") | {"queue_pending": queued("theirs")["queue_pending"]}
    node.on("POST /queue", body(b""))
    node.on("GET /queue", says(busy))
    node.on("POST /interrupt", body(b""))
    client.cancel("p-1", version=version)
    assert ("POST /interrupt" in node.requests) == is_stopped


def test_a_server_that_lost_its_jobs_api_is_cancelled_the_old_way(
    node: ScriptedNode, client: ComfyClient
) -> None:
    node.on("GET /api/jobs", says({"jobs": []}))
    node.on("POST /queue", body(b""))
    node.on("GET /queue", says(EMPTY))
    client.cancel("p-1")
    assert client.has_jobs_api() is False
    assert "POST /queue" in node.requests


def test_threads_share_a_client(node: ScriptedNode, client: ComfyClient) -> None:
    node.on("GET /queue", says(queued("p-1")))
    found: list[tuple[str, ...]] = []
    threads = [
        threading.Thread(target=lambda: found.append(client.queue().pending)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [("p-1",)] * 8
