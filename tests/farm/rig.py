"""The farm as tests run it: each node a process of its own, the workers threads of this one."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from django.db import connections

from eliot.soundness import Look, run
from farm_app import dispatch, health, invariants, nudges, stopping, store, sweep
from farm_app.demo.ledger import read_ledger
from farm_app.models import Attempt, GpuNode, Job, JobEvent
from farm_app.models.states import ENDED_JOBS, JobState
from farm_app.workers import Workers
from sessions_app import invariants as table
from sessions_app import takes
from sessions_app.models import Generation, Round, WorkSession
from sessions_app.order import Order, place_round

PATIENCE_S = 60.0
STANDIN = "tests.farm.demo.standin"
RESTING = (*ENDED_JOBS, JobState.ATTENTION, JobState.WAITING)
VALUES: Mapping[str, Any] = {
    "prompt": "a lighthouse",
    "negative": "",
    "steps": 10,
    "cfg": 7.0,
    "sampler": "euler",
    "scheduler": "normal",
    "width": 512,
    "height": 512,
    "checkpoint": "",
}

Rule = Mapping[str, Any]
T = TypeVar("T")


def wait_until(condition: Callable[[], T], patience_s: float = PATIENCE_S) -> T:
    """Return the first truthy value of the condition."""
    deadline = time.monotonic() + patience_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError("it did not come true in time")
        time.sleep(0.01)
    return value


def on_request(path: str, do: Rule, *, method: str = "POST", **rest: Any) -> Rule:
    """Return a rule about requests."""
    return {"on": {"method": method, "path": path}, "do": do, **rest}


def on_event(event: str, do: Rule, *, count: int | None = None, **on: Any) -> Rule:
    """Return a rule about events; ``any`` is every event, ``in_class`` the class of the graph's node."""
    if "in_class" in on:
        on["class"] = on.pop("in_class")
    return {"on": {"event": event, **on}, "do": do, **({"count": count} if count else {})}


class Nursery:
    """The process that nodes are forked from."""

    def __init__(self) -> None:
        """Start it; it imports while the first test sets up."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.farm.nursery"],
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def fork(self, specs: Path, words: Path) -> int:
        """Return the process id of a new node."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{specs}\t{words}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End it, and with it every node that is left."""
        with self._process:
            self._process.kill()


class NodeProcess:
    """One demo node in a process of its own, so that SIGKILL and SIGSTOP are real."""

    def __init__(
        self,
        nursery: Nursery,
        folder: Path,
        name: str,
        *,
        rules: Sequence[Rule] = (),
        **spec: Any,
    ) -> None:
        """Describe the node; it draws with the plain stand-in."""
        self.name = name
        self.folder = folder / name
        self.port = _free_port()
        self.ledger = folder / f"{name}.jsonl"
        self.spec = {
            "name": name,
            "port": self.port,
            "folder": str(self.folder),
            "painter": STANDIN,
            "ledger": str(self.ledger),
            "families": ["sd15"],
            "seconds": {"sd15": 0.15},
            **spec,
        }
        self.rules = list(rules)
        self.is_clean = True  # as it would be if it were started anew
        self._nursery = nursery
        self._pid: int | None = None
        self._read = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def facts(self) -> dict[str, Any]:
        """Return what makes it different from another one."""
        own = ("port", "folder", "ledger")
        return {name: value for name, value in self.spec.items() if name not in own}

    @property
    def is_alive(self) -> bool:
        """Whether its process is there, awake or not."""
        if self._pid is None:
            return False
        try:
            os.kill(self._pid, 0)
        except ProcessLookupError:
            return False
        return True

    def start(self) -> Self:
        """Start it unless it runs, and wait until it listens."""
        if not self.is_alive:
            self.folder.mkdir(parents=True, exist_ok=True)
            file, words = self.folder / "spec.json", self.folder / "words.json"
            words.unlink(missing_ok=True)
            file.write_text(json.dumps([self.spec]))
            self._pid = self._nursery.fork(file, words)
            wait_until(lambda: words.exists() and words.read_text().startswith("{"))
        if self.rules:
            self.set_rules(*self.rules)
        return self

    def set_rules(self, *rules: Rule) -> None:
        """Replace its fault rules."""
        answer = httpx.post(f"{self.url}/demo/rules", json={"rules": list(rules)}, trust_env=False)
        assert answer.status_code == 200, answer.text

    def hits(self) -> int:
        """Return how often its rules acted."""
        status = httpx.get(f"{self.url}/demo/status", trust_env=False).json()
        return sum(rule["hits"] for rule in status["rules"])

    def signal(self, number: int) -> None:
        """Send it a signal."""
        assert self._pid is not None
        self.is_clean = False
        os.kill(self._pid, number)

    def kill(self) -> None:
        """Kill it as a power cut would, if it runs."""
        self.is_clean = False
        if self.is_alive:
            self.signal(signal.SIGKILL)
            wait_until(lambda: not self.is_alive)
        self._pid = None

    def restart(self) -> None:
        """Start it anew on the same port, once it is dead; it remembers nothing, its rules neither."""
        wait_until(lambda: not self.is_alive)
        self.is_clean = False
        self.rules = []
        self.start()

    def told(self, kind: str) -> list[dict[str, Any]]:
        """Return the lines of one kind in its ledger, which survives its death."""
        return [line for line in read_ledger(self.ledger)[self._read :] if line["kind"] == kind]

    def executions(self) -> list[dict[str, Any]]:
        """Return what it began to execute."""
        return self.told("start")

    def add_model(self, name: str, folder: str = "checkpoints") -> None:
        """Put a model file into its folder; it shows up at once."""
        self.is_clean = False
        path = self.folder / "models" / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((2).to_bytes(8, "little") + b"{}")  # a safetensors file without tensors

    def swept(self) -> bool:
        """Make it as good as new, if nothing was done to it that a restart alone undoes."""
        if not self.is_clean or not self.is_alive:
            return False
        self.set_rules()
        for path, body in (("/queue", {"clear": True}), ("/interrupt", {})):
            httpx.post(f"{self.url}{path}", json=body, trust_env=False)
        wait_until(lambda: self._waiting() == 0)
        self._read = len(read_ledger(self.ledger))
        return True

    def _waiting(self) -> int:
        found = httpx.get(f"{self.url}/prompt", trust_env=False).json()
        return int(found["exec_info"]["queue_remaining"])


class Stable:
    """Nodes between two tests: starting one takes longer than most tests."""

    MOST = 12

    def __init__(self, folder: Path) -> None:
        """Keep nodes below a folder of the whole session."""
        self._folder = folder
        self._nursery = Nursery()
        self._idle: list[NodeProcess] = []
        self._made = 0

    def lend(self, name: str, *, rules: Sequence[Rule] = (), **spec: Any) -> NodeProcess:
        """Return a node of this description: one that runs already, or one that is not started yet."""
        wanted = NodeProcess(self._nursery, self._folder, name, **spec).facts()
        for process in self._idle:
            if process.facts() == wanted:
                self._idle.remove(process)
                process.rules = list(rules)
                return process
        self._made += 1
        folder = self._folder / str(self._made)
        return NodeProcess(self._nursery, folder, name, rules=rules, **spec)

    def take_back(self, process: NodeProcess) -> None:
        """Keep it for another test, or end it."""
        if process.swept():
            self._idle.append(process)
            if len(self._idle) > self.MOST:
                self._idle.pop(0).kill()
        else:
            process.kill()

    def close(self) -> None:
        """End them all."""
        self._nursery.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Farm:
    """Nodes and workers of one test."""

    def __init__(self, data: Path, stable: Stable, profile: str) -> None:
        """Keep where the test's data lies, where nodes come from, and what kind of server they are."""
        self.data = data
        self.profile = profile
        self.processes: list[NodeProcess] = []
        self._stable = stable
        self._stack = ExitStack()
        self.workers: Workers | None = None

    def __enter__(self) -> Self:
        """Allow claims again, which the last test's end forbade."""
        stopping.resume()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the workers first, then the nodes."""
        self.stop()
        self._stack.close()
        sweep.hand_over()
        connections.close_all()

    def node(self, name: str = "gpu-a", *, is_up: bool = True, **spec: Any) -> NodeProcess:
        """Add a node: a process, and its row."""
        (process,) = self.nodes({name: spec}, is_up=is_up)
        return process

    def nodes(
        self, specs: Mapping[str, Mapping[str, Any]], *, is_up: bool = True
    ) -> list[NodeProcess]:
        """Add several at once, by name."""
        found = [
            self._stable.lend(name, **{"profile": self.profile, **spec})
            for name, spec in specs.items()
        ]
        self.processes += found
        for process in found:
            self._stack.callback(self._stable.take_back, process)
            if is_up:
                process.start()
            self.row(process)
        return found

    def two(self, first: Rule | None = None, second: Rule | None = None) -> list[NodeProcess]:
        """Add gpu-a and gpu-b."""
        return self.nodes({"gpu-a": first or {}, "gpu-b": second or {}})

    def row(self, process: NodeProcess, **fields: Any) -> GpuNode:
        """Add the row of a node and look at it."""
        facts = {"capabilities": process.spec["families"], "vram_gb": 8, **fields}
        node = GpuNode.objects.create(
            slug=process.name, host="127.0.0.1", port=process.port, **facts
        )
        health.probe(node.pk)
        node.refresh_from_db()
        return node

    def work(self) -> None:
        """Start worker threads and the sweep."""
        self.workers = Workers()
        self.workers.start()
        nudges.idle_nodes()

    def stop(self) -> None:
        """Stop them as a stopped process would."""
        if self.workers is not None:
            self.workers.stop(grace_s=10)
            self.workers = None
        stopping.resume()

    def feed(self, name: str = "gpu-a") -> None:
        """Run one node in this thread until it has no work."""
        dispatch.feed(GpuNode.objects.get(slug=name).pk)

    def render(self, count: int = 1) -> list[Attempt]:
        """Let gpu-a render so many pictures that nobody has brought home yet."""
        placed = self.ask(count)
        self.feed()
        return list(Attempt.objects.filter(job__generation__round=placed))

    def ask(self, count: int = 1, prompt: str = "a lighthouse", **changes: Any) -> Round:
        """Ask for pictures as the session page does."""
        values = {**VALUES, "prompt": prompt, **changes.pop("values", {})}
        order = {
            "stage": 0,
            "stage_name": "Drafts",
            "family": "sd15",
            "work": "draft",
            "count": count,
            **changes,
        }
        return place_round(WorkSession.begin(title="Test"), Order(values=values, **order))

    def settled(self, placed: Round, patience_s: float = PATIENCE_S) -> list[Job]:
        """Wait until every job of a round has ended or waits for a person; return them in order."""
        jobs = Job.objects.filter(generation__round=placed).order_by("ordinal")
        wait_until(lambda: not jobs.exclude(state__in=RESTING).exists(), patience_s)
        return list(jobs)

    def done(self, placed: Round) -> list[Job]:
        """Wait likewise, and see that every one has its picture."""
        jobs = self.settled(placed)
        assert [(job.state, job.reason) for job in jobs] == [(JobState.DONE, "")] * len(jobs)
        return jobs

    def cancel(self, placed: Round) -> int:
        """Cancel a round as its page does."""
        return takes.cancel(Generation.objects.filter(round=placed).select_related("job__group"))

    def retry(self, placed: Round) -> int:
        """Ask for what failed again as its page does."""
        return takes.retry(Generation.objects.filter(round=placed).select_related("job__group"))


def story(job: Job) -> list[str]:
    """Return what happened to a job, in sentences."""
    return list(JobEvent.objects.filter(job=job).values_list("sentence", flat=True))


def attempts(job: Job) -> list[tuple[str, str]]:
    """Return node and state of each attempt."""
    found = Attempt.objects.filter(job=job).select_related("node").order_by("fence")
    return [(one.node.slug, one.state) for one in found]


def assert_sound(data: Path) -> None:
    """Check what must hold whenever nothing is under way, whatever happened before."""
    if not Attempt.objects.coming_home().exists():
        store.tidy(oldest_s=0)
        assert not list(data.glob("spool/*"))
    breaches = run([*invariants.ALL, *table.CHECKS], Look(is_quiet=True))
    assert [str(breach) for breach in breaches] == []
