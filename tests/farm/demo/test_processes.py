"""Nodes in processes of their own: killed, stopped, orphaned, restarted."""

import json
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from farm_app.demo.ledger import read_ledger
from tests.farm.demo.running import PATIENCE_S, Listener, a_spec, text_to_image, wait_until

ROOT = Path(__file__).parents[3]

Start = Callable[..., "Child"]


class Child:
    """``python -m farm_app.demo`` and its first node."""

    def __init__(self, specs: Path, **popen: Any) -> None:
        command = [sys.executable, "-m", "farm_app.demo", "--specs", str(specs)]
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(command, cwd=ROOT, text=True, **{**streams, **popen})
        line = self.process.stdout.readline() if self.process.stdout else ""
        self.said = json.loads(line) if line else None
        if self.said:
            self.url = f"http://127.0.0.1:{self.said['nodes'][0]['port']}"

    def get(self, path: str) -> Any:
        return httpx.get(self.url + path, timeout=PATIENCE_S).json()

    def post(self, graph: Any, **keys: Any) -> Any:
        body = {"prompt": graph, **keys}
        return httpx.post(f"{self.url}/prompt", json=body, timeout=PATIENCE_S).json()

    def wait(self) -> int:
        return self.process.wait(PATIENCE_S)

    def end(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_S)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    children: list[Child] = []

    def start_child(*, popen: dict[str, Any] | None = None, **changes: Any) -> Child:
        spec = a_spec(tmp_path / "node", ledger=tmp_path / "ledger.jsonl", **changes)
        specs = tmp_path / "specs.json"
        specs.write_text(json.dumps([spec.to_json()]))
        children.append(Child(specs, **(popen or {})))
        return children[-1]

    yield start_child
    for child in children:
        child.end()


def test_the_ledger_survives_a_sigkill(start: Start, tmp_path: Path) -> None:
    child = start(seconds={"sd15": 60.0})
    mine = str(uuid.uuid4())
    child.post(text_to_image(), prompt_id=mine, extra_data={"eliot": {"task": 9}})
    wait_until(lambda: len(read_ledger(tmp_path / "ledger.jsonl")) >= 2)
    child.process.kill()
    child.wait()
    lines = read_ledger(tmp_path / "ledger.jsonl")
    told = [(line["kind"], line["prompt_id"], line["eliot"]) for line in lines]
    assert told == [("prompt", mine, {"task": 9}), ("start", mine, {"task": 9})]


def test_a_restart_forgets_all_but_files(start: Start) -> None:
    child = start()
    prompt_id = child.post(text_to_image(1))["prompt_id"]
    wait_until(lambda: child.get(f"/history/{prompt_id}"))
    child.process.kill()
    child.wait()
    again = start()
    assert again.get("/history") == {}
    assert again.get("/api/jobs")["pagination"]["total"] == 0
    answer = again.post(text_to_image(1))
    assert answer["number"] == 0
    entry = wait_until(lambda: again.get(f"/history/{answer['prompt_id']}"))
    (item,) = entry[answer["prompt_id"]]["outputs"]["9"]["images"]
    assert item["filename"] == "eliot_00002_.png"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_and_cuts_sockets(start: Start, number: signal.Signals) -> None:
    child = start(seconds={"sd15": 60.0})
    listener = Listener(child.url, "C")
    child.post(text_to_image(), client_id="C")
    listener.wait_for("executing")
    child.process.send_signal(number)
    assert child.wait() == 0
    wait_until(lambda: listener.closed)


def test_it_ends_when_its_stdin_closes(start: Start) -> None:
    child = start()
    assert child.process.stdin is not None
    child.process.stdin.close()
    assert child.wait() == 0


def test_it_ends_when_its_parent_dies(start: Start, tmp_path: Path) -> None:
    start().end()  # writes the specs
    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'farm_app.demo', '--specs', sys.argv[1]],"
        " stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)\n"
        "child.stdout.readline(); print(child.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "specs.json")]
    parent = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    wait_until(lambda: not _lives(pid))


def _lives(pid: int) -> bool:
    """Whether a process runs; one that nobody has collected yet does not."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_busy_port_is_named(start: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        child = start(port=port)
        _, error = child.process.communicate(timeout=PATIENCE_S)
    assert child.process.returncode == 1
    assert f"gpu-test: port {port} on 127.0.0.1 is busy" in error


@pytest.mark.parametrize("text", ["", "{}", "[]", '[{"port": 1}]', '[{"name": "a", "wat": 1}]'])
def test_bad_specs_end_it_with_2_and_a_reason(tmp_path: Path, text: str) -> None:
    specs = tmp_path / "specs.json"
    specs.write_text(text)
    command = [sys.executable, "-m", "farm_app.demo", "--specs", str(specs)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert str(specs) in ended.stderr


def test_a_fault_can_end_the_process_in_mid_run(start: Start, tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text('[{"on": {"event": "progress", "value": 3}, "do": {"exit": 137}}]')
    child = start(rules=rules)
    child.post(text_to_image())
    assert child.wait() == 137
    kinds = [line["kind"] for line in read_ledger(tmp_path / "ledger.jsonl")]
    assert kinds == ["prompt", "start"]


def test_the_ledger_tells_cancels_and_interrupts(start: Start, tmp_path: Path) -> None:
    child = start(seconds={"sd15": 60.0})
    running, waiting = (child.post(text_to_image(seed))["prompt_id"] for seed in (1, 2))
    httpx.post(f"{child.url}/api/jobs/{waiting}/cancel")
    httpx.post(f"{child.url}/interrupt", json={"prompt_id": running})
    httpx.post(f"{child.url}/queue", json={"delete": [waiting]})
    lines = read_ledger(tmp_path / "ledger.jsonl")
    told = [(line["kind"], line["prompt_id"]) for line in lines if line["kind"] not in "prompt"]
    wanted = [("start", running), ("cancel", waiting), ("interrupt", running), ("delete", waiting)]
    assert [pair for pair in told if pair[0] != "end"] == wanted


def test_the_command_serves_a_node(tmp_path: Path) -> None:
    command = [sys.executable, "manage.py", "demo_node", "--port", "0", "--name", "one"]
    command += ["--seconds", "sd15=0.05", "--folder", str(tmp_path / "one"), "--no-previews"]
    environment = os.environ | {"ELIOT_DATA": str(tmp_path / "data")}
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        (node,) = json.loads(process.stdout.readline())["nodes"]
        spec = httpx.get(f"http://127.0.0.1:{node['port']}/demo/status").json()["spec"]
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
    assert (spec["name"], spec["previews"], spec["seconds"]) == ("one", False, {"sd15": 0.05})


def test_it_starts_without_django(tmp_path: Path) -> None:
    code = "import farm_app.demo.__main__, sys; print('django' in sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "False"
