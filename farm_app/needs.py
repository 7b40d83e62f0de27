"""What a job needs and costs, read from its values; equal needs and costs are one shape."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from farm_app import families
from farm_app.binding import MODEL_FOLDERS, model_id
from farm_app.models.templates import TemplateVersion, WorkflowTemplate
from farm_app.planner import Cost, Needs

UPSCALE: Final = "upscale"


def needs_of(
    version: TemplateVersion, family: str, values: Mapping[str, Any], tags: Iterable[str] = ()
) -> Needs:
    """Return what a node must have to render these values; ``tags`` are those that the asker demands beside."""
    template: WorkflowTemplate = version.template
    known = families.FAMILIES.get(family)
    others = [model_id(MODEL_FOLDERS[name], str(values[name])) for name in _other_models(values)]
    is_upscale = template.work == UPSCALE
    return Needs(
        family=None if is_upscale else family or None,
        model=_checkpoint(values),
        models=frozenset(others),
        node_classes=frozenset(node["class_type"] for node in version.graph.values()),
        tags=frozenset({*tags, UPSCALE} if is_upscale else tags),
        width=int(values.get("width") or 0),
        height=int(values.get("height") or 0),
        vram_gb=known.vram_gb if known and not is_upscale else None,
        template=template.slug,
    )


def _checkpoint(values: Mapping[str, Any]) -> str | None:
    wanted = values.get("checkpoint")
    return model_id("checkpoints", str(wanted)) if wanted else None


def _other_models(values: Mapping[str, Any]) -> list[str]:
    return [name for name in MODEL_FOLDERS if name != "checkpoint" and values.get(name)]


def cost_of(version: TemplateVersion, family: str, values: Mapping[str, Any]) -> Cost:
    """Return what the seconds of these values depend on.

    ComfyUI's KSampler runs all the steps that it is given, whatever the denoise (seen in its progress events), so
    the strength of a change costs nothing by itself; who asks for a picture from a picture asks for fewer steps.
    """
    is_upscale = version.template.work == UPSCALE
    pixels = int(values.get("width") or 512) * int(values.get("height") or 512)
    return Cost(
        template=version.template.slug,
        family=UPSCALE if is_upscale else family or None,
        model=None if is_upscale else _checkpoint(values),
        steps=1 if is_upscale else int(values.get("steps") or 20),
        megapixels=1.0 if is_upscale else pixels / 1_000_000,
    )


def shape_of(
    version: TemplateVersion, family: str, values: Mapping[str, Any], tags: Iterable[str] = ()
) -> str:
    """Return the hash that jobs with equal needs and costs share."""
    facts = (needs_of(version, family, values, tags), cost_of(version, family, values))
    plain = [sorted(part) if isinstance(part, frozenset) else part for part in _parts(facts)]
    return hashlib.sha256(repr(plain).encode()).hexdigest()[:32]


def _parts(facts: tuple[Needs, Cost]) -> list[Any]:
    return [getattr(fact, name) for fact in facts for name in fact.__slots__]
