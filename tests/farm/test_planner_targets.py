"""What the planner promises in seconds, on a farm on paper."""

import random
from statistics import fmean

import pytest

from eliot.bench.paper.planned import PaperFarm, believed
from eliot.bench.paper.rounds import OFF, WAYS, Round
from farm_app.planner import Cost, Speeds, plan
from tests.farm.planner_farm import (
    DRAFT,
    POLISHED,
    REFINED,
    SD15,
    SDXL,
    batch,
    four_cards,
    node,
    speeds_of,
)

GUESSES = Speeds()


@pytest.mark.parametrize(
    ("jobs", "cost", "warm", "seconds"),
    [(20, DRAFT, SD15, 4.5), (8, REFINED, SDXL, 25.714), (3, POLISHED, SDXL, 14.0)],
)
def test_a_round_takes_the_least_time_that_is_possible(jobs, cost, warm, seconds):
    farm = PaperFarm(four_cards(warm=warm), [batch("a", jobs, cost=cost)], believed(GUESSES))
    promised = plan(farm.batches, farm.nodes, GUESSES, 0.0).done_s
    assert farm.run() == pytest.approx(seconds, abs=0.001)
    assert promised == pytest.approx(seconds, abs=0.001)


def test_first_guesses_give_the_known_seconds_of_each_card():
    drafts = {one.tier: GUESSES.estimate(one, DRAFT).run_s for one in four_cards()}
    assert drafts == pytest.approx({"premium": 0.5, "quality": 0.8, "standard": 1, "draft": 1.5})
    refined = [GUESSES.estimate(one, REFINED).run_s for one in four_cards()[:3]]
    assert refined == pytest.approx([7.5, 8.571, 10], abs=0.001)
    flux = Cost("flux_txt2img", "flux", "f", steps=20, megapixels=1.048576)
    assert GUESSES.estimate(four_cards()[0], flux).run_s == pytest.approx(8)
    upscale = Cost("upscale", "upscale", None, steps=0, megapixels=16.8)
    assert GUESSES.estimate(four_cards()[0], upscale).run_s == pytest.approx(2)


def dice(seed):
    return random.Random(seed)


def ratio_to_clairvoyant(cards, jobs, cost, rng):
    """Run a round on cards that are not as fast as believed."""
    asked = Round(cards, jobs, cost, off={card.id: rng.uniform(*OFF) for card in cards})
    return WAYS["eliot"](asked) / WAYS["clairvoyant"](asked)


@pytest.mark.parametrize(("jobs", "cost", "warm"), [(20, DRAFT, SD15), (8, REFINED, SDXL)])
def test_wrong_beliefs_cost_at_most_three_percent(jobs, cost, warm):
    cards = four_cards(warm=warm)
    draws = [dice(seed) for seed in range(300)]
    ratios = [ratio_to_clairvoyant(cards, jobs, cost, rng) for rng in draws]
    assert fmean(ratios) <= 1.03


def test_random_farms_stay_within_three_percent_of_the_clairvoyant():
    ratios = []
    for seed in range(150):
        rng = dice(seed)
        tiers = [rng.choice(("premium", "quality", "standard", "draft")) for _ in range(8)]
        cards = [node(i, tier=tier, warm=SD15) for i, tier in enumerate(tiers)]
        some = cards[: rng.randint(2, 8)]
        ratios.append(ratio_to_clairvoyant(some, rng.randint(3, 50), DRAFT, rng))
    assert fmean(ratios) <= 1.03


def test_a_card_three_times_slower_takes_one_of_four_pictures():
    speeds = speeds_of({(1, SD15): (1.0, 0.0), (2, SD15): (3.0, 0.0)})
    farm = PaperFarm(
        [node(1, warm=SD15), node(2, warm=SD15)],
        [batch("a", 4, cost=Cost("t", "sd15", SD15))],
        lambda here, taken: speeds.estimate(here, taken.cost).run_s,
        speeds,
    )
    assert farm.run() == pytest.approx(3.0)
    assert sum(number == 2 for _, number, _ in farm.log) == 1


def test_one_warm_card_does_what_would_take_longer_to_load_elsewhere():
    speeds = speeds_of({(i, SDXL): (7.5, 65.0) for i in (1, 2, 3)})
    cards = [node(1, warm=SDXL), node(2), node(3)]
    asked = batch("a", 8, cost=Cost("t", "sd15", SDXL))
    farm = PaperFarm(cards, [asked], lambda *_: 7.5, speeds, true_load_s=65.0)
    assert farm.run() == pytest.approx(60.0)
    assert {number for _, number, _ in farm.log} == {1}
