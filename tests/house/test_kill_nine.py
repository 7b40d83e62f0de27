"""`kill -9` of the whole family, demo farm included, in a batch of twenty: twenty pictures, none twice."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from tests.farm.rig import wait_until
from tests.house.household import Household

pytestmark = pytest.mark.drill
COUNT = 20
DEMO = ("--demo", "4", "--demo-speed", "2.5")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Household]:
    with Household(tmp_path / "data") as found:
        yield found.start(*DEMO)


@pytest.mark.parametrize("there", [0, 7, 14], ids=["just placed", "in mid-batch", "mostly stored"])
def test_twenty_asked_for_are_twenty_pictures_whenever_all_of_it_is_killed(
    house: Household, there: int
) -> None:
    session = house.press(COUNT)
    wait_until(lambda: len(house.pictures()) >= there)
    house.kill()
    assert there <= len(house.pictures()) < COUNT
    takes = house.start(*DEMO).done(session)
    assert [one.outputs for one in takes] == [1] * COUNT
    assert len({one.prompt_id for one in takes}) == COUNT
    assert sorted(house.data / "pictures" / str(one.path) for one in takes) == house.pictures()
    assert len({sha256(path.read_bytes()).digest() for path in house.pictures()}) == COUNT
    assert house.rows("select count(*), count(placed_at) from gallery_app_mediafile") == [(20, 20)]
    wait_until(lambda: not list((house.data / "spool").iterdir()))
    assert not list((house.data / "pictures").rglob(".eliot-part-*"))
