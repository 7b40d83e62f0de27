"""Eliot from outside: `manage.py` in processes of its own on a data folder of its own, with any options."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import httpx
from django.conf import settings

from tests.farm.rig import wait_until
from tests.markup import Markup

START_S = 60.0
END_S = 30.0
DONE_S = 90.0
READY = re.compile(r"Eliot is ready at (http://\S+)/\n")
FORM = {
    "prompt": "a lighthouse",
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
TAKES = """
    select job.state, winner.id, node.slug, file.path,
        (select count(*) from farm_app_joboutput where job_id = job.id),
        (select count(*) from farm_app_attempt where job_id = job.id)
    from sessions_app_generation generation
    join sessions_app_round round on round.id = generation.round_id
    join farm_app_job job on job.id = generation.job_id
    left join farm_app_attempt winner on winner.id = job.winner_id
    left join farm_app_gpunode node on node.id = winner.node_id
    left join gallery_app_mediafile file on file.id = winner.media_file_id
    where round.session_id = ? order by generation.number
"""


@dataclass(frozen=True)
class Take:
    """One asked-for picture as the rows have it; ``prompt_id`` is the winner's."""

    state: str
    prompt_id: str | None
    node: str | None
    path: str | None
    outputs: int
    attempts: int


class Household:
    """Eliot on one data folder: stopped, running, killed and started again."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.address = ""
        self._output = data.parent / f"{data.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of `manage.py` to its end."""
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=settings.BASE_DIR,
            env=environment(self.data),
            capture_output=True,
            text=True,
            timeout=DONE_S,
            check=False,
        )

    def start(self, *options: str) -> Self:
        """Start on a free port and wait until pages are answered."""
        line = [sys.executable, "manage.py", "start", "--no-browser", "--port", "0", *options]
        with self._output.open("wb") as output, deaf_no_more():
            self._process = subprocess.Popen(
                line,
                cwd=settings.BASE_DIR,
                env=environment(self.data),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_until(lambda: READY.search(self.said()) or self._process_ended(), START_S)
        found = READY.search(self.said())
        assert found, self.said()[-3000:]
        self.address = found[1]
        return self

    def _process_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def said(self) -> str:
        """Return what it printed since the last start."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> tuple[int, float]:
        """Press Ctrl+C; return the exit code, and after how many seconds it came."""
        assert self._process is not None
        began = time.monotonic()
        self._process.send_signal(signal.SIGINT)
        code = self._process.wait(END_S)
        self._process = None
        return code, time.monotonic() - began

    def kill(self) -> None:
        """End all its processes as a power cut does."""
        if self._process is None:
            return
        for pid in (self._process.pid, *children(self._process.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(END_S)
        self._process = None

    def page(self, path: str = "/") -> str:
        """Return a page."""
        with self._visitor() as visitor:
            return visitor.get(path).text

    def press(self, count: int, **changes: Any) -> int:
        """Open a session, fill in its form and press Generate, without scripts; return the session's number."""
        with self._visitor() as visitor:
            token = hidden(visitor.get("/"), "csrfmiddlewaretoken")
            page = visitor.post("/sessions/new/draft_grid/", data=token)
            action = Markup(page.text).id("ask-form").attrs["action"]
            kept = hidden(page, "csrfmiddlewaretoken", "submission_key")
            answer = visitor.post(action, data={**FORM, **kept, "count": count, **changes})
        assert [one.status_code for one in answer.history] == [302], answer.text + self.said()
        return int(answer.url.path.rstrip("/").rpartition("-")[2])

    def _visitor(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.address, follow_redirects=True, timeout=30, trust_env=False
        )

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Read rows from outside."""
        with closing(sqlite3.connect(self.data / "eliot.sqlite3", timeout=10)) as link:
            return link.execute(sql, values).fetchall()

    def takes(self, session: int) -> list[Take]:
        """Return what was asked for in a session, in order."""
        return [
            Take(state, str(UUID(winner)) if winner else None, *rest)
            for state, winner, *rest in self.rows(TAKES, session)
        ]

    def done(self, session: int) -> list[Take]:
        """Wait until every picture of a session is there; return them."""
        deadline = time.monotonic() + DONE_S
        while any(one.state != "done" for one in self.takes(session)):
            assert time.monotonic() < deadline, f"{self.takes(session)}\n{self.said()}"
            time.sleep(0.05)
        return self.takes(session)

    def pictures(self) -> list[Path]:
        """Return every file in the library."""
        return sorted((self.data / "pictures").rglob("*.png"))


def environment(data: Path) -> dict[str, str]:
    """Return this environment without what the tests' own Eliot is told."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ELIOT_")}
    return {**clean, "ELIOT_DATA": str(data), "ELIOT_LOG_LEVEL": "WARNING"}


def hidden(page: httpx.Response, *names: str) -> dict[str, str]:
    """Return what a page's forms carry unseen."""
    inputs = Markup(page.text).all("input", type="hidden")
    return {one.attrs["name"]: one.attrs["value"] for one in inputs if one.attrs["name"] in names}


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


@contextmanager
def deaf_no_more() -> Iterator[None]:
    """Let what is started here hear Ctrl+C: a shell gives what it runs behind its back no ear for it."""
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
