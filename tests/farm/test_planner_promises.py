"""What the planner promises people, for farms and queues that nobody thought of: each sum is done here once more."""

from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from eliot.bench.paper.planned import PaperFarm, believed
from farm_app.planner import CLIMB_S, Batch, Cost, NodeView, Speeds, plan
from farm_app.planner.turns import CREDIT_S
from tests.farm.planner_farm import batch, node, speeds_of
from tests.farm.test_planner_properties import MODELS, nodes, queues, speeds

EPS = 1e-6
# Said to people as "far later"; a change of the planner's own figure is to be seen here.
FAR_LATER = 3.0
TIERS = ("premium", "quality", "standard", "draft")
patiently = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# To explain a failure every line would be traced, which takes a farm on paper minutes.
on_paper = settings(patiently, max_examples=20, phases=set(Phase) - {Phase.explain})


def free_s(one: NodeView) -> float:
    """Return when a node is free for our next job: a late job is given as long again as it is late."""
    return abs(one.busy_until_s or 0.0) + one.queue_ahead_s


def figures(known: Speeds, node_id: int, model: str) -> tuple[float, float]:
    """Return the seconds to run and to load, straight from the row."""
    row = known._rows[node_id, "t", model]
    return row.fixed_s, row.load_s or 0.0


# Seconds


@patiently
@given(queues(modes=("any", "any", "prefer", "only")), nodes(), speeds(), st.booleans())
def test_a_job_ends_when_its_node_is_free_has_loaded_and_has_run(queue, farm, known, tiered):
    made = plan(queue, farm, known, 0.0, policy="tiered" if tiered else "fastest")
    models = {job_id: one.cost.model for one in queue for job_id in one.job_ids}
    for one in farm:
        free, warm = free_s(one), one.warm
        here = [(each, job) for job, each in made.expected.items() if each.node_id == one.id]
        for each, job_id in sorted(here, key=lambda pair: pair[0].start_s):
            run_s, load_s = figures(known, one.id, models[job_id])
            load_s = 0.0 if warm == models[job_id] else load_s
            assert each.start_s == free
            assert abs(each.end_s - (free + load_s + run_s + one.delay_s)) < EPS
            given_ = made.now.get(one.id)
            if given_ is not None and given_.job_id == job_id:
                assert (given_.run_s, given_.load_s) == (run_s, load_s)
                assert (given_.start_s, given_.end_s) == (each.start_s, each.end_s)
            free, warm = each.end_s, models[job_id]


@patiently
@given(nodes(), speeds(), st.sampled_from(MODELS))
def test_a_single_job_goes_where_it_ends_first(farm, known, model):
    """Model loads, foreign work and late answers count; how busy a node is alone does not."""
    ready = [one for one in farm if one.state == "ready"]
    made = plan([batch(cost=Cost("t", "sd15", model))], farm, known, 0.0)
    assume(ready)
    ends = {one.id: end_of(one, known, model) for one in ready}
    assert made.expected[0].end_s - min(ends.values()) < EPS
    assert abs(ends[made.expected[0].node_id] - made.expected[0].end_s) < EPS


def end_of(one: NodeView, known: Speeds, model: str) -> float:
    run_s, load_s = figures(known, one.id, model)
    return free_s(one) + (0.0 if one.warm == model else load_s) + run_s + one.delay_s


# The chosen node


@patiently
@given(nodes(), speeds(), st.sampled_from(MODELS))
def test_a_preferred_node_is_taken_unless_waiting_for_it_takes_far_longer(farm, known, model):
    ready = [one for one in farm if one.state == "ready"]
    assume(len(ready) > 1)
    asked = batch(cost=Cost("t", "sd15", model), node_mode="prefer", node_id=ready[0].id)
    made = plan([asked], farm, known, 0.0)
    there = end_of(ready[0], known, model)
    elsewhere = min(end_of(one, known, model) for one in ready[1:])
    assume(abs(there - FAR_LATER * elsewhere) > EPS)
    is_taken = made.expected[0].node_id == ready[0].id
    assert is_taken == (there <= FAR_LATER * elsewhere)
    if not is_taken:
        assert abs(made.expected[0].end_s - elsewhere) < EPS


@patiently
@given(
    nodes(),
    speeds(),
    st.integers(1, 60),
    st.integers(1, 6),
    st.sampled_from(("draft", "standard", "quality", "upscale")),
)
def test_a_tier_is_full_before_the_next_one_gets_anything(farm, known, jobs, overflow, work):
    ready = [one for one in farm if one.state == "ready"]
    assume(ready)
    asked = batch(jobs=jobs, cost=Cost("t", "sd15", "a"), work=work)
    made = plan([asked], farm, known, 0.0, policy="tiered", overflow=overflow)
    order = TIERS if work in ("quality", "upscale") else TIERS[::-1]
    where = {one.id: one for one in ready}
    got = dict.fromkeys(where, 0)
    for each in made.expected.values():
        got[each.node_id] += 1
    room = {one.id: max(overflow - (one.busy_until_s is not None), 0) for one in ready}
    left = jobs
    for tier in order:
        here = [node_id for node_id, one in where.items() if one.tier == tier]
        share = min(left, sum(room[node_id] for node_id in here))
        left -= share
        if jobs <= sum(room.values()):  # else what is left over goes anywhere
            assert sum(got[node_id] for node_id in here) == share
            assert all(got[node_id] <= room[node_id] for node_id in here)
        else:
            assert all(got[node_id] >= room[node_id] for node_id in here)


# Turns


@dataclass
class Shared(PaperFarm):
    """A farm on paper that also remembers what each person has had, and when each job began."""

    people: dict[str, float] = field(default_factory=dict)
    apart_s: float = 0.0
    begun: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.options["served_people"] = self.people

    def _start(self, node_id: int, taken: Batch, job_id: int, believed_end_s: float) -> None:
        self.begun.setdefault(job_id, self.now)
        had = self.people.get(taken.owner, 0.0)
        self.people[taken.owner] = had + self.true_s(self._node(node_id), taken)
        super()._start(node_id, taken, job_id, believed_end_s)
        waiting = {one.owner for one in self.batches if one.job_ids}
        if waiting == {"ann", "bob"}:
            apart = abs(self.people.get("ann", 0.0) - self.people.get("bob", 0.0))
            self.apart_s = max(self.apart_s, apart)


@on_paper
@given(
    st.integers(1, 3),
    st.sampled_from(((4.0, 20.0), (5.0, 40.0), (20.0, 4.0), (10.0, 10.0))),
    st.sampled_from((0.0, 5.0, 20.0)),
    st.lists(st.integers(1, 3), min_size=2, max_size=2),
)
def test_two_people_who_both_wait_have_had_nearly_the_same(count, run_s, load_s, sessions):
    """However long the jobs of each, how many sessions each has, and whose model is in memory.

    Where a model takes nearly as long to load as the credit, two may keep to their own warm nodes instead.
    """
    lasts = dict(zip("ab", run_s, strict=True))
    known = speeds_of({(n, m): (lasts[m], load_s) for n in range(1, count + 1) for m in "ab"})
    asked, first = [], 0
    for owner, model, many in zip(("ann", "bob"), "ab", sessions, strict=True):
        jobs = int(240 / lasts[model] / many) + 1
        for number in range(many):
            facts = {"cost": Cost("t", "sd15", model), "owner": owner}
            asked.append(batch(f"{owner}{number}", range(first, first + jobs), **facts))
            first += jobs
    farm = [node(n, warm="a") for n in range(1, count + 1)]
    paper = Shared(farm, asked, believed(known), known, true_load_s=load_s)
    paper.run()
    assert paper.apart_s <= CREDIT_S + max(run_s) + EPS


@on_paper
@given(
    st.integers(1, 2),
    st.sampled_from((20.0, 45.0)),
    st.lists(
        st.tuples(st.integers(1, 3), st.booleans(), st.integers(1, 3)), min_size=1, max_size=3
    ),
)
def test_every_batch_starts_in_bounded_time_however_full_the_farm_is(count, run_s, patient):
    """The bound that turns.py states, with a farm that never runs out of more urgent work."""
    known = speeds_of({(n, m): (run_s, 0.0) for n in range(1, count + 1) for m in "ab"})
    flood = range(1000, 1000 + int(count * 1500 / run_s))
    asked = [batch("flood", flood, cost=Cost("t", "sd15", "a"), owner="ann")]
    for number, (priority, is_hers, jobs) in enumerate(patient):
        ids = range(number * 10, number * 10 + jobs)
        facts = {"cost": Cost("t", "sd15", "b"), "owner": "ann" if is_hers else f"p{number}"}
        asked.append(batch(str(number), ids, priority=priority, **facts))
    farm = [node(n, warm="a") for n in range(1, count + 1)]
    paper = Shared(farm, asked, believed(known), known)
    paper.run()
    others = len(asked) - 1
    for number, (priority, _, _) in enumerate(patient):
        earliest = priority * CLIMB_S
        began = paper.begun[number * 10]
        assert earliest <= began <= earliest + others * CREDIT_S + run_s
