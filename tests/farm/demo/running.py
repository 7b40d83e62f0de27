"""Real demo nodes for tests: one in a thread of this process, and a plain client for it."""

import asyncio
import dataclasses
import json
import signal
import struct
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from farm_app.demo.server import NodeServer
from farm_app.demo.spec import NodeSpec

STANDIN = "tests.farm.demo.standin"
PATIENCE_S = 30.0


def wait_until(condition: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
    """Return the first truthy value of the condition."""
    deadline = time.monotonic() + patience_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError("it did not come true in time")
        time.sleep(0.005)
    return value


def a_spec(folder: Path, **changes: Any) -> NodeSpec:
    """Return a fast node that draws with the stand-in."""
    spec = NodeSpec("gpu-test", port=0, folder=folder, seconds={"sd15": 0.05}, painter=STANDIN)
    return dataclasses.replace(spec, **changes)


class RunningNode:
    """A node that serves from a thread of its own, as a real one serves from its own process."""

    def __init__(self, spec: NodeSpec) -> None:
        self.spec = spec
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.server = self._run(self._started())
        self.url = f"http://127.0.0.1:{self.server.port}"
        self.http = httpx.Client(base_url=self.url, timeout=PATIENCE_S)

    async def _started(self) -> NodeServer:
        server = NodeServer(self.spec)
        await server.start()
        return server

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.http.close()
        self._run(self.server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    def socket(
        self, client_id: str | None = None, *, flags: bool = False, path: str = "/ws"
    ) -> "Listener":
        """Connect as a client that hears events; one whose id is empty says none."""
        mine = str(uuid.uuid4()) if client_id is None else client_id
        return Listener(self.url, mine, flags=flags, path=path)

    def post(self, graph: Any, **keys: Any) -> httpx.Response:
        """Post a graph."""
        return self.http.post("/prompt", json={"prompt": graph, **keys})

    def run(self, graph: Any, **keys: Any) -> dict[str, Any]:
        """Post a graph, wait until it is over, return its history entry."""
        answer = self.post(graph, **keys)
        assert answer.status_code == 200, answer.text
        return self.entry(answer.json()["prompt_id"])

    def entry(self, prompt_id: str) -> dict[str, Any]:
        """Wait for a history entry."""
        entry: dict[str, Any] = wait_until(lambda: self.history(prompt_id))
        return entry

    def history(self, prompt_id: str) -> Any:
        """Return a history entry, or None."""
        return self.http.get(f"/history/{prompt_id}").json().get(prompt_id)

    def wait_idle(self) -> None:
        """Wait until nothing runs or waits."""
        wait_until(lambda: not self.http.get("/prompt").json()["exec_info"]["queue_remaining"])

    def rules(self, *rules: dict[str, Any]) -> None:
        """Replace the fault rules."""
        answer = self.http.post("/demo/rules", json={"rules": list(rules)})
        assert answer.status_code == 200, answer.text

    def status(self) -> dict[str, Any]:
        """Return what the node says about itself."""
        status: dict[str, Any] = self.http.get("/demo/status").json()
        return status


class MortalNode(RunningNode):
    """A node in a process of its own, which can be ended by a signal and started again."""

    def __init__(self, spec: NodeSpec) -> None:
        self.spec = spec
        self.http = httpx.Client(timeout=PATIENCE_S)
        self._process: subprocess.Popen[str] | None = None
        self.start()

    def start(self) -> None:
        """Start it, on any port."""
        self.spec.folder.mkdir(parents=True, exist_ok=True)
        specs = self.spec.folder / "specs.json"
        specs.write_text(json.dumps([self.spec.to_json()]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "farm_app.demo", "--specs", str(specs)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        (facts,) = json.loads(self._process.stdout.readline())["nodes"]
        self.url = f"http://127.0.0.1:{facts['port']}"
        self.http.base_url = self.url

    def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal that ends it, if it runs."""
        if self._process is not None:
            with self._process as process:
                process.send_signal(number)
            self._process = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()
        self.http.close()

    def wait_idle(self) -> None:
        """Wait until nothing runs or waits; a dead one does nothing."""
        if self._process is not None:
            super().wait_idle()


class Listener:
    """One socket; frames are kept in order as they come."""

    def __init__(self, url: str, client_id: str, *, flags: bool = False, path: str = "/ws") -> None:
        self.client_id = client_id
        self.frames: list[Any] = []
        self.heard_at: list[float] = []
        self.closed: ConnectionClosed | None = None
        query = f"?clientId={client_id}" if client_id else ""
        address = f"{url.replace('http', 'ws')}{path}{query}"
        self._stack = ExitStack()
        self.socket: ClientConnection = self._stack.enter_context(
            connect(address, max_size=None, open_timeout=PATIENCE_S)
        )
        if flags:
            said = {"type": "feature_flags", "data": {"supports_preview_metadata": True}}
            self.socket.send(json.dumps(said))
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            while True:
                frame = self.socket.recv()
                self.heard_at.append(time.monotonic())
                self.frames.append(json.loads(frame) if isinstance(frame, str) else frame)
        except ConnectionClosed as closed:
            self.closed = closed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close properly."""
        self._stack.close()
        self._thread.join(PATIENCE_S)

    @property
    def is_cut(self) -> bool:
        """Whether the server went without a word."""
        closed = self.closed
        return closed is not None and closed.rcvd is None and closed.sent is None

    @property
    def events(self) -> list[dict[str, Any]]:
        """Return the text events so far."""
        return [frame for frame in list(self.frames) if isinstance(frame, dict)]

    @property
    def kinds(self) -> list[str]:
        """Return the types of the events so far."""
        return [event["type"] for event in self.events]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the data of all events of a type so far."""
        return [event["data"] for event in self.events if event["type"] == kind]

    def wait_for(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait for that many events of a type."""
        wait_until(lambda: len(self.of(kind)) >= count)
        return self.of(kind)

    def wait_for_end(self, prompt_id: str) -> None:
        """Wait for the last event of a prompt."""
        end = {"node": None, "prompt_id": prompt_id}
        wait_until(lambda: end in self.of("executing"))


def frame_kind(frame: bytes) -> int:
    """Return the kind of a binary frame."""
    kind: int = struct.unpack(">I", frame[:4])[0]
    return kind


def text_to_image(seed: int = 1, **changes: Any) -> dict[str, Any]:
    """Return the graph of the recordings: a checkpoint, two texts, a sampler, a saved picture.

    Args:
        seed: the sampler's seed.
        changes: inputs of any node by name, and ``text`` for the positive prompt.
    """
    graph: dict[str, Any] = {
        "4": _node("CheckpointLoaderSimple", ckpt_name="dreamshaper_8.safetensors"),
        "6": _node("CLIPTextEncode", text="a cat", clip=["4", 1]),
        "7": _node("CLIPTextEncode", text="bad", clip=["4", 1]),
        "5": _node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "3": _node(
            "KSampler",
            seed=seed,
            steps=4,
            cfg=7,
            sampler_name="euler",
            scheduler="normal",
            denoise=1.0,
            model=["4", 0],
            positive=["6", 0],
            negative=["7", 0],
            latent_image=["5", 0],
        ),
        "8": _node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": _node("SaveImage", filename_prefix="eliot", images=["8", 0]),
    }
    for name, value in changes.items():
        owner = next(node for node in graph.values() if name in node["inputs"])
        owner["inputs"][name] = value
    return graph


def _node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}
