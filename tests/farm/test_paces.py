"""What a card says of each model: how long a picture takes, and how long its model loads."""

import pytest

from farm_app import paces
from farm_app.families import FAMILIES
from farm_app.planner import Learned, Speeds
from farm_app.planning.stock import Shelf
from tests.farm.planner_farm import node

FILE = "dreamshaper_8.safetensors"
SHELF = Shelf(files=(("checkpoints", FILE, "sd15"),))


@pytest.mark.parametrize(("load_s", "said"), [(0.00004, ""), (0.09, ""), (4.2, "4.2 s to load")])
def test_a_load_that_nobody_saw_is_not_told_as_none(load_s: float, said: str) -> None:
    learned = Learned(1, "standard", "t", "sd15", FILE, 2.0, 0.0, load_s, count=8)
    row = paces._pace(FAMILIES["sd15"], node(1, vram_gb=8), SHELF, "t", Speeds([learned]))
    assert row.said == said
