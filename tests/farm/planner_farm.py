"""Builders for planner tests, and a farm on paper: events, true speeds, no clock."""

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from farm_app.planner import Batch, Cost, Learned, Needs, NodeView, Observation, Plan, Speeds, plan

SD15 = "checkpoints/dreamshaper_8.safetensors"
SDXL = "checkpoints/sdxl_base.safetensors"
DRAFT = Cost("sd15_txt2img", "sd15", SD15, steps=10, megapixels=0.262144)
REFINED = Cost("sdxl_txt2img", "sdxl", SDXL, steps=25, megapixels=1.048576)
POLISHED = replace(REFINED, steps=35)
_NUMBERS = {"premium": 4, "quality": 3, "standard": 2, "draft": 1}

TrueSeconds = Callable[[NodeView, Batch], float]


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


@dataclass
class PaperFarm:
    """Carries plans out with true seconds, learning from every end if told to."""

    nodes: list[NodeView]
    batches: list[Batch]
    true_s: TrueSeconds
    speeds: Speeds = field(default_factory=Speeds)
    true_load_s: float = 0.0
    learns: bool = True
    options: dict[str, Any] = field(default_factory=dict)
    now: float = 0.0
    log: list[tuple[float, int, int]] = field(default_factory=list)
    served: dict[str, float] = field(default_factory=dict)

    def run(self) -> float:
        """Run the queue down; return when the last job ended."""
        self._events: list[tuple[float, int, Batch | None]] = []
        self._step()
        while self._events:
            self.now, node_id, ended = heapq.heappop(self._events)
            if ended is not None:
                self._end(node_id, ended)
            self._step()
        assert not any(batch.job_ids for batch in self.batches), "the farm stopped too early"
        return max(end for end, _, _ in self.log)

    def _step(self) -> Plan:
        made = plan(
            self.batches, self.nodes, self.speeds, self.now, served=self.served, **self.options
        )
        for given in made.now.values():
            self._start(given.node_id, given.job_id, given.end_s)
        if any(batch.job_ids for batch in self.batches):
            for node_id, look_s in made.look_again_s.items():
                assert look_s > self.now
                heapq.heappush(self._events, (look_s, node_id, None))
        return made

    def _start(self, node_id: int, job_id: int, believed_end_s: float) -> None:
        place = next(i for i, one in enumerate(self.batches) if job_id in one.job_ids)
        taken = self.batches[place]
        left = tuple(one for one in taken.job_ids if one != job_id)
        self.batches[place] = replace(taken, job_ids=left, last_start_s=self.now)
        here = next(one for one in self.nodes if one.id == node_id)
        assert here.busy_until_s is None, "two starts on one node"
        run_s = self.true_s(here, taken)
        self.served[taken.share_key] = self.served.get(taken.share_key, 0.0) + run_s
        run_s += self.true_load_s if here.warm != taken.cost.model else 0.0
        self._change(node_id, busy_until_s=believed_end_s, warm=taken.cost.model)
        self.log.append((self.now + run_s, node_id, job_id))
        heapq.heappush(self._events, (self.now + run_s, node_id, taken))

    def _end(self, node_id: int, ended: Batch) -> None:
        here = next(one for one in self.nodes if one.id == node_id)
        self._change(node_id, busy_until_s=None)
        if self.learns:
            seen = Observation(node_id, here.tier, ended.cost, self.true_s(here, ended))
            self.speeds = self.speeds.with_row(self.speeds.learn(seen))

    def _change(self, node_id: int, **facts: Any) -> None:
        self.nodes = [replace(one, **facts) if one.id == node_id else one for one in self.nodes]


def believed(speeds: Speeds) -> TrueSeconds:
    """Return true seconds that are just as believed."""
    return lambda here, taken: speeds.estimate(here, taken.cost).run_s


def clairvoyant(seconds: Sequence[float], jobs: int) -> float:
    """Return the least makespan of equal jobs: each to the node that truly ends it first."""
    ends = [0.0] * len(seconds)
    for _ in range(jobs):
        best = min(range(len(seconds)), key=lambda i: ends[i] + seconds[i])
        ends[best] += seconds[best]
    return max(ends)
