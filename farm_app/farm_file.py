"""A farm as a file: `gpus.yaml` with a list of nodes, read with a line for every error, and written back."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import yaml
from django.core.exceptions import ValidationError
from django.db import transaction

from farm_app import nudges, planning
from farm_app.families import FAMILIES
from farm_app.giving_way import give_way
from farm_app.hours import DAYS
from farm_app.models import GpuNode
from farm_app.yaml_files import BadYaml, Document, read_document

FIELDS: Final = (
    "id",
    "name",
    "vram_gb",
    "tier",
    "host",
    "port",
    "capabilities",
    "max_resolution",
    "max_batch",
    "enabled",
    "own_days",
    "own_from",
    "own_until",
    "mac",
    "wakes_for_jobs",
    "idle_minutes",
)
_COLUMNS: Final = {"id": "slug", "name": "card", "enabled": "is_enabled"}
_NAMES: Final = {column: name for name, column in _COLUMNS.items()}
# What a field must be written as. YAML has opinions on what a word is: an id of digits is a number to it.
_TYPES: Final[Mapping[str, tuple[tuple[type, ...], str]]] = {
    "id": ((str, int), "a word such as gpu-premium"),
    "name": ((str, int), "text such as RTX 4060 Ti"),
    "vram_gb": ((int, float), "a number of gigabytes"),
    "tier": ((str,), "premium, quality, standard or draft"),
    "host": ((str,), "a host name or address"),
    "port": ((int,), "a number from 1 to 65535"),
    "capabilities": ((list,), "a list of words such as [sd15, sdxl]"),
    "max_resolution": ((int,), "a number of pixels"),
    "max_batch": ((int,), "a whole number"),
    "enabled": ((bool,), "true or false"),
    "own_days": ((list,), "a list of weekdays such as [Mon, Tue]"),
    "own_from": ((str, int), "a time such as 09:00"),
    "own_until": ((str, int), "a time such as 18:00"),
    "mac": ((str,), "six pairs such as 3c:7c:3f:12:ab:9e"),
    "wakes_for_jobs": ((bool,), "true or false"),
    "idle_minutes": ((int,), "a whole number of minutes"),
}
_OPTIONAL: Final = (
    "name",
    "vram_gb",
    "max_resolution",
    "max_batch",
    "own_from",
    "own_until",
    "idle_minutes",
)
# A word so like a family's id is a slip of the hand; free tags are other words.
_LIKE: Final = 0.7
MOST_FAULTS: Final = 20
DAY_MIN: Final = 24 * 60
MOST: Final = 1e15
"""Beyond every number of a node; a whole number may be too large for a float."""

Problem = tuple[str, str]
"""Field, or nothing for the whole node; and what is wrong."""


class BadFarm(Exception):
    """The file cannot be loaded; one line per fault, with its line number."""

    def __init__(self, faults: list[str]) -> None:
        """Keep the faults, the first of many."""
        more = len(faults) - MOST_FAULTS
        shown = [*faults[:MOST_FAULTS], f"… and {more} more."] if more > 0 else faults
        super().__init__("\n".join(shown))
        self.faults = faults


@dataclass(frozen=True)
class LoadedFarm:
    """What a load did, by node."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...] = ()
    switched_off: int = 0
    """How many demo nodes gave way."""
    warnings: tuple[str, ...] = ()
    """What was loaded and is probably not meant so, a sentence each."""


def load_farm(path: Path) -> LoadedFarm:
    """Add or change every node of a file, all or none. Nodes that the file does not name stay as they are.

    Fields that it does not name stay as they are, too, except those of a demo node whose name a real one takes.

    Raises:
        BadFarm: Anything in it is wrong; nothing was changed.
    """
    document, entries = _entries(path)
    known = {node.slug: node for node in GpuNode.objects.all()}
    faults: list[str] = []
    done: dict[str, list[str]] = {_ADDED: [], _CHANGED: [], _UNCHANGED: []}
    switched_off = 0
    with transaction.atomic():
        _make_room(entries, known)
        for place, entry in enumerate(entries):
            problems = [*_ill_typed(entry), *_twice(entries, place)]
            what, others = _saved(entry, known.get(str(entry.get("id"))), problems)
            done[what].append(str(entry.get("id")))
            problems += others
            faults += [_at(document, place, field, said) for field, said in problems]
        if faults:
            transaction.set_rollback(True)
        elif GpuNode.objects.enabled().filter(slug__in=[*done[_ADDED], *done[_CHANGED]]).exists():
            switched_off = give_way()
        transaction.on_commit(planning.forget_stock)
        nudges.idle_nodes_on_commit()
    if faults:
        raise BadFarm(faults)
    warnings = tuple(_at(document, *one) for one in _slips(entries))
    added, changed, unchanged = (tuple(done[what]) for what in (_ADDED, _CHANGED, _UNCHANGED))
    return LoadedFarm(added, changed, unchanged, switched_off, warnings)


def _slips(entries: list[dict[str, Any]]) -> Iterator[tuple[int, str, str]]:
    """Yield place, field and sentence of each word that looks like a family and is none."""
    for place, entry in enumerate(entries):
        for word in entry.get("capabilities") or ():
            near = [] if word in FAMILIES else get_close_matches(word, FAMILIES, 1, _LIKE)
            if near:
                said = f"{word} is taken for a free tag. If the model family is meant, write {near[0]}."
                yield place, "capabilities", said


def _entries(path: Path) -> tuple[Document, list[dict[str, Any]]]:
    try:
        document = read_document(path)
    except BadYaml as fault:
        raise BadFarm([str(fault)]) from fault
    found = document.value
    entries = found.get("nodes") if isinstance(found, dict) else None
    if not isinstance(entries, list):
        line = document.line("nodes")
        raise BadFarm([f"{path}, line {line}: needs `nodes:` with a list of nodes."])
    strange = [place for place, entry in enumerate(entries) if not isinstance(entry, dict)]
    if strange:
        said = "a node is a table of fields such as id, host and port."
        raise BadFarm([_at(document, place, "", said) for place in strange])
    return document, entries


def _ill_typed(entry: dict[str, Any]) -> list[Problem]:
    unknown = [
        (str(name), f"{name} is no field of a node.") for name in entry if name not in FIELDS
    ]
    missing = [("", f"{name} is missing.") for name in ("id", "host") if entry.get(name) is None]
    wrong = [
        (name, f"{name} must be {_TYPES[name][1]}.")
        for name, value in entry.items()
        if name in _TYPES and not _is_well_typed(name, value)
    ]
    return unknown + missing + wrong


def _is_well_typed(name: str, value: Any) -> bool:
    if value is None:
        return name in _OPTIONAL
    types = _TYPES[name][0]
    if name in _READ:
        return isinstance(value, types) and _READ[name](value) is not None
    if isinstance(value, bool):
        return bool in types
    if isinstance(value, int | float) and not 0 < value < MOST:
        return False
    return isinstance(value, types)


def _twice(entries: list[dict[str, Any]], place: int) -> list[Problem]:
    """An id may not stand twice: the second would silently undo the first."""
    before = {str(entry.get("id")) for entry in entries[:place]}
    slug = str(entries[place].get("id"))
    is_named = entries[place].get("id") is not None
    return [("id", f"{slug} stands twice.")] if is_named and slug in before else []


def _make_room(entries: list[dict[str, Any]], known: Mapping[str, GpuNode]) -> None:
    """Let known nodes of this file go from their ports first, so that two may change places."""
    for entry in entries:
        node = known.get(str(entry.get("id")))
        if node is not None and "port" in entry:
            GpuNode.objects.filter(pk=node.pk).update(port=_nowhere(node))


def _nowhere(node: GpuNode) -> int:
    """Return a port that no node can have."""
    return 65_536 + node.pk


_ADDED, _CHANGED, _UNCHANGED = "added", "changed", "unchanged"


def _saved(
    entry: dict[str, Any], node: GpuNode | None, problems: Sequence[Problem]
) -> tuple[str, list[Problem]]:
    """Write one node, and return what that did to it; with what else is wrong with it, if anything is.

    Args:
        problems: What is known to be wrong already: those fields are left out.
    """
    what = _ADDED if node is None else _CHANGED
    node = node or GpuNode()
    before = (node.origin, _facts(node))
    if node.is_demo:
        node.become_real()
        _reset(node)
    wrong = {field for field, _ in problems}
    for name, value in entry.items():
        if name in FIELDS and name not in wrong:
            setattr(node, _COLUMNS.get(name, name), _read(name, value))
    if what == _CHANGED and (node.origin, _facts(node)) == before and not problems:
        GpuNode.objects.filter(pk=node.pk).update(port=node.port)  # which has made room
        return _UNCHANGED, []
    node.health_checked_at = None
    if node.origin != before[0]:
        node.forget_looks()
    missing = {name for name in ("id", "host") if entry.get(name) is None}
    found = [*_invalid(node, {_COLUMNS.get(name, name) for name in wrong | missing})]
    found += [(name, said) for name, said in _careless(node) if name not in wrong]
    if not found and not problems:
        node.save()
    return what, found


def _facts(node: GpuNode) -> list[Any]:
    """Return all that a file may say of a node, and whether it is a demo node."""
    return [getattr(node, _COLUMNS.get(name, name)) for name in FIELDS] + [node.is_demo]


def _read(name: str, value: Any) -> Any:
    """Return a value of the file as its column holds it."""
    if name in ("id", "name"):
        return str(value) if value is not None else ""
    return _READ[name](value) if name in _READ and value is not None else value


def _days(value: list[Any]) -> list[int] | None:
    names = {day.casefold(): number for number, day in enumerate(DAYS)}
    found = [names.get(str(one).casefold()[:3]) for one in value]
    return None if None in found else sorted({one for one in found if one is not None})


def _time(value: str | int) -> time | None:
    """Read 18:00, which YAML takes for the number of its minutes where it is not quoted."""
    if isinstance(value, int):
        is_time = not isinstance(value, bool) and 0 <= value < DAY_MIN
        return time(value // 60, value % 60) if is_time else None
    try:
        return time.fromisoformat(value)
    except ValueError:
        return None


_READ: Final[Mapping[str, Callable[[Any], Any]]] = {
    "own_days": _days,
    "own_from": _time,
    "own_until": _time,
}


def _invalid(node: GpuNode, without: set[str]) -> list[Problem]:
    try:
        node.full_clean(exclude=without)
    except ValidationError as fault:
        return [_problem(column, said) for column, said in fault.message_dict.items()]
    return []


def _careless(node: GpuNode) -> Iterator[Problem]:
    """Yield what the page of hours and sleep would refuse."""
    times = (node.own_from, node.own_until)
    if node.own_days and None in times:
        yield "own_days", "own_days needs own_from and own_until."
    if not node.own_days and times != (None, None):
        yield "own_from", "own_from and own_until need own_days."
    if node.wakes_for_jobs and not node.mac:
        yield "wakes_for_jobs", "wakes_for_jobs needs the mac of its network card."
    if node.idle_minutes and not node.wakes_for_jobs:
        yield "idle_minutes", "idle_minutes is only for a machine with wakes_for_jobs."


def _reset(node: GpuNode) -> None:
    """Give every field of a node that a file may name, and what people switched on it, its default."""
    plain = GpuNode()
    columns = {_COLUMNS.get(name, name) for name in FIELDS} - {"slug"}
    for column in (*columns, "is_draining", "is_paused", "reserved_until"):
        setattr(node, column, getattr(plain, column))


def _problem(column: str, said: list[str]) -> Problem:
    name = _NAMES.get(column, column)
    return ("", " ".join(said)) if column == "__all__" else (name, f"{name}: {' '.join(said)}")


def _at(document: Document, place: int, field: str, said: str) -> str:
    keys = ("nodes", place, field) if field else ("nodes", place)
    return f"{document.path}, line {document.line(*keys)}: {said}"


def dump_farm() -> str:
    """Return every real node as a file that `load_farm` reads."""
    nodes = [
        {
            "id": node.slug,
            "name": node.card,
            "vram_gb": _plain(node.vram_gb),
            "tier": str(node.tier),
            "host": node.host,
            "port": node.port,
            "capabilities": node.capabilities,
            "max_resolution": node.max_resolution,
            "max_batch": node.max_batch,
            "enabled": node.is_enabled,
            "own_days": [DAYS[day] for day in node.own_days],
            "own_from": _spell(node.own_from),
            "own_until": _spell(node.own_until),
            "mac": node.mac,
            "wakes_for_jobs": node.wakes_for_jobs,
            "idle_minutes": node.idle_minutes,
        }
        for node in GpuNode.objects.filter(is_demo=False).order_by("slug")
    ]
    kept = [
        {name: value for name, value in node.items() if not _is_usual(name, value)}
        for node in nodes
    ]
    return yaml.safe_dump({"nodes": kept}, sort_keys=False, allow_unicode=True)


def _is_usual(name: str, value: Any) -> bool:
    """Say whether a field says nothing."""
    return value in (None, "") or (name in ("own_days", "wakes_for_jobs") and not value)


def _spell(at: time | None) -> str | None:
    return f"{at:%H:%M}" if at else None


def _plain(number: float | None) -> float | int | None:
    return int(number) if number is not None and number == int(number) else number
