"""Write protocol traffic short and without what differs from run to run.

``state P1 5=1.0/1.0. 3=2/4`` stands for a whole ``progress_state``; a dot means finished. An event
that is not exactly what its short form stands for stays JSON, and so differs from the fixture.
"""

import json
import re
from typing import Any

Event = dict[str, Any]

FILE_NUMBER = re.compile(r"(?P<prefix>[\w%-]+)_(?P<number>\d{5})_\.png")
TEMP_NAME = re.compile(r"ComfyUI_temp_[a-z]{5}")
SERVER_PATH = re.compile(r"'/[^']*'")
STATES = {"running": "", "finished": "."}


def short(event: Event) -> str:
    """Write one text event in one line."""
    writer = WRITERS.get(event["type"])
    if writer is not None:
        line = writer(event.get("data") or {})
        if line is not None and expand(line) == event:
            return line
    return "json " + json.dumps(event, sort_keys=True, ensure_ascii=False)


def expand(line: str) -> Event:
    """Return the event a line stands for."""
    word, _, rest = line.partition(" ")
    return EXPANDERS[word](rest)


def _number(text: str) -> float:
    return float(text) if "." in text else int(text)


def _short_status(data: Any) -> str | None:
    remaining = data.get("status", {}).get("exec_info", {}).get("queue_remaining")
    return f"status {remaining}" + (f" sid={data['sid']}" if "sid" in data else "")


def _status(rest: str) -> Event:
    remaining, _, sid = rest.partition(" sid=")
    data: Any = {"status": {"exec_info": {"queue_remaining": int(remaining)}}}
    return {"type": "status", "data": data | ({"sid": sid} if sid else {})}


def _stamped(kind: str, rest: str, **more: Any) -> Event:
    return {"type": kind, "data": {**more, "prompt_id": rest, "timestamp": 0}}


def _cached(rest: str) -> Event:
    prompt, _, nodes = rest.partition(" ")
    return _stamped("execution_cached", prompt, nodes=nodes.split(",") if nodes else [])


def _short_state(data: Any) -> str | None:
    parts = [
        f"{node}={about['value']!r}/{about['max']!r}{STATES.get(about['state'], '?')}"
        for node, about in data["nodes"].items()
    ]
    return " ".join(["state", data["prompt_id"], *parts])


def _state(rest: str) -> Event:
    prompt, *parts = rest.split(" ")
    nodes = {}
    for part in parts:
        node, _, progress = part.partition("=")
        value, _, total = progress.removesuffix(".").partition("/")
        finished = progress.endswith(".")
        nodes[node] = {
            "value": _number(value),
            "max": _number(total),
            "state": "finished" if finished else "running",
            "node_id": node,
            "prompt_id": prompt,
            "display_node_id": node,
            "parent_node_id": None,
            "real_node_id": node,
        }
    return {"type": "progress_state", "data": {"prompt_id": prompt, "nodes": nodes}}


def _short_executing(data: Any) -> str | None:
    if "prompt_id" not in data:
        return f"back {data['node']}"
    return f"end {data['prompt_id']}" if data["node"] is None else _about(data, "executing")


def _about(data: Any, word: str) -> str:
    return f"{word} {data['prompt_id']} {data['node']}"


def _executing(rest: str) -> Event:
    prompt, node = rest.split(" ")
    data = {"node": node, "display_node": node, "prompt_id": prompt}
    return {"type": "executing", "data": data}


def _progress(rest: str) -> Event:
    prompt, node, step = rest.split(" ")
    value, total = step.split("/")
    data = {"value": int(value), "max": int(total), "prompt_id": prompt, "node": node}
    return {"type": "progress", "data": data}


def _executed(rest: str) -> Event:
    prompt, node, output = rest.split(" ", 2)
    event = _executing(f"{prompt} {node}")
    return {"type": "executed", "data": {**event["data"], "output": json.loads(output)}}


def _json(rest: str) -> Event:
    event: Event = json.loads(rest)
    return event


WRITERS = {
    "status": _short_status,
    "execution_start": lambda data: f"start {data.get('prompt_id')}",
    "execution_success": lambda data: f"success {data.get('prompt_id')}",
    "execution_cached": lambda data: (
        f"cached {data.get('prompt_id')} {','.join(data.get('nodes', []))}".rstrip()
    ),
    "progress_state": _short_state,
    "executing": _short_executing,
    "progress": lambda data: _about(data, "progress") + f" {data['value']}/{data['max']}",
    "executed": lambda data: _about(data, "executed") + " " + json.dumps(data["output"]),
}
EXPANDERS = {
    "status": _status,
    "start": lambda rest: _stamped("execution_start", rest),
    "success": lambda rest: _stamped("execution_success", rest),
    "cached": _cached,
    "state": _state,
    "executing": _executing,
    "end": lambda rest: {"type": "executing", "data": {"node": None, "prompt_id": rest}},
    "back": lambda rest: {"type": "executing", "data": {"node": rest}},
    "progress": _progress,
    "executed": _executed,
    "json": _json,
}


def settled(value: Any, symbols: dict[str, str], base: int = 0) -> Any:
    """Return a JSON value without ids, times and paths of its run.

    Args:
        value: what a server said.
        symbols: from real ids to the names the fixture has for them.
        base: how many prompts were posted before the scene; numbers are counted from there.
    """
    if isinstance(value, dict):
        return {
            symbols.get(key, key): _settle_field(key, item, symbols, base)
            for key, item in value.items()
        }
    if isinstance(value, list):
        if len(value) == 5 and isinstance(value[1], str) and isinstance(value[2], dict | str):
            value = [counted(value[0], base), *value[1:]]
        return [settled(item, symbols, base) for item in value]
    if isinstance(value, str):
        return symbols.get(value, TEMP_NAME.sub("ComfyUI_temp_", value))
    return value


def _settle_field(key: str, value: Any, symbols: dict[str, str], base: int) -> Any:
    if key in ("timestamp", "create_time", "execution_start_time", "execution_end_time"):
        return 0
    if key in ("number", "priority"):
        return counted(value, base)
    if key == "traceback":
        return []
    if key == "text" and isinstance(value, list):
        return ["…"]
    if key in ("current_inputs", "executed", "current_outputs"):
        return sorted(value)
    if key == "exception_message":
        return SERVER_PATH.sub("'/…'", value)
    return settled(value, symbols, base)


def counted(number: Any, base: int) -> Any:
    """Return a queue number as counted from the start of the scene; given ones are floats."""
    if not isinstance(number, int):
        return number
    return number - base if number >= 0 else number + base


def renumbered(text: str) -> str:
    """Replace file numbers by their rank among those of the same prefix."""
    found: dict[str, set[int]] = {}
    for match in FILE_NUMBER.finditer(text):
        found.setdefault(match["prefix"], set()).add(int(match["number"]))
    ranks = {prefix: sorted(numbers) for prefix, numbers in found.items()}

    def rank(match: re.Match[str]) -> str:
        place = ranks[match["prefix"]].index(int(match["number"])) + 1
        return f"{match['prefix']}_{place:05}_.png"

    return FILE_NUMBER.sub(rank, text)


GONE = "gone"
"""The socket ended without a close frame."""
KEY_WORDS = ("start", "cached", "executing", "back", "executed", "success", "end", "json", GONE)


def is_key(line: str) -> bool:
    """Whether an event is told whatever the speed: no counts, progress or preview."""
    return line == "status 0" or line.split(" ", 1)[0] in KEY_WORDS


def lane(line: str) -> str:
    """Return what an event belongs to: a prompt, or the queue as a whole."""
    match = re.search(r"\b(P\d+)\b", line)
    return "queue" if line.startswith("status") or match is None else match[1]


MIDDLE = re.compile(r"^(progress|state|preview)\b")


def in_the_middle(line: str) -> bool:
    """Whether this is a sampler on its way: how many of these come depends on the speed."""
    if line.startswith("preview"):
        return True
    steps = re.findall(r"(?:=| )(\d+)/(\d+)(?!\.)(?:\s|$)", line)
    return bool(MIDDLE.match(line)) and any(int(value) < int(total) for value, total in steps)
