"""Eliot as it runs on a desk: `manage.py start` with a demo farm, in a process and a data folder of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
START_S = 60
STOP_S = 15
READY = re.compile(r"Eliot is ready at (http://\S+:(\d+)/)")


class Eliot:
    """The running process; ``said`` is what it printed."""

    def __init__(self, data: Path, *, speed: float = 4.0, nodes: int = 4) -> None:
        self.data = data
        self.speed = speed
        self.nodes = nodes
        self.port = 0
        self.address = ""
        self.is_spoilt = False  # a test broke off, and may have left anything behind
        self._output = data.parent / f"{data.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start unless it runs, the second time on the first port, and wait until pages are answered."""
        if self._process is not None:
            return
        environment = {**os.environ, "ELIOT_DATA": str(self.data)}
        for name in ("ELIOT_TIME_PERCENT", "ELIOT_PUBLIC_URL"):
            environment.pop(name, None)
        options = ["--demo", str(self.nodes), "--demo-speed", str(self.speed)]
        command = [sys.executable, "manage.py", "start", "--no-browser", *options]
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [*command, "--port", str(self.port)],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        found = self._wait_until_ready()
        self.address, self.port = found[1].rstrip("/"), int(found[2])

    def _wait_until_ready(self) -> re.Match[str]:
        deadline = time.monotonic() + START_S
        while not (found := READY.search(self.said())):
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"Eliot did not start:\n{self.said()[-3000:]}")
            time.sleep(0.05)
        return found

    def said(self) -> str:
        """Return everything that it printed since the last start."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """End it as Ctrl+C does; a shell that ignores SIGINT passes that on, so SIGTERM comes after."""
        if self._process is None:
            return
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            self._process.send_signal(number)
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                continue
            break
        self._process = None

    def begin_anew(self) -> None:
        """Start on an empty table, with nodes that nothing was done to."""
        self.stop()
        self.data = self.data.with_name(f"{self.data.name}-anew")
        self.port = 0
        self.start()
        self.is_spoilt = False

    def kill_farm(self) -> None:
        """End the demo nodes as a power cut does."""
        assert self._process is not None
        children = subprocess.run(
            ["pgrep", "-P", str(self._process.pid), "-f", "farm_app.demo"],
            capture_output=True,
            check=True,
            text=True,
        )
        for pid in children.stdout.split():
            os.kill(int(pid), signal.SIGKILL)

    def script(self, rules: Sequence[Mapping[str, Any]]) -> None:
        """Give every demo node these fault rules; none ends all faults."""
        specs = json.loads((self.data / "demo" / "farm.json").read_text(encoding="utf-8"))
        for spec in specs:
            reply = httpx.post(f"http://127.0.0.1:{spec['port']}/demo/rules", json=list(rules))
            reply.raise_for_status()
