"""Scripted faults, each seen from the client's side."""

import json
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from farm_app.demo.faults import EventFacts, Faults, RuleError
from farm_app.demo.mischief import cut_length
from tests.farm.demo.running import RunningNode, a_spec, text_to_image, wait_until

VIEW = {"filename": "eliot_00001_.png"}


def rule(on: dict[str, Any], do: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"on": on, "do": do, **more}


def test_an_answer_can_be_lost_after_the_work_was_accepted(node: RunningNode) -> None:
    mine = str(uuid.uuid4())
    node.rules(
        rule(
            {"method": "POST", "path": "/prompt", "nth": 1},
            {"accept": True, "then": {"drop_response": True}},
        )
    )
    with pytest.raises(httpx.TransportError):
        node.post(text_to_image(), prompt_id=mine)
    assert node.entry(mine)["status"]["status_str"] == "success"


def test_a_reset_comes_before_the_work(node: RunningNode) -> None:
    node.rules(rule({"method": "POST", "path": "/prompt"}, {"reset": True}, count=1))
    with pytest.raises(httpx.TransportError):
        node.post(text_to_image())
    assert node.status()["executed"] == 0
    assert node.run(text_to_image())["outputs"]


def test_the_nth_request_is_hit_and_no_other(node: RunningNode) -> None:
    node.rules(rule({"path": "/queue", "nth": 2}, {"status": 502, "body": "<html>"}))
    codes = [node.http.get("/queue").status_code for _ in range(3)]
    assert codes == [200, 502, 200]


def test_the_first_matching_rule_wins_until_its_count_is_used_up(node: RunningNode) -> None:
    node.rules(
        rule({"path": "/queue"}, {"status": 500}, count=1),
        rule({"path": "/que*"}, {"status": 429, "headers": {"Retry-After": "7"}}, count=1),
    )
    answers = [node.http.get("/api/queue") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [500, 429, 200]
    assert answers[1].headers["retry-after"] == "7"


@pytest.mark.parametrize("keep", [True, False])
def test_a_file_can_be_cut_short(node: RunningNode, keep: bool) -> None:
    node.run(text_to_image())
    whole = node.http.get("/view", params=VIEW).content
    node.rules(rule({"path": "/view"}, {"truncate": -12, "keep_content_length": keep}))
    if keep:
        with pytest.raises(httpx.RemoteProtocolError):
            node.http.get("/view", params=VIEW)
    else:
        assert node.http.get("/view", params=VIEW).content == whole[:-12]


@pytest.mark.parametrize(("cut", "left"), [(-12, 88), (0.5, 50), (30, 30), (-200, 0), (999, 100)])
def test_cuts_count_from_either_end_or_are_shares(cut: float, left: int) -> None:
    assert cut_length(100, cut) == left


def test_the_history_can_lag_behind_the_success(node: RunningNode) -> None:
    node.rules(
        rule(
            {"path": "/history/*", "for_seconds": 0.3, "after_event": "execution_success"},
            {"status": 200, "json": {}},
        )
    )
    with node.socket() as listener:
        prompt_id = node.post(text_to_image(), client_id=listener.client_id).json()["prompt_id"]
        listener.wait_for("execution_success")
        assert node.history(prompt_id) is None
        assert node.entry(prompt_id)


def test_an_answer_can_be_late(node: RunningNode) -> None:
    node.rules(rule({"path": "*"}, {"latency_ms": 80, "jitter_ms": 10, "seed": 42}))
    assert node.http.get("/prompt").elapsed.total_seconds() > 0.08


def test_a_hang_ends_when_the_client_gives_up(node: RunningNode) -> None:
    node.rules(rule({"path": "/queue"}, {"hang": True}))
    with pytest.raises(httpx.ReadTimeout):
        node.http.get("/queue", timeout=0.1)
    assert node.http.get("/prompt").status_code == 200


def test_a_graph_can_be_refused(node: RunningNode) -> None:
    node.rules(
        rule({"path": "/prompt", "prompt_contains": "forbidden"}, {"reject": "value_not_in_list"})
    )
    refused = node.post(text_to_image(text="a forbidden word"))
    assert refused.status_code == 400
    assert refused.json()["node_errors"]["4"]["errors"][0]["type"] == "value_not_in_list"
    assert node.post(text_to_image()).status_code == 200


def test_an_answer_can_be_a_lie_in_part(node: RunningNode) -> None:
    broken = {"9": {"errors": [], "dependent_outputs": ["9"], "class_type": "SaveImage"}}
    node.rules(
        rule({"path": "/prompt"}, {"accept": True, "then": {"merge": {"node_errors": broken}}})
    )
    answer = node.post(text_to_image()).json()
    assert answer["node_errors"] == broken
    assert node.entry(answer["prompt_id"])["outputs"]


@pytest.mark.parametrize(
    ("do", "kind"),
    [
        ({"oom": True}, "torch.OutOfMemoryError"),
        ({"raise": {"type": "ValueError", "message": "odd"}}, "ValueError"),
    ],
)
def test_a_node_can_fail(node: RunningNode, do: dict[str, Any], kind: str) -> None:
    node.rules(rule({"event": "executing", "class": "KSampler"}, do, count=1))
    messages = dict(node.run(text_to_image())["status"]["messages"])
    assert messages["execution_error"]["exception_type"] == kind
    assert messages["execution_error"]["node_id"] == "3"
    assert node.run(text_to_image())["status"]["status_str"] == "success"


def test_a_prompt_can_be_interrupted_by_somebody(node: RunningNode) -> None:
    node.rules(rule({"event": "progress", "value": 2}, {"interrupt": True}))
    entry = node.run(text_to_image())
    assert entry["status"]["messages"][-1][0] == "execution_interrupted"


def test_progress_can_stop_while_http_goes_on(node: RunningNode) -> None:
    node.rules(rule({"event": "progress", "value": 2}, {"stop_progress": True}))
    prompt_id = node.post(text_to_image()).json()["prompt_id"]
    wait_until(lambda: node.status()["rules"][0]["hits"])
    assert node.http.get("/prompt").json()["exec_info"]["queue_remaining"] == 1
    assert node.http.post(f"/api/jobs/{prompt_id}/cancel").json() == {"cancelled": True}
    assert node.entry(prompt_id)["status"]["status_str"] == "error"


def test_a_dead_worker_ignores_interrupts(node: RunningNode) -> None:
    node.rules(rule({"event": "executing", "class": "VAEDecode"}, {"hang": True}))
    prompt_id = node.post(text_to_image()).json()["prompt_id"]
    wait_until(lambda: node.status()["rules"][0]["hits"])
    node.http.post("/interrupt")
    later = node.post(text_to_image(2)).json()["prompt_id"]
    assert node.http.get("/prompt").json()["exec_info"]["queue_remaining"] == 2
    assert node.history(prompt_id) is node.history(later) is None


def test_events_can_be_dropped_doubled_and_garbled(node: RunningNode) -> None:
    node.rules(
        rule({"event": "executed"}, {"drop": True}),
        rule({"event": "execution_success"}, {"duplicate": 1}),
        rule({"event": "progress", "value": 4}, {"data": {"value": 99, "max": 0}}),
    )
    with node.socket() as listener:
        entry = node.run(text_to_image(), client_id=listener.client_id)
        listener.wait_for_end(entry["prompt"][1])
    assert listener.of("executed") == []
    assert len(listener.of("execution_success")) == 2
    assert (listener.of("progress")[-1]["value"], listener.of("progress")[-1]["max"]) == (99, 0)
    assert entry["outputs"]["9"]


def test_previews_can_be_dropped(node: RunningNode) -> None:
    node.rules(rule({"event": "preview"}, {"drop": True}))
    with node.socket() as listener:
        entry = node.run(text_to_image(), client_id=listener.client_id)
        listener.wait_for_end(entry["prompt"][1])
    assert all(isinstance(frame, dict) for frame in listener.frames)


def test_sockets_can_be_cut_while_http_goes_on(node: RunningNode) -> None:
    node.rules(rule({"event": "progress", "value": 2}, {"close_sockets": True}))
    listener = node.socket()
    entry = node.run(text_to_image(), client_id=listener.client_id)
    wait_until(lambda: listener.closed)
    assert entry["status"]["status_str"] == "success"
    assert "execution_success" not in listener.kinds


def test_rules_come_from_yaml_in_which_on_means_true(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(
        "rules:\n  - on: {path: /queue, nth: 1}\n    do: {status: 418, json: {tea: true}}\n"
    )
    with RunningNode(a_spec(tmp_path / "node", rules=file)) as node:
        answer = node.http.get("/queue")
    assert (answer.status_code, answer.json()) == (418, {"tea": True})


@pytest.mark.parametrize(
    "raw",
    [
        "rules",
        [1],
        [{"on": {"path": "*"}}],
        [{"on": {"paht": "*"}, "do": {}}],
        [{"on": {"path": "*"}, "do": {"oom": True}}],
        [{"on": {"path": "*"}, "do": {"accept": True, "then": {"exit": 1}}}],
    ],
)
def test_nonsense_is_refused_with_a_reason(raw: Any) -> None:
    faults = Faults()
    with pytest.raises(RuleError, match=r".+"):
        faults.load(raw)


def test_a_window_closes_by_itself() -> None:
    now = time.monotonic()
    faults = Faults(clock=lambda: now)
    faults.load([rule({"path": "*", "for_seconds": 3, "after_event": "executed"}, {"status": 500})])
    assert faults.for_request("GET", "/queue") is None
    faults.for_event(EventFacts("executed"))
    assert faults.for_request("GET", "/queue") is not None
    now += 4
    assert faults.for_request("GET", "/queue") is None


def test_a_share_of_requests_is_reset_and_the_same_ones_each_time(node: RunningNode) -> None:
    def outcome() -> list[bool]:
        node.rules(rule({"path": "/queue"}, {"reset_probability": 0.5, "seed": 7}))
        reached = []
        for _ in range(12):
            try:
                reached.append(node.http.get("/queue").status_code == 200)
            except httpx.TransportError:
                reached.append(False)
        return reached

    first = outcome()
    assert 0 < sum(first) < 12
    assert outcome() == first


def test_rules_are_json_in_the_status(node: RunningNode) -> None:
    node.rules(rule({"event": "any", "node": "3"}, {"latency_ms": 1}))
    node.run(text_to_image())
    assert json.dumps(node.status()["rules"])
    assert node.status()["rules"][0]["hits"] > 3
