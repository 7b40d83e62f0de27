"""Builders for planner tests."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from farm_app.planner import Batch, Cost, Learned, Needs, NodeView, Speeds

SD15 = "checkpoints/dreamshaper_8.safetensors"
SDXL = "checkpoints/sdxl_base.safetensors"
DRAFT = Cost("sd15_txt2img", "sd15", SD15, steps=10, megapixels=0.262144)
REFINED = Cost("sdxl_txt2img", "sdxl", SDXL, steps=25, megapixels=1.048576)
POLISHED = replace(REFINED, steps=35)
_NUMBERS = {"premium": 4, "quality": 3, "standard": 2, "draft": 1}


def node(node_id: int = 1, **facts: Any) -> NodeView:
    facts.setdefault("name", f"gpu-{node_id}")
    facts.setdefault("tier", "standard")
    facts.setdefault("families", frozenset({"sd15", "sdxl", "flux"}))
    return NodeView(node_id, **facts)


def four_cards(*, warm: str | None = SD15, families: str = "sd15 sdxl") -> list[NodeView]:
    """Premium, quality, standard and draft; the draft card runs sd15 only."""
    known = frozenset(families.split())
    return [
        node(
            number,
            name=f"gpu-{tier}",
            tier=tier,
            warm=warm,
            families=known if tier != "draft" else known & {"sd15"},
        )
        for tier, number in _NUMBERS.items()
    ]


def batch(key: str = "a", jobs: int | Iterable[int] = 1, **facts: Any) -> Batch:
    cost = facts.pop("cost", DRAFT)
    facts.setdefault("needs", Needs(family=cost.family, template=cost.template))
    facts.setdefault("share_key", key)
    ids = range(jobs) if isinstance(jobs, int) else jobs
    return Batch(key, tuple(ids), facts.pop("needs"), cost, **facts)


def speeds_of(seconds: Mapping[tuple[int, str], tuple[float, float]]) -> Speeds:
    """Known speeds by node and model: seconds to run whatever the size, and to load."""
    return Speeds(
        Learned(number, "standard", "t", "sd15", model, run_s, 0.0, load_s, count=8)
        for (number, model), (run_s, load_s) in seconds.items()
    )
