"""Seeds of pictures that are asked for together."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm_app.seed_strategies import SEED_LIMIT, SeedStrategy, draw_seed, seeds

BASES = st.integers(0, SEED_LIMIT - 1)


@given(strategy=st.sampled_from(SeedStrategy), base=BASES)
def test_a_thousand_seeds_are_all_in_range_and_all_different(
    strategy: SeedStrategy, base: int
) -> None:
    found = seeds(strategy, 1000, base)
    assert len(set(found)) == 1000
    assert all(0 <= int(one) < SEED_LIMIT for one in found)


@given(strategy=st.sampled_from(SeedStrategy), base=BASES, count=st.integers(1, 50))
def test_the_same_base_gives_the_same_seeds_however_many_are_asked_for(
    strategy: SeedStrategy, base: int, count: int
) -> None:
    assert seeds(strategy, count, base) == seeds(strategy, 60, base)[:count]


@pytest.mark.parametrize(
    ("strategy", "found"),
    [
        ("sequential", ["40", "41", "42", "43", "44", "45"]),
        ("fibonacci", ["40", "41", "42", "43", "45", "48"]),
    ],
)
def test_seeds_follow_from_their_base(strategy: str, found: list[str]) -> None:
    assert seeds(SeedStrategy(strategy), 6, 40) == found


def test_golden_seeds_fill_the_range_evenly() -> None:
    found = sorted(int(one) for one in seeds(SeedStrategy.GOLDEN_RATIO, 89, 0))
    gaps = {after - before for before, after in pairwise(found)}
    assert max(gaps) < 2.7 * min(gaps)  # three gaps at most, in golden proportion
    assert len(gaps) <= 3


def test_seeds_go_round_at_their_limit() -> None:
    assert seeds(SeedStrategy.SEQUENTIAL, 2, SEED_LIMIT - 1) == [str(SEED_LIMIT - 1), "0"]


def test_a_drawn_seed_is_another_one_each_time() -> None:
    assert len({draw_seed() for _ in range(50)}) == 50
