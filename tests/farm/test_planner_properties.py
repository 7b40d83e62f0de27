"""What holds for every plan, whatever the farm and the queue."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farm_app.planner import Batch, Cost, Learned, Needs, Speeds, plan, why_not
from farm_app.planner.forecast import share_out
from tests.farm.planner_farm import batch, node

MODELS = ("a", "b", "c")
STATES = ("ready", "ready", "ready", "ready", "offline", "draining", "paused", "reserved")
EPS = 1e-6
seconds = st.floats(0.1, 50.0)
# A busy machine is no failure.
patiently = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def nodes(draw):
    made = []
    for number in range(1, draw(st.integers(1, 6)) + 1):
        busy = draw(st.none() | st.floats(-5.0, 40.0))
        made.append(
            node(
                number,
                tier=draw(st.sampled_from(("premium", "quality", "standard", "draft"))),
                families=draw(st.sampled_from((frozenset({"sd15"}), frozenset({"sd15", "sdxl"})))),
                max_batch=draw(st.sampled_from((None, 1, 4))),
                state=draw(st.sampled_from(STATES)),
                delay_s=draw(st.sampled_from((0.0, 0.25, 3.0))),
                busy_until_s=busy,
                warm=draw(st.sampled_from((None, *MODELS))),
                queue_ahead_s=draw(st.sampled_from((0.0, 0.0, 4.0))),
            )
        )
    return made


@st.composite
def queues(draw, modes=("any", "any", "only")):
    made, first = [], 0
    for number in range(draw(st.integers(1, 5))):
        jobs = draw(st.integers(1, 30))
        family = draw(st.sampled_from(("sd15", "sdxl")))
        excluded = {first: draw(st.frozensets(st.integers(1, 6), max_size=3))}
        made.append(
            Batch(
                key=str(number),
                job_ids=tuple(range(first, first + jobs)),
                needs=Needs(family, template="t", batch=draw(st.sampled_from((1, 1, 2)))),
                cost=Cost("t", family, draw(st.sampled_from(MODELS)), 20, 1.0),
                priority=draw(st.integers(0, 3)),
                owner=draw(st.sampled_from(("", "ann", "bob"))),
                share_key=draw(st.sampled_from(("x", "y", "z"))),
                work=draw(st.sampled_from(("draft", "standard", "quality", "upscale"))),
                node_mode=draw(st.sampled_from(modes)),
                node_id=draw(st.integers(1, 6)),
                excluded=draw(st.sampled_from(({}, excluded))),
                paused=draw(st.sampled_from((False, False, False, True))),
            )
        )
        first += jobs
    return made


@st.composite
def speeds(draw):
    rows = []
    for number in range(1, 7):
        for model in MODELS:
            run_s, load_s = draw(seconds), draw(seconds)
            rows.append(Learned(number, "standard", "t", "", model, run_s, 0.0, load_s, 8))
    return Speeds(rows)


policies = st.sampled_from(("fastest", "tiered"))
any_queue = queues(modes=("any", "any", "prefer", "only"))


@patiently
@given(any_queue, nodes(), speeds(), policies)
def test_every_job_gets_one_place_that_may_run_it(queue, farm, known, policy):
    made = plan(queue, farm, known, 0.0, policy=policy)
    by_id = {one.id: one for one in farm}
    jobs = {job_id: one for one in queue for job_id in one.job_ids}
    started = [given.job_id for given in made.now.values()]
    assert len(started) == len(set(started)) == len(made.now)
    for job_id, expected in made.expected.items():
        assert not jobs[job_id].paused
        assert why_not(jobs[job_id], by_id[expected.node_id], job_id) is None


@patiently
@given(any_queue, nodes(), speeds(), policies)
def test_every_job_is_planned_paused_or_refused(queue, farm, known, policy):
    made = plan(queue, farm, known, 0.0, policy=policy)
    for one in queue:
        assert (one.key in made.impossible) + (one.key in made.batch_done_s) + one.paused == 1
        if one.key in made.batch_done_s:
            planned = set(one.job_ids) - made.stranded.keys()
            assert planned <= made.expected.keys()
            last = max(made.expected[job_id].end_s for job_id in planned)
            assert made.batch_done_s[one.key] == last <= (made.done_s or 0.0)


@patiently
@given(any_queue, nodes(), speeds(), policies)
def test_a_node_does_one_thing_at_a_time(queue, farm, known, policy):
    made = plan(queue, farm, known, 0.0, policy=policy)
    for one in farm:
        here = [each for each in made.expected.values() if each.node_id == one.id]
        here.sort(key=lambda each: each.start_s)
        free_s = abs(one.busy_until_s or 0.0) + one.queue_ahead_s
        for each in here:
            assert each.start_s == free_s < each.end_s
            free_s = each.end_s
        starts_now = bool(here) and one.busy_until_s is None
        assert (one.id in made.now) == starts_now
        idle = one.state == "ready" and one.busy_until_s is None
        assert (one.id in made.look_again_s) == (idle and not starts_now)


@patiently
@given(queues(), nodes(), speeds())
def test_no_node_idles_that_would_end_a_job_sooner_than_the_others(queue, farm, known):
    made = plan(queue, farm, known, 0.0)
    for one in queue:
        for node_id in made.offers.get(one.key, {}).keys() & made.look_again_s.keys():
            ends = [
                made.expected[job_id].end_s
                for job_id in one.job_ids
                if job_id in made.expected and node_id not in one.excluded.get(job_id, ())
            ]
            assert all(end_s <= made.offers[one.key][node_id] + EPS for end_s in ends)


@patiently
@given(queues(), nodes(), speeds())
def test_a_better_class_never_waits_for_a_node_that_a_lower_one_takes(queue, farm, known):
    made = plan(queue, farm, known, 0.0)
    jobs = {job_id: one for one in queue for job_id in one.job_ids}
    for given_ in made.now.values():
        for job_id, expected in made.expected.items():
            one = jobs[job_id]
            if one.priority >= jobs[given_.job_id].priority or one.excluded:
                continue
            offer_s = made.offers[one.key].get(given_.node_id)
            assert offer_s is None or expected.end_s <= offer_s + EPS


@patiently
@given(any_queue, nodes(), speeds(), policies, st.randoms())
def test_a_plan_depends_on_nothing_but_its_inputs(queue, farm, known, policy, random):
    made = plan(queue, farm, known, 0.0, policy=policy)
    shuffled = random.sample(farm, len(farm))
    again = plan(queue, shuffled, known, 0.0, policy=policy)
    assert again.now == made.now
    assert (again.expected, again.done_s) == (made.expected, made.done_s)


@patiently
@given(any_queue, nodes(), speeds(), policies, st.sampled_from((0.25, 4.0, 1024.0)))
def test_only_proportions_of_seconds_matter(queue, farm, known, policy, times):
    scaled_farm = [
        replace(
            one,
            delay_s=one.delay_s * times,
            queue_ahead_s=one.queue_ahead_s * times,
            busy_until_s=None if one.busy_until_s is None else one.busy_until_s * times,
        )
        for one in farm
    ]
    scaled = Speeds(
        replace(row, fixed_s=row.fixed_s * times, load_s=(row.load_s or 0.0) * times)
        for row in known._rows.values()
    )
    before = plan(queue, farm, known, 0.0, policy=policy).expected
    after = plan(queue, scaled_farm, scaled, 0.0, policy=policy).expected
    assert {job: one.node_id for job, one in before.items()} == {
        job: one.node_id for job, one in after.items()
    }


@patiently
@given(any_queue, nodes(), speeds(), policies, st.sampled_from(sorted({*STATES} - {"ready"})))
def test_a_node_that_goes_gets_nothing_and_the_others_go_on(queue, farm, known, policy, state):
    gone = farm[0]
    without = plan(queue, farm[1:], known, 0.0, policy=policy)
    made = plan(queue, [replace(gone, state=state), *farm[1:]], known, 0.0, policy=policy)
    assert all(expected.node_id != gone.id for expected in made.expected.values())
    assert made.now.keys() == without.now.keys()
    assert gone.id not in made.look_again_s


@patiently
@given(st.lists(st.tuples(st.floats(0, 100), seconds), min_size=1, max_size=8), st.integers(0, 400))
def test_sharing_out_by_volume_ends_like_giving_one_by_one(rows, count):
    first = [begin + step for begin, step in rows]
    steps = [step for _, step in rows]
    ends = list(first)
    last = 0.0
    for _ in range(count):
        best = min(range(len(ends)), key=ends.__getitem__)
        last = max(last, ends[best])
        ends[best] += steps[best]
    taken = share_out(first, steps, count)
    assert sum(taken) == count
    poured = [first[i] + (jobs - 1) * steps[i] for i, jobs in enumerate(taken) if jobs]
    assert max(poured, default=0.0) == pytest.approx(last)


@settings(patiently, max_examples=40)
@given(nodes(), speeds(), st.integers(201, 3000))
def test_a_long_queue_is_planned_by_volume_with_the_same_rule(farm, known, jobs):
    asked = batch("long", jobs, cost=Cost("t", "sd15", "a", 20, 1.0))
    made = plan([asked], farm, known, 0.0)
    if asked.key in made.impossible:
        return
    offers, done_s = made.offers["long"], made.batch_done_s["long"]
    assert all(done_s <= offers[node_id] + EPS for node_id in made.look_again_s)
    assert all(given.end_s <= done_s + EPS for given in made.now.values())
    assert set(range(200)) <= made.expected.keys()
    few = plan([replace(asked, job_ids=asked.job_ids[:20], count=jobs)], farm, known, 0.0)
    assert (few.batch_done_s, few.now) == (made.batch_done_s, made.now)
