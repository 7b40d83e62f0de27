"""The poisonous line does what it says."""

import time
from collections.abc import Iterator

import httpx
import pytest

from farm_app.comfy.client import ComfyClient
from farm_app.comfy.errors import ComfyError, Unreachable
from tests.farm.comfy.node import ScriptedNode, body, says, serving
from tests.farm.rig import wait_until
from tests.faults.toxic import ANSWERS, REQUESTS, ToxicProxy

ALIVE = {"exec_info": {"queue_remaining": 3}}


@pytest.fixture
def node() -> Iterator[ScriptedNode]:
    with serving() as found:
        found.on("GET /prompt", says(ALIVE))
        yield found


@pytest.fixture
def line(node: ScriptedNode) -> Iterator[ToxicProxy]:
    with ToxicProxy(int(node.origin.rpartition(":")[2])) as found:
        yield found


def ask(line: ToxicProxy) -> int:
    with ComfyClient(f"http://127.0.0.1:{line.port}", read_timeout_s=0.3) as client:
        return client.queue_remaining()


def test_a_sound_line_passes_everything(line: ToxicProxy) -> None:
    assert (ask(line), line.connections, line.sockets) == (3, 1, 0)


def test_answers_are_late_and_come_in_pieces(line: ToxicProxy) -> None:
    line.spoil(latency_s=0.01, slice_bytes=50)
    began = time.monotonic()
    assert ask(line) == 3
    assert time.monotonic() - began > 0.03


@pytest.mark.parametrize(("way", "arrived"), [(REQUESTS, 0), (ANSWERS, 1)])
def test_a_line_may_be_mute_in_one_direction(
    node: ScriptedNode, line: ToxicProxy, way: str, arrived: int
) -> None:
    line.spoil(mute=frozenset({way}))
    with pytest.raises(Unreachable, match="did not answer"):
        ask(line)
    assert len(node.requests) == arrived
    line.heal()
    assert ask(line) == 3


def test_a_line_that_is_down_refuses_and_comes_back(line: ToxicProxy) -> None:
    line.down()
    with pytest.raises(Unreachable) as caught:
        ask(line)
    assert caught.value.refused
    line.up()
    assert ask(line) == 3


@pytest.mark.parametrize("poison", [{"reset_share": 1.0}, {"limit_bytes": 10}])
def test_a_line_may_break(line: ToxicProxy, poison: dict[str, float]) -> None:
    line.spoil(**poison)
    with pytest.raises(ComfyError):
        ask(line)


def test_a_thin_line_takes_its_time(node: ScriptedNode, line: ToxicProxy) -> None:
    node.on("GET /file", body(bytes(20_000)))
    line.spoil(bytes_per_s=100_000, slice_bytes=1000)
    began = time.monotonic()
    assert len(httpx.get(f"http://127.0.0.1:{line.port}/file", trust_env=False).content) == 20_000
    assert time.monotonic() - began > 0.19


def test_a_quiet_line_is_cut(node: ScriptedNode, line: ToxicProxy) -> None:
    line.spoil(idle_s=1.0)  # no answer takes that long
    with ComfyClient(f"http://127.0.0.1:{line.port}") as client:
        client.queue_remaining()
        wait_until(lambda: line.standing == 0)
        client.queue_remaining()
    assert line.connections == 2
