"""YAML from people: size, aliases and depth are bounded, keys may not repeat, and errors name their line."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

MOST_BYTES: Final = 1_000_000
MOST_DEPTH: Final = 20
MOST_NODES: Final = 100_000
_MERGE: Final = "tag:yaml.org,2002:merge"
_NOT_ALLOWED: Final = "a character that YAML does not allow"
# What PyYAML's constructors let escape: `!!int ""`, `!!bool x`, `!!timestamp x`, 2026-02-30, a number of 5,000 digits.
_UNFIT: Final = (ValueError, TypeError, LookupError, AttributeError, OverflowError)


class BadYaml(Exception):
    """A file cannot be read; says which line and why."""


@dataclass(frozen=True)
class Document:
    """What a file holds, and where in it."""

    path: Path
    value: Any
    node: yaml.Node | None

    def line(self, *keys: str | int) -> int:
        """Return the line, from 1, on which the value under these keys begins, or the nearest thing around it."""
        found = self.node
        for key in keys:
            inner = None if found is None else _child(found, key)
            if inner is None:
                break
            found = inner
        return 1 if found is None else int(found.start_mark.line) + 1


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader without repeated keys, with bounds on nesting and aliases, and with a line for every fault."""

    def get_single_node(self) -> Any:
        """Refuse a document that would be endless once its aliases are written out."""
        node = super().get_single_node()
        if node is not None and _written_out(node, {}) > MOST_NODES:
            raise yaml.MarkedYAMLError(
                problem="its aliases multiply too much", problem_mark=node.start_mark
            )
        return node

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse endless nesting."""
        self._depth = getattr(self, "_depth", 0) + 1
        if self._depth > MOST_DEPTH:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="nested too deep", problem_mark=mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        """Refuse a word that is not what its tag says, and an escape for what may not be written out."""
        try:
            made = super().construct_object(node, deep)
        except _UNFIT as fault:
            raise yaml.MarkedYAMLError(
                problem=_unfit(node, fault), problem_mark=node.start_mark
            ) from fault
        if isinstance(made, str) and self.NON_PRINTABLE.search(made):
            raise yaml.MarkedYAMLError(problem=_NOT_ALLOWED, problem_mark=node.start_mark)
        return made

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """Refuse a key that stands twice: which one counts would be a guess; and keys that are no plain words."""
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == _MERGE:
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(
                    problem="a key must be a plain word", problem_mark=key_node.start_mark
                )
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"{key!r} stands twice", problem_mark=key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def _written_out(node: Any, known: dict[int, int]) -> int:
    """Count the nodes under a node as if every alias were written out; a loop counts as too many."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) in known:
        return known[id(node)]
    known[id(node)] = MOST_NODES + 1  # met again before it is counted: it holds itself
    parts = (
        node.value
        if isinstance(node, yaml.SequenceNode)
        else [one for pair in node.value for one in pair]
    )
    known[id(node)] = 1 + sum(_written_out(part, known) for part in parts)
    return known[id(node)]


def _unfit(node: Any, fault: Exception) -> str:
    """Name a word and what it is not."""
    if not isinstance(node, yaml.ScalarNode):
        return str(fault).partition("\n")[0]
    return f"{node.value[:40]!r} is no {node.tag.rpartition(':')[2]}"


def read_yaml(path: Path) -> Any:
    """Return what a file holds.

    Raises:
        BadYaml: Missing, too large, not UTF-8 or not sound YAML; with the line.
    """
    return read_document(path).value


def read_document(path: Path) -> Document:
    """Return what a file holds, and where in it.

    Raises:
        BadYaml: Missing, too large, not UTF-8 or not sound YAML; with the line.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(MOST_BYTES + 1)
    except OSError as fault:
        msg = f"{path}: {fault.strerror or fault}"
        raise BadYaml(msg) from fault
    if len(raw) > MOST_BYTES:
        msg = f"{path}: larger than {MOST_BYTES:,} bytes."
        raise BadYaml(msg)
    try:
        return _parsed(path, raw.decode())
    except UnicodeDecodeError as fault:
        line = raw[: fault.start].count(b"\n") + 1
        msg = f"{path}, line {line}: not UTF-8 text."
        raise BadYaml(msg) from fault


def _parsed(path: Path, text: str) -> Document:
    try:
        loader = _StrictLoader(text)
        try:
            node = loader.get_single_node()
            value = None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        raise _bad(path, mark.line if mark else 0, fault.problem or fault.context) from fault
    except yaml.reader.ReaderError as fault:
        line = text[: fault.position].count("\n")
        raise _bad(path, line, _NOT_ALLOWED) from fault
    except (yaml.YAMLError, RecursionError, *_UNFIT) as fault:
        raise _bad(path, 0, str(fault).partition("\n")[0]) from fault
    return Document(path, value, node)


def _bad(path: Path, line: int, problem: str | None) -> BadYaml:
    return BadYaml(f"{path}, line {line + 1}: {problem or 'not sound YAML'}.")


def _child(node: yaml.Node, key: str | int) -> yaml.Node | None:
    """Return what stands under a key, or the key itself where that is what there is to say something about."""
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int):
        return node.value[key] if key < len(node.value) else None
    if isinstance(node, yaml.MappingNode):
        found: Mapping[str, yaml.Node] = {name.value: value for name, value in node.value}
        return found.get(str(key))
    return None
