from __future__ import annotations

from collections.abc import Iterator

import pytest

from farm_app.comfy.client import ComfyClient
from tests.farm.comfy.node import ScriptedNode, serving


@pytest.fixture
def node() -> Iterator[ScriptedNode]:
    with serving() as scripted:
        yield scripted


@pytest.fixture
def client(node: ScriptedNode) -> Iterator[ComfyClient]:
    with ComfyClient(node.origin, connect_timeout_s=2.0, read_timeout_s=2.0) as opened:
        yield opened
