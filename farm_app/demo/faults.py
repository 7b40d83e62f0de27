"""Scripted faults: ordered rules that say when and how the node misbehaves.

A rule is ``{"on": {...}, "do": {...}, "count": n}``; the first that matches wins, and ``count``
says how often it may (missing: always). ``on`` matches a request (``method``, ``path`` with
wildcards) or an event (``event``, ``value``, ``node``, ``class``, ``prompt``); both may ask for
``nth``, ``prompt_contains``, and ``for_seconds`` counted from ``after_event`` or from the
rule's arrival. What ``do`` may hold is listed in ``REQUEST_DEEDS`` and ``EVENT_DEEDS``.
"""

import fnmatch
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

REQUEST_KEYS = {"method", "path"}
EVENT_KEYS = {"event", "value", "node", "class", "prompt"}
SHARED_KEYS = {"nth", "prompt_contains", "for_seconds", "after_event"}

ANSWER_DEEDS = {
    "status": "answer with this status",
    "json": "answer with this object",
    "body": "answer with this text",
    "body_base64": "answer with these bytes",
    "headers": "add these headers",
    "merge": "merge these keys into the JSON of the real answer",
    "set": "put values into it, by dotted path; * is every key",
    "truncate": "cut the answer: bytes to keep, negative bytes to drop, or a share below 1",
    "keep_content_length": "announce the whole length although the body is cut",
    "flip": "flip a bit of the byte there: a count, or a share below 1",
    "flood": "send so many bytes of nothing after what `body` says, without a length",
    "drip": "send {bytes} at a time with {pause_ms} between",
    "claim": "announce this length, whatever comes",
    "drop_response": "close the connection instead of answering",
    "latency_ms": "wait first",
    "jitter_ms": "wait up to this much longer",
}
REQUEST_DEEDS = ANSWER_DEEDS | {
    "accept": "do the work first, then what `then` says with the answer",
    "then": "an object of answer deeds",
    "reject": "refuse a graph with this error type",
    "reset": "reset the connection",
    "reset_probability": "reset that share of requests",
    "seed": "make jitter and probability repeatable",
    "hang": "never answer, or only after that many seconds",
    "exit": "end the process at once with this code",
}
EVENT_DEEDS = {
    "drop": "do not send the event",
    "duplicate": "send it this many times more",
    "data": "merge these keys into its data; a preview becomes `bytes` bytes that begin with hex `starts`",
    "follow": "send these [event, data] of the same prompt after it",
    "latency_ms": "wait before sending it",
    "hang": "stop the worker for good, or for that many seconds",
    "stop_progress": "stop, but react to an interrupt",
    "raise": "the node raises {type, message}",
    "oom": "the node runs out of memory",
    "interrupt": "as if somebody had pressed interrupt",
    "close_sockets": "cut all sockets without a close frame",
    "exit": "end the process at once with this code",
}


class RuleError(ValueError):
    """A rule cannot be understood; the message says which part."""


@dataclass
class Rule:
    """One rule and how often it has matched."""

    on: Mapping[str, Any]
    do: Mapping[str, Any]
    count: int | None = None
    armed_at: float | None = None
    seen: int = 0
    hits: int = 0
    chance: random.Random = field(default_factory=random.Random)

    @property
    def for_event(self) -> bool:
        """Whether it waits for an event rather than for a request."""
        return "event" in self.on

    def strikes(self, now: float) -> bool:
        """Count one match of the conditions; say whether the rule acts this time."""
        if self.count is not None and self.hits >= self.count:
            return False
        if not self._in_time(now):
            return False
        self.seen += 1
        if "nth" in self.on and self.seen != self.on["nth"]:
            return False
        self.hits += 1
        return True

    def _in_time(self, now: float) -> bool:
        if self.armed_at is None:
            return False
        seconds = self.on.get("for_seconds")
        return seconds is None or now - self.armed_at <= seconds

    def to_json(self) -> dict[str, Any]:
        """Return the rule and its counters."""
        return {
            "on": dict(self.on),
            "do": dict(self.do),
            "count": self.count,
            "seen": self.seen,
            "hits": self.hits,
        }


@dataclass(frozen=True)
class EventFacts:
    """What an event rule can look at."""

    event: str
    prompt_id: str | None = None
    node: str | None = None
    class_name: str | None = None
    value: float | None = None
    graph_text: str = ""

    def matches(self, on: Mapping[str, Any]) -> bool:
        """Whether these facts fulfil a rule's conditions."""
        wanted = {
            "event": self.event,
            "prompt": self.prompt_id,
            "node": self.node,
            "class": self.class_name,
            "value": self.value,
        }
        if any(on.get(key, "any") not in ("any", known) for key, known in wanted.items()):
            return False
        return str(on.get("prompt_contains", "")) in self.graph_text


class Faults:
    """The rules of one node, in order."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with no rules."""
        self.clock = clock
        self.rules: list[Rule] = []

    def load(self, raw: Any) -> None:
        """Replace the rules.

        Args:
            raw: a list of rules, or an object with ``rules``.

        Raises:
            RuleError: a rule has an unknown key.
        """
        listed = raw.get("rules") if isinstance(raw, dict) else raw
        if not isinstance(listed, list):
            raise RuleError("expected a list of rules")
        self.rules = [_read(rule, self.clock()) for rule in listed]

    def load_file(self, path: Path) -> None:
        """Read rules from YAML or JSON.

        Raises:
            RuleError: not readable as rules.
        """
        try:
            self.load(yaml.safe_load(path.read_text()))
        except yaml.YAMLError as error:
            raise RuleError(f"{path}: {error}") from None

    @property
    def reads_bodies(self) -> bool:
        """Whether a request rule looks at the text of a prompt."""
        return any("prompt_contains" in rule.on for rule in self.rules if not rule.for_event)

    def for_request(self, method: str, path: str, body: str = "") -> Rule | None:
        """Return the first rule that acts on this request, if any."""
        bare = path.removeprefix("/api") or "/"
        for rule in self.rules:
            on = rule.on
            if rule.for_event or on.get("method", method) != method:
                continue
            pattern = on.get("path", "*")
            if not any(fnmatch.fnmatchcase(one, pattern) for one in (path, bare)):
                continue
            if str(on.get("prompt_contains", "")) in body and rule.strikes(self.clock()):
                return rule
        return None

    def for_event(self, facts: EventFacts) -> Rule | None:
        """Return the first rule that acts on this event, if any; arm those that waited for it."""
        for rule in self.rules:
            if rule.on.get("after_event") == facts.event:
                rule.armed_at = self.clock()
        for rule in self.rules:
            if rule.for_event and facts.matches(rule.on) and rule.strikes(self.clock()):
                return rule
        return None


def _read(raw: Any, now: float) -> Rule:
    if not isinstance(raw, dict):
        raise RuleError(f"a rule is an object, not {json.dumps(raw)}")
    on = raw.get("on", raw.get(True))  # YAML 1.1 reads a bare `on` as true
    do = raw.get("do")
    if not isinstance(on, dict) or not isinstance(do, dict):
        raise RuleError("a rule needs `on` and `do`")
    is_event = "event" in on
    _refuse_unknown("on", on, SHARED_KEYS | (EVENT_KEYS if is_event else REQUEST_KEYS))
    _refuse_unknown("do", do, set(EVENT_DEEDS if is_event else REQUEST_DEEDS))
    _refuse_unknown("then", do.get("then", {}), set(ANSWER_DEEDS))
    return Rule(
        on=on,
        do=do,
        count=raw.get("count"),
        armed_at=None if "after_event" in on else now,
        chance=random.Random(do.get("seed")),  # noqa: S311 - faults need no secrecy
    )


def _refuse_unknown(label: str, given: Mapping[str, Any], known: set[str]) -> None:
    unknown = set(given) - known
    if unknown:
        raise RuleError(f"{label}: unknown {', '.join(sorted(map(str, unknown)))}")
