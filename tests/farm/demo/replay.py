"""Play a recorded scene against a demo node and write down what it says, in the same form."""

import io
import json
import re
import signal
import struct
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from tests.farm.demo.dialect import (
    FILE_NUMBER,
    GONE,
    TEMP_NAME,
    in_the_middle,
    is_key,
    lane,
    renumbered,
    settled,
    short,
)
from tests.farm.demo.running import (
    PATIENCE_S,
    Listener,
    MortalNode,
    RunningNode,
    frame_kind,
    wait_until,
)

FIXTURES = Path(__file__).parent / "fixtures"
IMAGE_TYPES = {1: "jpeg", 2: "png"}

Step = dict[str, Any]


@dataclass
class Scene:
    """What happened on a real server."""

    name: str
    spec: dict[str, Any]
    warm: list[Any]
    graphs: dict[str, Any]
    steps: list[Step]
    events: dict[str, list[str]]
    loose: list[str]
    """Prompts of which the steps in between are not compared: they depend on the speed."""

    @classmethod
    def load(cls, name: str) -> "Scene":
        raw = json.loads((FIXTURES / f"{name}.json").read_text())
        raw.pop("about")
        return cls(name=name, **raw)

    @property
    def one_at_a_time(self) -> bool:
        """Whether every prompt was over before the next came: then all events have one order."""
        return not any(step.get("overlaps") for step in self.steps)

    @property
    def is_deadly(self) -> bool:
        """Whether the server is ended on the way."""
        return any("end" in step for step in self.steps)


@dataclass
class Replay:
    """One run of a scene."""

    scene: Scene
    node: RunningNode
    symbols: dict[str, str] = field(default_factory=dict)
    real: dict[str, str] = field(default_factory=dict)
    listeners: dict[str, Listener] = field(default_factory=dict)
    before: int = 0
    """How many prompts this life of the node had before the scene."""
    answers: list[tuple[int, Any]] = field(default_factory=list)
    """Each with ``before`` as it was then."""

    def play(self) -> None:
        """Warm up, then take every step."""
        for graph in self.scene.warm:
            self.node.run(graph)
        self.before = len(self.scene.warm)
        for step in self.scene.steps:
            self._await_events(step.get("after", {}))
            self._take(step)
        self._await_events(
            {name: sum(map(is_key, lines)) for name, lines in self.scene.events.items()}
        )
        self.node.wait_idle()
        for listener in self.listeners.values():
            listener.close()

    def _take(self, step: Step) -> None:
        if "open" in step:
            self._open(step)
        elif step.keys() & {"close", "send", "ping"}:
            self._use_socket(step)
        elif "remove" in step:
            (self.node.spec.folder / step["remove"]).unlink()
        elif "finished" in step:
            self.node.entry(self.real[step["finished"]])
        elif step.keys() & {"end", "start"}:
            self._end_or_start(step)
        else:
            self._request(step)

    def _use_socket(self, step: Step) -> None:
        if "close" in step:
            self.listeners[step["close"]].close()
        elif "ping" in step:
            assert self.listeners[step["ping"]].socket.ping().wait(PATIENCE_S)
        else:
            for frame in step["frames"]:
                self.listeners[step["send"]].socket.send(as_frame(frame))

    def _open(self, step: Step) -> None:
        name = step["open"]
        client = step.get("client", name)
        listener = self.node.socket(
            self._real_client(client) if client else "",
            flags=step.get("flags", False),
            path=step.get("path", "/ws"),
        )
        self.listeners[name] = listener
        wait_until(lambda: listener.events)
        if not client:  # then the server gives it one
            self.symbols[listener.events[0]["data"]["sid"]] = name

    def _end_or_start(self, step: Step) -> None:
        """End the node once all was heard that the real server had told when it ended, or start it again."""
        assert isinstance(self.node, MortalNode)
        if "start" in step:
            self.node.start()
            self.before = 0
            return
        for name, listener in self.listeners.items():
            told = certain(self.scene.events[name]) - 1  # all but its end
            wait_until(lambda: listener.is_cut or certain(self.lines(name)) >= told)  # noqa: B023
        self.node.end(signal.Signals[step["end"]])

    def _real_client(self, name: str) -> str:
        if name not in self.real:
            self.real[name] = str(uuid.uuid4())
            self.symbols[self.real[name]] = name
        return self.real[name]

    def _await_events(self, wanted: dict[str, int]) -> None:
        for name, count in wanted.items():
            wait_until(lambda: sum(map(is_key, self.lines(name))) >= count)  # noqa: B023

    def _request(self, step: Step) -> None:
        method, path = step["request"].split(" ")
        path = "/".join(self.real.get(part, part) for part in path.split("/"))
        try:
            answer = self.node.http.request(method, path, **self._content(step))
        except httpx.ConnectError as fault:
            self.answers.append((self.before, [0, type(fault).__name__]))
            return
        said = self._body(answer)
        if "as" in step and isinstance(said, dict):
            self.symbols[said["prompt_id"]] = step["as"]
            self.real[step["as"]] = said["prompt_id"]
        self.answers.append((self.before, [answer.status_code, said]))

    def _content(self, step: Step) -> dict[str, Any]:
        content: dict[str, Any] = {key: step[key] for key in ("params", "content") if key in step}
        if "filename" in content.get("params", {}):
            name = self._real_file(content["params"]["filename"])
            content["params"] = {**content["params"], "filename": name}
        if "form" in step:
            content["data"] = step["form"]
        if "file" in step:
            name, what = step["file"]
            content["files"] = {"image": (name, file_bytes(what))}
        if "json" in step:
            content["json"] = self._filled(step["json"])
        if "graph" in step:
            content["json"]["prompt"] = self.scene.graphs[step["graph"]]
        return content

    def _real_file(self, name: str) -> str:
        """Return the newest file with the prefix of the recorded one."""
        events = [event for listener in self.listeners.values() for event in listener.events]
        found = re.findall(r'"filename": "([^"]+)"', json.dumps(events, ensure_ascii=False))
        prefix = FILE_NUMBER.sub(r"\g<prefix>", TEMP_NAME.sub("ComfyUI_temp_", name))
        same = [
            real
            for real in found
            if FILE_NUMBER.sub(r"\g<prefix>", TEMP_NAME.sub("ComfyUI_temp_", real)) == prefix
        ]
        return str(same[-1])

    def _filled(self, body: Any) -> Any:
        if isinstance(body, dict):
            return {key: self._filled(value) for key, value in body.items()}
        if isinstance(body, list):
            return [self._filled(item) for item in body]
        if isinstance(body, str) and body.startswith("new "):
            return self.real.setdefault(body, str(uuid.uuid4()))
        return self.real.get(body, body) if isinstance(body, str) else body

    def _body(self, answer: httpx.Response) -> Any:
        kind = answer.headers.get("content-type", "")
        if kind.startswith("application/json"):
            return answer.json()
        return answer.text if kind.startswith("text/") else None

    def lines(self, name: str) -> list[str]:
        """Return what a socket has heard so far."""
        lines = []
        for frame in list(self.listeners[name].frames):
            if isinstance(frame, dict):
                lines.append(short(settled(frame, self.symbols)))
            else:
                lines.append(self._preview(frame))
        return [*lines, GONE] if self.listeners[name].is_cut else lines

    def _preview(self, frame: bytes) -> str:
        if frame_kind(frame) == 1:
            return f"preview 1 {IMAGE_TYPES[struct.unpack('>I', frame[4:8])[0]]}"
        length = struct.unpack(">I", frame[4:8])[0]
        about = settled(json.loads(frame[8 : 8 + length]), self.symbols)
        return "preview 4 " + json.dumps(about, sort_keys=True)

    def told_answers(self) -> list[Any]:
        """Return all answers as the fixture would have them."""
        settle = [settled(answer, self.symbols, before) for before, answer in self.answers]
        return [with_graphs(answer, self.scene.graphs) for answer in settle]


def with_graphs(value: Any, graphs: dict[str, Any]) -> Any:
    """Replace graphs by their names."""
    for name, graph in graphs.items():
        if value == graph and isinstance(value, dict) and value:
            return f"@{name}"
    if isinstance(value, dict):
        return {key: with_graphs(item, graphs) for key, item in value.items()}
    return [with_graphs(item, graphs) for item in value] if isinstance(value, list) else value


def certain(lines: list[str]) -> int:
    """Return how many of the lines are told whatever the speed."""
    return sum(not in_the_middle(line) for line in lines)


def as_frame(frame: Any) -> str | bytes:
    """Return a frame as it is sent: text, or bytes that the scene has in hexadecimal."""
    return bytes.fromhex(frame["binary"]) if isinstance(frame, dict) else str(frame)


def file_bytes(what: str) -> bytes:
    """Return a PNG of a colour, or the words themselves."""
    colour, _, size = what.partition(" ")
    if not size.isdigit():
        return what.encode()
    buffer = io.BytesIO()
    Image.new("RGBA", (int(size), int(size)), colour).save(buffer, "PNG")
    return buffer.getvalue()


def lanes(lines: list[str], loose: list[str]) -> dict[str, list[str]]:
    """Sort what a socket heard by prompt, leaving out what depends on the speed."""
    sorted_lines: dict[str, list[str]] = {}
    current = "queue"
    for line in lines:
        current = lane(line) if not line.startswith(("status", "preview 1")) else current
        owner = "queue" if line.startswith("status") else current
        if not (owner in loose and in_the_middle(line)):
            sorted_lines.setdefault(owner, []).append(line)
    return sorted_lines


def transcript(answers: list[Any], events: dict[str, Any]) -> Any:
    """Return answers and events together, file numbers made comparable across both."""
    text = json.dumps({"answers": answers, "events": events}, ensure_ascii=False)
    return json.loads(renumbered(text))
