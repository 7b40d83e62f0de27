"""What the planner is told: nodes as they stand, queued jobs by shape, and what a job costs.

All seconds on one plan's inputs lie on the same clock as its `now`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

TIERS: Final = ("premium", "quality", "standard", "draft")
INTERACTIVE, REFINE, BULK, BACKGROUND = range(4)


def tier_rank(tier: str) -> int:
    """Return 0 for premium to 3 for draft; a tier nobody knows counts as standard."""
    return TIERS.index(tier) if tier in TIERS else TIERS.index("standard")


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node as the planner sees it; only a `ready` one takes work.

    Attributes:
        families: Model families that it can draw: those that it is meant for and has checkpoints of.
        meant_for: Those that its owner wants it for; empty for whatever it has.
        models: Keys (folder/file name, casefolded) of the files it has; None if nobody asked it
            yet, and then no job is refused for a missing file. `node_classes` likewise.
        state: ready, offline, draining, paused, disabled, reserved or unknown.
        delay_s: What every job costs there beside its run: how late answers come, the pause between two jobs.
        busy_until_s: Expected end of what it runs for us; None if idle. May lie in the past: late.
        warm: Key of the model in its memory, or of the one that the running job loads.
        queue_ahead_s: Seconds of other people's work in its own queue.
        blocked: Templates that it may not run: (template,) or (template, model).
    """

    id: int
    name: str
    tier: str
    vram_gb: float | None = None
    families: frozenset[str] = frozenset()
    meant_for: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    models: frozenset[str] | None = None
    node_classes: frozenset[str] | None = None
    max_resolution: int | None = None
    max_batch: int | None = None
    state: str = "ready"
    delay_s: float = 0.0
    busy_until_s: float | None = None
    warm: str | None = None
    queue_ahead_s: float = 0.0
    blocked: frozenset[tuple[str, ...]] = frozenset()


@dataclass(frozen=True, slots=True)
class Needs:
    """What a node must have to run a shape; empty and None ask for nothing.

    Attributes:
        model: Key of the checkpoint or diffusion model.
        loras: Keys of LoRAs.
        models: Keys of every other file: VAE, text encoders, ControlNets, upscalers.
        batch: Pictures per run, the graph's own batch input.
        vram_gb: Estimate for this width, height and batch.
    """

    family: str | None = None
    model: str | None = None
    loras: frozenset[str] = frozenset()
    models: frozenset[str] = frozenset()
    node_classes: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    width: int = 512
    height: int = 512
    batch: int = 1
    vram_gb: float | None = None
    template: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """What the seconds of one job depend on.

    Attributes:
        model: Key of the model that must be in memory; None if nothing big is loaded.
        megapixels: Width x height x batch / 1,000,000.
        denoise: Share of the steps that is really sampled; 1.0 for a sampler that runs all of them.
    """

    template: str
    family: str | None = None
    model: str | None = None
    steps: int = 20
    megapixels: float = 0.262144
    denoise: float = 1.0

    @property
    def work(self) -> float:
        """Steps x megapixels x denoise; a graph without a sampler counts as one step."""
        return max(self.steps, 1) * self.megapixels * self.denoise


@dataclass(frozen=True, slots=True)
class Batch:
    """Queued jobs of one shape of one group, planned as one.

    Attributes:
        job_ids: In queue order. With `count` set, the first few hundred are enough; there must be
            at least as many as there are nodes, and every job of `excluded` among them.
        priority: 0 interactive, 1 refine, 2 bulk, 3 background.
        owner: Who asked; people take turns within a priority class.
        share_key: Whose turn it uses up; the shares of one owner take turns.
        work: draft, standard, quality or upscale; read by the tiered policy only.
        node_mode: any, prefer or only; the last two name `node_id`.
        excluded: Nodes that a job must not go to again, by job.
        placed_at_s: When it was asked for.
        last_start_s: When a job of it last started; the wait counts from the later of the two.
        count: Queued jobs in all, if more than `job_ids`.
        rank: Its place if somebody gave it one: such batches go before all others of their class, in this
            order, whoever's turn it is. What they take still counts for their share.
    """

    key: str
    job_ids: tuple[int, ...]
    needs: Needs
    cost: Cost
    priority: int = INTERACTIVE
    owner: str = ""
    share_key: str = ""
    work: str = "standard"
    node_mode: str = "any"
    node_id: int | None = None
    excluded: Mapping[int, frozenset[int]] = field(default_factory=dict)
    placed_at_s: float = 0.0
    paused: bool = False
    last_start_s: float | None = None
    count: int = 0
    rank: int | None = None

    @property
    def size(self) -> int:
        """How many jobs are queued."""
        return max(self.count, len(self.job_ids))

    @property
    def waits_since_s(self) -> float:
        """Since when nothing of it has started."""
        if self.last_start_s is None:
            return self.placed_at_s
        return max(self.placed_at_s, self.last_start_s)
