"""A farm on paper: carries the planner's plans out with true seconds, and learns from every end as Eliot does."""

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from math import inf
from typing import Any, Final

from farm_app.planner import (
    Batch,
    NodeView,
    Observation,
    Plan,
    Speeds,
    faster_node,
    is_slow,
    plan,
)

PACE_SEEN: Final = 0.3
"""The share of a job after which its steps have shown how long the whole will take."""

NOTICE_S: Final = 0.1
"""How long nobody knows that a node went away over its work. Its socket tells within 0.02 s; this is five times that."""

TrueSeconds = Callable[[NodeView, Batch], float]
"""How long a job of this batch truly takes on this node, its model in memory."""


@dataclass(frozen=True, eq=False)
class Run:
    """A job on a node; the last two fields say when it ends, as was believed at its start and in truth."""

    job_id: int
    batch: Batch
    began_s: float
    believed_end_s: float
    end_s: float


@dataclass
class PaperFarm:
    """Nodes, what is queued, and the truth about both.

    Attributes:
        true_load_s: What a job takes longer whose model is not in memory.
        learns: Whether the end of a job teaches the planner anything.
        outages: When a node is away, from and until, in order; what it runs then is lost, and so is its memory.
        options: Further arguments for ``plan``.
        log: Of every job that was done: when it ended, where, and its id.
    """

    nodes: list[NodeView]
    batches: list[Batch]
    true_s: TrueSeconds
    speeds: Speeds = field(default_factory=Speeds)
    true_load_s: float = 0.0
    learns: bool = True
    outages: Mapping[int, Sequence[tuple[float, float]]] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    now: float = 0.0
    log: list[tuple[float, int, int]] = field(default_factory=list)
    served: dict[str, float] = field(default_factory=dict)

    def run(self) -> float:
        """Run the queue down; return when the last job ended.

        Raises:
            RuntimeError: A plan cannot be carried out, or leaves jobs where nothing starts them.
        """
        self._events: list[tuple[float, int, int, Callable[[], None]]] = []
        self._order = count()
        self._running: dict[int, Run] = {}
        self._looks: dict[int, float] = {}
        self._open = {one for batch in self.batches for one in batch.job_ids}
        for node_id, outages in self.outages.items():
            for away_s, back_s in outages:
                self._at(away_s, node_id, partial(self._go, node_id))
                if back_s < inf:
                    self._at(back_s, node_id, partial(self._come_back, node_id))
        self._step()
        while self._events and self._open:
            self.now, _, _, happens = heapq.heappop(self._events)
            happens()
            self._step()
        if self._open:
            message = "the farm stopped too early"
            raise RuntimeError(message)
        return max(end for end, _, _ in self.log)

    def _at(self, moment_s: float, node_id: int, happens: Callable[[], None]) -> None:
        heapq.heappush(self._events, (moment_s, node_id, next(self._order), happens))

    def _is_queued(self) -> bool:
        return any(batch.job_ids for batch in self.batches)

    def _step(self) -> Plan:
        made = plan(
            self.batches, self.nodes, self.speeds, self.now, served=self.served, **self.options
        )
        for given in made.now.values():
            self._start(given.node_id, self._taken(given.job_id), given.job_id, given.end_s)
        if self._is_queued():
            for node_id, look_s in made.look_again_s.items():
                if look_s <= self.now:
                    message = f"node {node_id} is to be looked at in the past"
                    raise RuntimeError(message)
                # Each plan names it again: one look at a time is enough for a node.
                if not self.now < self._looks.get(node_id, 0.0) <= look_s:
                    self._looks[node_id] = look_s
                    self._at(look_s, node_id, lambda: None)
        self._copy_what_is_slow()
        return made

    def _taken(self, job_id: int) -> Batch:
        """Take a job from the queue; return the batch that it is of."""
        place = next(i for i, one in enumerate(self.batches) if job_id in one.job_ids)
        taken = self.batches[place]
        left = tuple(one for one in taken.job_ids if one != job_id)
        self.batches[place] = replace(taken, job_ids=left, last_start_s=self.now)
        return taken

    def _start(self, node_id: int, taken: Batch, job_id: int, believed_end_s: float) -> None:
        here = self._node(node_id)
        if here.busy_until_s is not None:
            message = f"two starts on node {node_id}"
            raise RuntimeError(message)
        run_s = self.true_s(here, taken)
        self.served[taken.share_key] = self.served.get(taken.share_key, 0.0) + run_s
        load_s = self.true_load_s if here.warm != taken.cost.model else 0.0
        self._change(node_id, busy_until_s=believed_end_s, warm=taken.cost.model)
        end_s = self.now + load_s + run_s
        run = self._running[node_id] = Run(job_id, taken, self.now, believed_end_s, end_s)
        self._at(self._seen_s(run), node_id, lambda: None)
        self._at(end_s, node_id, partial(self._end, node_id, run))

    @staticmethod
    def _seen_s(run: Run) -> float:
        return run.began_s + PACE_SEEN * (run.end_s - run.began_s)

    def _copy_what_is_slow(self) -> None:
        """Let idle nodes render what others turn out to be slow at; the last to end first."""
        jobs = [run.job_id for run in self._running.values()]
        alone = [run for run in self._running.values() if jobs.count(run.job_id) == 1]
        for run in sorted(alone, key=lambda one: -one.end_s):
            if self.now < self._seen_s(run) or not _turned_out_slow(run):
                continue
            idle = [one for one in self.nodes if one.state == "ready" and one.busy_until_s is None]
            left_s = run.end_s - self.now
            found = faster_node(run.batch, run.job_id, left_s, idle, self.speeds)
            if found is not None:
                node, estimate = found
                self._start(node.id, run.batch, run.job_id, self.now + estimate.run_s)

    def _end(self, node_id: int, run: Run) -> None:
        if self._running.get(node_id) is not run:
            return  # it was lost in an outage, or another node was first
        del self._running[node_id]
        self.log.append((self.now, node_id, run.job_id))
        self._open.discard(run.job_id)
        self._change(node_id, busy_until_s=None)
        self._stop_rivals(run)
        if self.learns:
            here = self._node(node_id)
            seen = Observation(node_id, here.tier, run.batch.cost, self.true_s(here, run.batch))
            self.speeds = self.speeds.with_row(self.speeds.learn(seen))

    def _stop_rivals(self, run: Run) -> None:
        for node_id, other in list(self._running.items()):
            if other.job_id == run.job_id:
                del self._running[node_id]
                self._change(node_id, busy_until_s=None)

    def _go(self, node_id: int) -> None:
        lost = self._running.pop(node_id, None)
        if lost is None:
            self._be_noticed(node_id, None)
        else:  # the plan counts with it until somebody notices
            self._at(self.now + NOTICE_S, node_id, partial(self._be_noticed, node_id, lost))

    def _be_noticed(self, node_id: int, lost: Run | None) -> None:
        self._change(node_id, state="offline", busy_until_s=None, warm=None)
        if lost is not None and all(run.job_id != lost.job_id for run in self._running.values()):
            self._put_back(lost.job_id, lost.batch)

    def _put_back(self, job_id: int, taken: Batch) -> None:
        place = next(i for i, one in enumerate(self.batches) if one.key == taken.key)
        before = self.batches[place]
        self.batches[place] = replace(before, job_ids=(job_id, *before.job_ids))

    def _come_back(self, node_id: int) -> None:
        self._change(node_id, state="ready")

    def _node(self, node_id: int) -> NodeView:
        return next(one for one in self.nodes if one.id == node_id)

    def _change(self, node_id: int, **facts: Any) -> None:
        self.nodes = [replace(one, **facts) if one.id == node_id else one for one in self.nodes]


def _turned_out_slow(run: Run) -> bool:
    return is_slow(run.believed_end_s - run.began_s, run.end_s - run.began_s)


def believed(speeds: Speeds) -> TrueSeconds:
    """Return true seconds that are just as believed."""
    return lambda here, taken: speeds.estimate(here, taken.cost).run_s
