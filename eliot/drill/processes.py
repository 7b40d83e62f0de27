"""What a drill starts, stops and kills: demo nodes one by one, and Eliot's own processes. All die with the drill."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import httpx
from django.conf import settings

from farm_app.demo.ledger import read_ledger

READY_S: Final = 40.0


class DrillFailed(Exception):
    """Nothing could be drilled; says why."""


def wait_until(condition: Callable[[], object], limit_s: float, what: str) -> None:
    """Wait for something.

    Raises:
        DrillFailed: It did not come true in time; ``what`` says what is missing.
    """
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            msg = f"{what} within {limit_s:g} s."
            raise DrillFailed(msg)
        time.sleep(0.05)


class Process:
    """A process that may be killed, stopped and started again."""

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        """Describe it; what it says is appended to the log."""
        self.name = name
        self.log = log
        self._command = [sys.executable, *command]
        self._running: subprocess.Popen[bytes] | None = None
        self.is_asleep = False

    @property
    def is_up(self) -> bool:
        """Whether it is there, awake or not."""
        return self._running is not None and self._running.poll() is None

    def start(self) -> None:
        """Start it unless it is there."""
        if self.is_up:
            return
        self.is_asleep = False
        with self.log.open("ab") as log:
            # A pipe, not a terminal: demo nodes end when it closes.
            self._running = subprocess.Popen(  # noqa: S603 - our own commands
                self._command,
                cwd=settings.BASE_DIR,
                env={**os.environ, "ELIOT_DATA": str(settings.ELIOT_DATA)},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._running is not None:
            self._running.kill()
            self._running.communicate()
        self.is_asleep = False

    def sleep(self) -> None:
        """Let it hang."""
        self._send(signal.SIGSTOP)
        self.is_asleep = True

    def wake(self) -> None:
        """Let it go on."""
        self._send(signal.SIGCONT)
        self.is_asleep = False

    def stop(self) -> None:
        """End it in order."""
        if self.is_asleep:
            self.wake()
        self._send(signal.SIGTERM)
        if self._running is not None:
            try:
                self._running.wait(15)
            except subprocess.TimeoutExpired:
                self._running.kill()
            self._running.communicate()

    def _send(self, number: int) -> None:
        if self._running is not None and self._running.poll() is None:
            self._running.send_signal(number)


class Node(Process):
    """One demo node."""

    def __init__(self, name: str, folder: Path, seconds: float) -> None:
        """Describe a node that draws a picture in so many seconds."""
        self.port = _free_port()
        self.ledger = folder / f"{name}.jsonl"
        spec = {
            "name": name,
            "port": self.port,
            "folder": str(folder / name),
            "ledger": str(self.ledger),
            "families": ["sd15"],
            "seconds": {"sd15": seconds},
            "vram_gb": 8,
        }
        folder.mkdir(parents=True, exist_ok=True)
        specs = folder / f"{name}.json"
        specs.write_text(json.dumps([spec]), encoding="utf-8")
        command = ("-m", "farm_app.demo", "--specs", str(specs))
        super().__init__(name, command, folder / f"{name}.log")

    def answers(self) -> bool:
        """Say whether it answers."""
        try:
            return self._ask("GET", "/system_stats").status_code == 200
        except httpx.HTTPError:
            return False

    def misbehave(self, *rules: Mapping[str, Any]) -> None:
        """Replace its fault rules; a node that is away has none anyway."""
        try:
            self._ask("POST", "/demo/rules", json={"rules": list(rules)})
        except httpx.HTTPError:
            return

    def _ask(self, method: str, path: str, **body: Any) -> httpx.Response:
        url = f"http://127.0.0.1:{self.port}{path}"
        with httpx.Client(trust_env=False, timeout=2) as client:
            return client.request(method, url, **body)

    def begun(self) -> list[str]:
        """Return the attempts that it began to draw, which its ledger keeps through every death."""
        lines = read_ledger(self.ledger)
        return [line["prompt_id"] for line in lines if line["kind"] == "start"]


def workers(number: int, folder: Path) -> Process:
    """Return one of several processes of workers."""
    return Process(f"workers-{number}", ("manage.py", "run_huey"), folder / "workers.log")


def whole_eliot(folder: Path) -> Process:
    """Return Eliot as one starts it, without nodes of its own."""
    wishes = ("manage.py", "start", "--port", "0", "--no-demo", "--no-browser")
    return Process("start", wishes, folder / "start.log")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
