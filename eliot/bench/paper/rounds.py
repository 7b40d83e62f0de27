"""Rounds on paper, known and drawn, and the ways in which a farm can share them out."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from typing import Final

from eliot.bench.paper.cards import Card, clairvoyant, even, list_order, shortest_queue
from eliot.bench.paper.planned import PaperFarm
from farm_app.planner import BULK, INTERACTIVE, Batch, Cost, Learned, Needs, NodeView, Speeds

SEED: Final = 1
OFF: Final = (0.7, 1.3)
"""True seconds are the believed ones times something from here."""
DEATH_S: Final = 1.25
FLAPPING: Final = tuple((at + 1.3, at + 2.0) for at in (2.0 * turn for turn in range(40)))

SD15, SDXL = "checkpoints/sd15", "checkpoints/sdxl"
DRAFT: Final = Cost("sd15_txt2img", "sd15", SD15, steps=10, megapixels=0.262144)
SHARP: Final = Cost("sdxl_img2img", "sdxl", SDXL, steps=25, megapixels=1.048576)


@dataclass(frozen=True)
class Stage:
    """One stage of the funnel as its jobs are; ``denoise`` counts where pixels are carried on."""

    jobs: int
    cost: Cost
    denoise: float = 1.0


FUNNEL: Final = (
    Stage(20, DRAFT),
    Stage(8, SHARP, 0.55),
    Stage(3, replace(SHARP, steps=35), 0.45),
    Stage(1, replace(SHARP, steps=50), 0.35),
)


@dataclass(frozen=True)
class Round:
    """A batch of equal jobs on a farm that is not quite as believed.

    Attributes:
        off: True seconds over believed ones, by node id; 1 where nothing is said.
        load_s: What the model takes to load, where it is not in memory; it is known.
        outages: When nodes are away, by node id.
        priority: As the planner has it; of bulk work no node renders a copy.
    """

    nodes: Sequence[NodeView]
    jobs: int
    cost: Cost
    speeds: Speeds = field(default_factory=Speeds)
    off: Mapping[int, float] = field(default_factory=dict)
    load_s: float = 0.0
    outages: Mapping[int, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    priority: int = INTERACTIVE

    def true_s(self, node: NodeView, cost: Cost) -> float:
        """Return what a job truly takes."""
        return self.speeds.estimate(node, cost).run_s * self.off.get(node.id, 1.0)

    def cards(self) -> list[Card]:
        """Return the nodes that can run it, as they truly are, in the order of the list."""
        able = [node for node in self.nodes if self.cost.family in node.families]
        return [
            Card(
                self.true_s(node, self.cost),
                0.0 if node.warm == self.cost.model else self.load_s,
                tuple(self.outages.get(node.id, ())),
            )
            for node in able
        ]


def eliot(asked: Round) -> float:
    """Let Eliot's planner run it, learning from every end."""
    needs = Needs(asked.cost.family, template=asked.cost.template)
    batch = Batch(
        "round",
        tuple(range(asked.jobs)),
        needs,
        asked.cost,
        priority=asked.priority,
        share_key="session",
    )
    return PaperFarm(
        list(asked.nodes),
        [batch],
        lambda node, taken: asked.true_s(node, taken.cost),
        asked.speeds,
        true_load_s=asked.load_s,
        outages=asked.outages,
    ).run()


def _on_cards(share_out: Callable[[Sequence[Card], int], float], asked: Round) -> float:
    return share_out(asked.cards(), asked.jobs)


Way = Callable[[Round], float]
WAYS: Final[Mapping[str, Way]] = {
    "eliot": eliot,
    "even": partial(_on_cards, even),
    "shortest_queue": partial(_on_cards, shortest_queue),
    "list_order": partial(_on_cards, list_order),
    "clairvoyant": partial(_on_cards, clairvoyant),
}


def seeds_cards(warm: str | None) -> list[NodeView]:
    """Return the four cards that everything is measured against; the draft card runs SD1.5 only."""
    both, one = frozenset({"sd15", "sdxl"}), frozenset({"sd15"})
    tiers = {"premium": both, "quality": both, "standard": both, "draft": one}
    return [
        NodeView(number, f"gpu-{tier}", tier, families=families, warm=warm)
        for number, (tier, families) in enumerate(tiers.items(), 1)
    ]


def stage_round(stage: Stage, *, pixels: bool = False) -> Round:
    """Return one stage of the funnel on the seeds' cards, its model in memory."""
    cost = replace(stage.cost, denoise=stage.denoise) if pixels else stage.cost
    return Round(seeds_cards(cost.model), stage.jobs, cost)


def death_round() -> Round:
    """Return the drafts while the fastest card dies in the middle of its third."""
    return replace(stage_round(FUNNEL[0]), outages={1: ((DEATH_S, inf),)})


def flapping_round() -> Round:
    """Return the drafts on cards of which the second is away for 0.7 s every two seconds."""
    return replace(stage_round(FUNNEL[0]), outages={2: FLAPPING})


def cold_round(load_s: float) -> Round:
    """Return the second stage where no card has its model in memory and all are known to need so long for it."""
    rows = (
        Learned(node.id, node.tier, SHARP.template, "sdxl", SDXL, 0.0, _rate(node), load_s, count=8)
        for node in seeds_cards(None)[:3]
    )
    return Round(seeds_cards(SD15), 8, SHARP, Speeds(rows), load_s=load_s)


def warm_round(load_s: float) -> Round:
    """Return four of the second stage, as bulk work, where only the slowest card that can has the model in memory."""
    cold = cold_round(load_s)
    nodes = [replace(node, warm=SDXL) if node.tier == "standard" else node for node in cold.nodes]
    return replace(cold, nodes=nodes, jobs=4, priority=BULK)


def _rate(node: NodeView) -> float:
    return Speeds().estimate(node, SHARP).run_s / SHARP.work


def drawn_seeds_round(dice: random.Random) -> Round:
    """Return the drafts on the seeds' cards, each of them off by something."""
    asked = stage_round(FUNNEL[0])
    return replace(asked, off={node.id: dice.uniform(*OFF) for node in asked.nodes})


def drawn_random_round(dice: random.Random) -> Round:
    """Return 8 to 40 jobs on a farm of 2 to 12 nodes that are believed to take 0.4 to 3 s, each off by something."""
    nodes = [
        NodeView(number, f"gpu-{number}", "standard", families=frozenset({"sd15"}), warm=SD15)
        for number in range(1, dice.randint(2, 12) + 1)
    ]
    rows = [
        Learned(node.id, node.tier, DRAFT.template, "sd15", SD15, dice.uniform(0.4, 3.0), count=8)
        for node in nodes
    ]
    off = {node.id: dice.uniform(*OFF) for node in nodes}
    return Round(nodes, dice.randint(8, 40), DRAFT, Speeds(rows), off)
