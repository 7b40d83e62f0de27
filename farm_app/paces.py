"""How long one picture takes on each node, family by family: what it has shown, a first guess, or why it cannot."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from eliot.live import kept_briefly
from farm_app import planning
from farm_app.binding import model_id
from farm_app.families import FAMILIES, Family
from farm_app.models import WorkflowTemplate
from farm_app.planner import Cost, NodeView, Speeds
from farm_app.planning import Shelf, stock_for
from farm_app.speeds import known_speeds

UPSCALE: Final = "upscale"
# A model that loads sooner costs nothing, or was never seen to load.
WORTH_SAYING_S: Final = 0.1


@dataclass(frozen=True)
class Pace:
    """One family on one node.

    Attributes:
        seconds: For one picture at the family's own size and steps, in words; empty where it cannot.
        said: What stands beside it: warm, how long its model loads, or why it cannot.
        is_learned: The node has shown it; else it is a first guess.
    """

    label: str
    seconds: str
    said: str
    is_warm: bool = False
    is_learned: bool = True


@kept_briefly(1.0)
def by_node() -> Mapping[int, tuple[Pace, ...]]:
    """Return the rows of each node's card, by its id: the same families, in the same order, on every card."""
    drawn = planning.recent_plan()
    shown = [family for family in FAMILIES.values() if _somebody_has(family, drawn.nodes)]
    templates = _templates()
    stock = stock_for(drawn.rows.values())
    speeds = known_speeds()
    found = {}
    for view in drawn.nodes:
        shelf = stock.shelves.get(view.id, Shelf())
        rows = [
            _pace(family, view, shelf, templates.get(family.id, ""), speeds) for family in shown
        ]
        found[view.id] = tuple(rows)
    return found


def _somebody_has(family: Family, nodes: tuple[NodeView, ...]) -> bool:
    return any(family.id in view.families for view in nodes)


@kept_briefly(10.0)
def _templates() -> Mapping[str, str]:
    """Return which template draws with each family."""
    found = {
        family: WorkflowTemplate.objects.for_family(family, from_picture=False)
        for family in FAMILIES
    }
    return {family: template.slug for family, template in found.items() if template is not None}


def _pace(family: Family, view: NodeView, shelf: Shelf, template: str, speeds: Speeds) -> Pace:
    if view.vram_gb is not None and view.vram_gb < family.vram_gb:
        return Pace(family.label, "", f"needs {family.vram_gb:g} GB")
    if family.id not in view.families:
        has_file = any(one == family.id for _, _, one in shelf.files)
        return Pace(family.label, "", "not set up" if has_file else "no model")
    models = [
        model_id("checkpoints", name)
        for folder, name, one in shelf.files
        if folder == "checkpoints" and one == family.id
    ]
    costs = [_cost(family, template, model) for model in models] or [_cost(family, template, None)]
    best = max(costs, key=lambda cost: (cost.model == view.warm, speeds.estimate(view, cost).known))
    guess = speeds.estimate(view, best)
    is_warm = best.model is not None and best.model == view.warm
    said = (
        "warm"
        if is_warm
        else f"{spell(guess.load_s)} to load"
        if guess.load_s >= WORTH_SAYING_S
        else ""
    )
    return Pace(family.label, spell(guess.run_s), said, is_warm, guess.known)


def _cost(family: Family, template: str, model: str | None) -> Cost:
    width, height = family.native
    return Cost(
        template=template,
        family=family.id,
        model=model,
        steps=family.steps,
        megapixels=width * height / 1_000_000,
    )


def spell(seconds: float) -> str:
    """Return seconds as a speed is read: ``0.8 s``, ``38 s``, ``2:05``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    return f"{round(seconds) // 60}:{round(seconds) % 60:02d}"
