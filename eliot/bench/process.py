"""Eliot as a bench runs it: a process of its own on a folder of its own, asked and read from outside."""

import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from django.conf import settings

NODES: Final = 4
DRAFTS: Final = 20
PROMPT: Final = "a lighthouse on a black rock at first light, low mist, long swell"
START_S: Final = 60
STOP_S: Final = 15


class BenchFailed(Exception):
    """Nothing could be measured; says why."""


def wait_until(
    condition: Callable[[], bool], limit_s: float, what: str, *, every_s: float = 0.1
) -> None:
    """Wait, asking gently: what is waited for shares this machine.

    Raises:
        BenchFailed: It did not come true in time; ``what`` says what is missing.
    """
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            msg = f"{what} within {limit_s:g} s."
            raise BenchFailed(msg)
        time.sleep(every_s)


@dataclass
class Running:
    """A running Eliot."""

    process: subprocess.Popen[bytes]
    address: str
    data: Path
    client: httpx.Client

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Read rows from outside, without disturbing the writers."""
        link = sqlite3.connect(f"file:{self.data / 'eliot.sqlite3'}?mode=ro", uri=True, timeout=10)
        try:
            return link.execute(sql, values).fetchall()
        finally:
            link.close()

    def post(self, path: str, data: Mapping[str, Any]) -> httpx.Response:
        """Send a form as a page would."""
        page = self.client.get("/")
        token = re.search(r'"X-CSRFToken": "([^"]+)"', page.text)
        return self.client.post(
            path, data={**data, "csrfmiddlewaretoken": token[1] if token else ""}
        )

    def begin(self) -> tuple[str, str]:
        """Start a session; return its address and its number."""
        address = str(self.post("/sessions/new/draft_grid/", {}).url)
        return address, address.rstrip("/").rpartition("-")[2]

    def ask(self, session: str, count: int) -> None:
        """Press Generate in the first stage of a session."""
        self.post(f"/sessions/x-{session}/generate/?stage=1", {**_FORM, "count": count})

    def ask_as_program(self, family: str, count: int, parameters: Mapping[str, Any]) -> int:
        """Ask for a job group as a program does; return its number.

        Raises:
            BenchFailed: It was refused.
        """
        parameters = {"prompt": PROMPT, **parameters}
        job = {
            "template": f"{family}_txt2img",
            "capabilities": [family],
            "priority": "interactive",
            "parameters": parameters,
        }
        answer = self.client.post("/api/job-groups", json={"job": job, "count": count})
        if not answer.is_success:
            msg = f"Eliot refuses a job group: {answer.text}"
            raise BenchFailed(msg)
        return int(answer.json()["id"])

    def pss_mb(self) -> float:
        """Return the proportional memory of the family without the demo farm."""
        pids = [self.process.pid, *_children(self.process.pid)]
        return sum(_pss_mb(pid) for pid in pids if "farm_app.demo" not in _command(pid))


_FORM: Final[Mapping[str, Any]] = {
    "prompt": PROMPT,
    "negative": "",
    "family": "sd15",
    "checkpoint": "",
    "size": "512x512",
    "width": 512,
    "height": 512,
    "steps": 10,
    "cfg": 7,
    "sampler": "euler",
    "scheduler": "normal",
    "seed": "",
    "node_mode": "any",
    "node": "",
}


def _children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if parent == pid:
            child = int(path.parent.name)
            found += [child, *_children(child)]
    return found


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def _pss_mb(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


@contextmanager
def running(data: Path) -> Iterator[Running]:
    """Run `manage.py start` on a folder and a port of its own, with demo nodes that are ready.

    Raises:
        BenchFailed: It does not start, or its nodes do not.
    """
    process = _start(data)
    try:
        wait_until(lambda: bool(_address(data, process)), START_S, "Eliot did not start")
        address = _address(data, process)
        with httpx.Client(
            base_url=address, follow_redirects=True, timeout=30, trust_env=False
        ) as client:
            eliot = Running(process, address, data, client)
            wait_until(lambda: _are_ready(eliot), START_S, "The demo nodes were not ready")
            yield eliot
    finally:
        _stop(process)


def _start(data: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "ELIOT_DATA": str(data), "ELIOT_LOG_LEVEL": "WARNING"}
    manage = str(settings.BASE_DIR / "manage.py")
    wishes = ("--port", "0", "--demo", str(NODES), "--no-browser")
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, manage, "start", *wishes], env=environment, stdout=subprocess.DEVNULL
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _address(data: Path, process: subprocess.Popen[bytes]) -> str:
    """Return what the runner has written into its lock; empty until pages are answered."""
    if process.poll() is not None:
        raise BenchFailed("Eliot did not start; it said why above.")
    try:
        runner = json.loads((data / "run.lock").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(runner["address"]).rstrip("/")


def _are_ready(eliot: Running) -> bool:
    ready = "health = 'ready' and inventory_at is not null"
    rows = eliot.rows(f"select id from farm_app_gpunode where {ready}")  # noqa: S608 - a constant
    return len(rows) == NODES
