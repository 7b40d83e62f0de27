"""A running node for tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.farm.demo.running import RunningNode, a_spec


@pytest.fixture
def node(tmp_path: Path) -> Iterator[RunningNode]:
    with RunningNode(a_spec(tmp_path)) as running:
        yield running
