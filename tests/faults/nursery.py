"""Eliot's processes forked from one that has imported everything: each is real, dies for real, and is there at once.

A line of JSON in, one out: ``{"data": ..., "words": [...], "points": ...}`` begins one and says its ``pid``,
``{"wait": pid}`` says its ``status``, or null as long as it has none.
"""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.farm import standalone

from django.conf import settings  # isort: skip - standalone sets Django up
from django.core.management import call_command  # isort: skip
from django.db import connections  # isort: skip
from huey.contrib.djhuey import HUEY  # isort: skip

from eliot import failpoints  # isort: skip


def nurse() -> None:
    """Make tables once, for all of them to copy; then fork until stdin ends."""
    call_command("migrate", verbosity=0)
    connections.close_all()
    for line in sys.stdin:
        asked = json.loads(line)
        answer = _ended(asked["wait"]) if "wait" in asked else {"pid": _begun(asked)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _ended(pid: int) -> dict[str, Any]:
    found, status = os.waitpid(pid, os.WNOHANG)
    return {"status": os.waitstatus_to_exitcode(status) if found else None}


def _begun(asked: dict[str, Any]) -> int:
    data = Path(asked["data"])
    data.mkdir(exist_ok=True)
    database = data / "eliot.sqlite3"
    if not database.exists():
        shutil.copy(str(settings.DATABASES["default"]["NAME"]), database)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _move_in(data, asked["out"])
            failpoints.arm(asked["points"])
            logging.getLogger("farm_app.dispatch").setLevel(logging.INFO)  # who leaves a node alone
            standalone.main(asked["words"])
            code = 0
        except BaseException:
            logging.getLogger("tests").exception("%s", asked["words"])
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    return child


def _move_in(data: Path, out: str) -> None:
    """Work on another data folder than the nursery's own, and speak into files."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, ending in ((1, "out"), (2, "err")):
        file = os.open(f"{out}.{ending}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    settings.ELIOT_DATA = data
    for link in connections.all(initialized_only=False):
        link.settings_dict["NAME"] = data / "eliot.sqlite3"
    HUEY.storage_kwargs["filename"] = str(data / "huey.sqlite3")
    HUEY.storage = HUEY.create_storage()


class Nursery:
    """The tests' side of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"],
            env={**os.environ, "ELIOT_DATA": str(folder), "ELIOT_LOG_LEVEL": "WARNING"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **facts: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(facts) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def begin(self, data: Path, words: list[str], points: str) -> "Child":
        self._made += 1
        out = self._folder / f"{self._made}"
        pid = self.ask(data=str(data), words=words, points=points, out=str(out))["pid"]
        return Child(self, pid, out)

    def close(self) -> None:
        with self._process:
            self._process.kill()


class Child:
    """One process of Eliot's."""

    def __init__(self, nursery: Nursery, pid: int, out: Path) -> None:
        self.pid = pid
        self._nursery = nursery
        self._out = out
        self._status: int | None = None

    def poll(self) -> bool:
        """Say whether it has ended."""
        if self._status is None:
            self._status = self._nursery.ask(wait=self.pid)["status"]
        return self._status is not None

    @property
    def status(self) -> int | None:
        """Its exit code, or minus the signal that ended it."""
        self.poll()
        return self._status

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def said(self) -> str:
        """What it wrote to stderr."""
        return self._out.with_suffix(".err").read_text(errors="replace")

    def heard(self) -> bool:
        """Whether it wrote a line to stdout."""
        file = self._out.with_suffix(".out")
        return file.exists() and "\n" in file.read_text()

    def told(self) -> Any:
        """The last line that it wrote to stdout, which is JSON."""
        return json.loads(self._out.with_suffix(".out").read_text().splitlines()[-1])


if __name__ == "__main__":
    nurse()
