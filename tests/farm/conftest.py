"""A farm for tests: rows, real demo nodes, and worker threads in this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.cache import cache
from huey.contrib.djhuey import HUEY

from farm_app import dispatch, follow, planning
from farm_app.seeding import seed_workflows
from gallery_app.models import Library
from tests.farm.rig import Farm, Stable, assert_sound
from tests.faults.marking import rows_of
from tests.faults.oracle import assert_made_once, assert_others_left_alone
from tests.faults.page import read_rows


@pytest.fixture
def data(settings: LazySettings, tmp_path: Path) -> Path:
    """Give the test a data folder of its own."""
    folder = tmp_path / "data"
    folder.mkdir()
    settings.ELIOT_DATA = folder
    return folder


@pytest.fixture(scope="session")
def stable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stable]:
    """Keep nodes for the next test."""
    found = Stable(tmp_path_factory.mktemp("nodes"))
    yield found
    found.close()


@pytest.fixture
def copies() -> None:
    """Let an idle node render a copy of what another one turns out slow with."""


@pytest.fixture
def farm(
    data: Path,
    stable: Stable,
    transactional_db: None,
    profile: str,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Farm]:
    """Provide a farm without nodes; tests add real ones and start the work. At the end all must be sound.

    On a busy machine any node may look slow, so only tests that use ``copies`` have what is slow copied.
    """
    if "copies" not in request.fixturenames:
        monkeypatch.setattr(follow, "is_slow", lambda *_: False)
    HUEY.flush()
    cache.clear()
    planning.forget_stock()
    dispatch._numbers.clear()  # the next test has other nodes under the same keys
    seed_workflows()
    Library.default()
    with Farm(data, stable, profile) as found:
        yield found
        found.stop()
        assert_sound(data)
        if marked := rows_of(request.node):
            _assert_promises(found, marked)


def _assert_promises(farm: Farm, marked: list[str]) -> None:
    """After a drill, see also what the nodes saw."""
    rows = read_rows()
    assert_made_once(farm.processes, [rows[one] for one in marked])
    assert_others_left_alone(farm.processes)
