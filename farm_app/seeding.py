"""Workflow templates from files: a folder of API-form graphs with a `manifest.yaml`, loaded as often as one likes."""

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from django.db import transaction

from farm_app.comfy.workflow import check_graph, parse_parameters
from farm_app.models import Work, WorkflowTemplate
from farm_app.models.templates import LEAST_PATIENCE_S
from farm_app.yaml_files import BadYaml, read_yaml

SEEDED: Final = Path(__file__).parent / "data" / "workflows"
MOST_BYTES: Final = 5_000_000
FACTS: Final = (
    "description",
    "model_families",
    "supports_img2img",
    "supports_lora",
    "max_loras",
    "default_params",
    "work",
)
# Facts that a file may leave out; rows that were loaded before there were such facts count as unedited.
LIMITS: Final = ("stall_s", "cap_s")


class BadWorkflow(Exception):
    """A template cannot be loaded; says which and why."""


@dataclass
class Loaded:
    """What a load did, by slug."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Say it in a line."""
        said = "; ".join(f"{len(slugs)} {word}" for word, slugs in self.parts() if slugs)
        return said or "nothing to load"

    def parts(self) -> tuple[tuple[str, list[str]], ...]:
        """Return the lists, each with what is said of its number."""
        return (
            ("added", self.added),
            ("changed", self.changed),
            ("unchanged", self.same),
            ("left as edited by hand", self.kept),
        )


def seed_workflows(folder: Path = SEEDED) -> Loaded:
    """Load every template of a folder, all or none.

    A template that was edited by hand since it was loaded is left alone. What somebody loads from a folder of
    their own is the first choice until the admin says otherwise.

    Raises:
        BadWorkflow: The manifest or a graph is wrong.
    """
    found = [(entry, _graph(folder, entry), _facts(entry)) for entry in _manifest(folder)]
    loaded = Loaded()
    with transaction.atomic():
        for entry, graph, facts in found:
            _load(entry, graph, facts, loaded, is_own=folder.resolve() != SEEDED)
    return loaded


def _manifest(folder: Path) -> list[dict[str, Any]]:
    path = folder / "manifest.yaml"
    try:
        found = read_yaml(path)
    except BadYaml as fault:
        raise BadWorkflow(str(fault)) from fault
    entries = found.get("templates") if isinstance(found, dict) else None
    if not isinstance(entries, list) or not all(
        isinstance(entry, dict) and _is_slug(entry.get("name")) for entry in entries
    ):
        msg = f"{path}: needs `templates:` with a list of entries that each have a name of a-z, 0-9, - and _."
        raise BadWorkflow(msg)
    names = [entry["name"] for entry in entries]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        msg = f"{path}: {', '.join(twice)} stands twice."
        raise BadWorkflow(msg)
    return entries


def _is_slug(name: Any) -> bool:
    return isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,80}", name) is not None


def _graph(folder: Path, entry: dict[str, Any]) -> dict[str, Any]:
    """Read and check one graph; its file lies in the folder, whatever the manifest says."""
    name = Path(str(entry.get("file") or f"{entry['name']}.json")).name
    path = folder / name
    try:
        if path.stat().st_size > MOST_BYTES:
            msg = f"{path}: larger than {MOST_BYTES:,} bytes."
            raise BadWorkflow(msg)
        graph = json.loads(path.read_bytes())
        parameters = parse_parameters(entry)
    except (OSError, ValueError, RecursionError) as fault:
        msg = f"{path}: {fault}"
        raise BadWorkflow(msg) from fault
    if problems := check_graph(graph, parameters):
        msg = f"{path}: {problems[0]}"
        raise BadWorkflow(msg)
    return graph  # type: ignore[no-any-return]


def _load(
    entry: dict[str, Any],
    graph: dict[str, Any],
    facts: dict[str, Any],
    loaded: Loaded,
    *,
    is_own: bool,
) -> None:
    slug = str(entry["name"])
    digest = _half([entry, graph]) + _half(facts)
    template = WorkflowTemplate.objects.filter(slug=slug).first()
    if template is not None and _is_edited(template):
        loaded.kept.append(slug)
        return
    if template is not None and template.seeded_digest == digest:
        loaded.same.append(slug)
        return
    (loaded.changed if template else loaded.added).append(slug)
    # What the file does not limit any more is not limited any more.
    found = {**dict.fromkeys(LIMITS), **facts, "seeded_digest": digest}
    template, _ = WorkflowTemplate.objects.update_or_create(
        slug=slug, defaults=found, create_defaults={**found, "is_preferred": is_own}
    )
    version = template.add_version(graph, _with_defaults(entry))
    WorkflowTemplate.objects.filter(pk=template.pk).update(seeded_version=version.number)


def _half(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _is_edited(template: WorkflowTemplate) -> bool:
    """Whether somebody made another version current, changed the row by hand, or made it in the first place.

    The digest has two halves: that of the files, and that of the row's own fields as they were written.
    """
    current = template.current
    has_other = current is not None and current.number != template.seeded_version
    facts = {name: getattr(template, name) for name in FACTS}
    facts |= {name: value for name in LIMITS if (value := getattr(template, name)) is not None}
    return has_other or template.seeded_digest[32:] != _half(facts)


def _facts(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of the row; see FACTS.

    Raises:
        BadWorkflow: One is of the wrong kind.
    """
    work, families = entry.get("work") or Work.STANDARD, entry.get("model_families") or []
    if work not in Work.values or not isinstance(families, list):
        msg = f"{entry['name']}: work is one of {', '.join(Work.values)}, model_families a list."
        raise BadWorkflow(msg)
    try:
        most = int(entry.get("max_loras") or 0)
    except (TypeError, ValueError) as fault:
        msg = f"{entry['name']}: max_loras is a number."
        raise BadWorkflow(msg) from fault
    return {
        "description": str(entry.get("description") or "")[:200],
        "model_families": [str(one) for one in families],
        "supports_img2img": bool(entry.get("supports_img2img")),
        "supports_lora": bool(entry.get("supports_lora")),
        "max_loras": most,
        "default_params": dict(entry.get("default_params") or {}),
        "work": str(work),
        **{name: _seconds(entry, name) for name in LIMITS if entry.get(name) is not None},
    }


def _seconds(entry: dict[str, Any], name: str) -> int:
    found = entry[name]
    if not isinstance(found, int) or isinstance(found, bool) or found < LEAST_PATIENCE_S:
        msg = f"{entry['name']}: {name} is a whole number of seconds, {LEAST_PATIENCE_S} or more."
        raise BadWorkflow(msg)
    return found


def _with_defaults(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters, each with its default from the entry's own list of them."""
    defaults = entry.get("default_params") or {}
    parameters = entry.get("parameters") or {}
    return {
        name: {
            **spec,
            **({"default": defaults[name]} if name in defaults and "default" not in spec else {}),
        }
        for name, spec in parameters.items()
    }
