"""A farm as a file: `gpus.yaml` with a list of nodes, read with a line for every error, and written back."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from django.core.exceptions import ValidationError
from django.db import transaction

from farm_app import nudges, planning
from farm_app.giving_way import give_way
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
}
_OPTIONAL: Final = ("name", "vram_gb", "max_resolution", "max_batch")
MOST_FAULTS: Final = 20
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
    switched_off: int = 0
    """How many demo nodes gave way."""


def load_farm(path: Path) -> LoadedFarm:
    """Add or change every node of a file, all or none. Nodes that the file does not name stay as they are.

    Fields that it does not name stay as they are, too, except those of a demo node whose name a real one takes.

    Raises:
        BadFarm: Anything in it is wrong; nothing was changed.
    """
    document, entries = _entries(path)
    known = {node.slug: node for node in GpuNode.objects.all()}
    faults: list[str] = []
    added: list[str] = []
    changed: list[str] = []
    switched_off = 0
    with transaction.atomic():
        _make_room(entries, known)
        for place, entry in enumerate(entries):
            problems = _ill_typed(entry) or _twice(entries, place)
            if not problems:
                problems = _saved(entry, known.get(str(entry["id"])))
                (changed if str(entry["id"]) in known else added).append(str(entry["id"]))
            faults += [_at(document, place, field, said) for field, said in problems]
        if faults:
            transaction.set_rollback(True)
        elif GpuNode.objects.enabled().filter(slug__in=[*added, *changed]).exists():
            switched_off = give_way()
        transaction.on_commit(planning.forget_stock)
        nudges.idle_nodes_on_commit()
    if faults:
        raise BadFarm(faults)
    return LoadedFarm(tuple(added), tuple(changed), switched_off)


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
    if isinstance(value, bool):
        return bool in types
    if isinstance(value, int | float) and not 0 < value < MOST:
        return False
    return isinstance(value, types)


def _twice(entries: list[dict[str, Any]], place: int) -> list[Problem]:
    """An id may not stand twice: the second would silently undo the first."""
    before = {str(entry.get("id")) for entry in entries[:place]}
    slug = str(entries[place]["id"])
    return [("id", f"{slug} stands twice.")] if slug in before else []


def _make_room(entries: list[dict[str, Any]], known: Mapping[str, GpuNode]) -> None:
    """Let known nodes of this file go from their ports first, so that two may change places."""
    for entry in entries:
        node = known.get(str(entry.get("id")))
        if node is not None and "port" in entry:
            GpuNode.objects.filter(pk=node.pk).update(port=_nowhere(node))


def _nowhere(node: GpuNode) -> int:
    """Return a port that no node can have."""
    return 65_536 + node.pk


def _saved(entry: dict[str, Any], node: GpuNode | None) -> list[Problem]:
    """Write one node; return what is wrong with it instead."""
    node = node or GpuNode()
    before = node.origin
    if node.is_demo:
        node.become_real()
        _reset(node)
    for name, value in entry.items():
        column = _COLUMNS.get(name, name)
        text = str(value) if value is not None else ""
        setattr(node, column, text if column in ("slug", "card") else value)
    node.health_checked_at = None
    if node.origin != before:
        node.forget_looks()
    try:
        node.full_clean()
    except ValidationError as fault:
        return [_problem(column, said) for column, said in fault.message_dict.items()]
    node.save()
    return []


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
        }
        for node in GpuNode.objects.filter(is_demo=False).order_by("slug")
    ]
    kept = [
        {name: value for name, value in node.items() if value not in (None, "")} for node in nodes
    ]
    return yaml.safe_dump({"nodes": kept}, sort_keys=False, allow_unicode=True)


def _plain(number: float | None) -> float | int | None:
    return int(number) if number is not None and number == int(number) else number
