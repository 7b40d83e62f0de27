"""Play a recorded scene against a demo node and write down what it says, in the same form."""

import io
import json
import re
import struct
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from tests.farm.demo.dialect import (
    FILE_NUMBER,
    TEMP_NAME,
    in_the_middle,
    is_key,
    lane,
    renumbered,
    settled,
    short,
)
from tests.farm.demo.running import Listener, RunningNode, frame_kind, wait_until

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


@dataclass
class Replay:
    """One run of a scene."""

    scene: Scene
    node: RunningNode
    symbols: dict[str, str] = field(default_factory=dict)
    real: dict[str, str] = field(default_factory=dict)
    listeners: dict[str, Listener] = field(default_factory=dict)
    answers: list[Any] = field(default_factory=list)

    def play(self) -> None:
        """Warm up, then take every step."""
        for graph in self.scene.warm:
            self.node.run(graph)
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
            client = self._real_client(str(step.get("client", step["open"])))
            self.listeners[step["open"]] = self.node.socket(client, flags=step.get("flags", False))
            wait_until(lambda: self.listeners[step["open"]].events)
        elif "close" in step:
            self.listeners[step["close"]].close()
        elif "remove" in step:
            (self.node.spec.folder / step["remove"]).unlink()
        elif "finished" in step:
            self.node.entry(self.real[step["finished"]])
        else:
            self._request(step)

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
        answer = self.node.http.request(method, path, **self._content(step))
        said = self._body(answer)
        if "as" in step and isinstance(said, dict):
            self.symbols[said["prompt_id"]] = step["as"]
            self.real[step["as"]] = said["prompt_id"]
        self.answers.append([answer.status_code, said])

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
        return lines

    def _preview(self, frame: bytes) -> str:
        if frame_kind(frame) == 1:
            return f"preview 1 {IMAGE_TYPES[struct.unpack('>I', frame[4:8])[0]]}"
        length = struct.unpack(">I", frame[4:8])[0]
        about = settled(json.loads(frame[8 : 8 + length]), self.symbols)
        return "preview 4 " + json.dumps(about, sort_keys=True)

    def told_answers(self) -> list[Any]:
        """Return all answers as the fixture would have them."""
        settle = [settled(answer, self.symbols, len(self.scene.warm)) for answer in self.answers]
        return [with_graphs(answer, self.scene.graphs) for answer in settle]


def with_graphs(value: Any, graphs: dict[str, Any]) -> Any:
    """Replace graphs by their names."""
    for name, graph in graphs.items():
        if value == graph and isinstance(value, dict) and value:
            return f"@{name}"
    if isinstance(value, dict):
        return {key: with_graphs(item, graphs) for key, item in value.items()}
    return [with_graphs(item, graphs) for item in value] if isinstance(value, list) else value


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
