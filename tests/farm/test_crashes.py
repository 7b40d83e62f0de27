"""`kill -9` of the workers in the middle of a batch, at any moment: all the pictures, none twice, nothing left over."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.farm.rig import Stable

pytestmark = pytest.mark.drill
COUNT = 20


def command(data: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "ELIOT_DATA": str(data), "ELIOT_LOG_LEVEL": "ERROR"}
    line = [sys.executable, "-m", "tests.farm.standalone", *arguments]
    return subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, text=True)


def files(data: Path) -> int:
    return len(list((data / "pictures").rglob("*.png")))


def killed_at(process: subprocess.Popen[str], data: Path, pictures: int) -> None:
    """Kill it a moment after so many pictures are there."""
    with process:
        deadline = time.monotonic() + 60
        while files(data) < pictures and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(random.uniform(0, 0.15))
        assert process.poll() is None
        process.kill()


def test_a_batch_survives_the_death_of_its_workers_at_any_moment(
    tmp_path: Path, stable: Stable
) -> None:
    nodes = [stable.lend(name, seconds={"sd15": 0.1}).start() for name in ("gpu-a", "gpu-b")]
    ports = json.dumps({node.name: node.port for node in nodes})
    killed_at(command(tmp_path, "place", ports, str(COUNT), "work"), tmp_path, 2)
    killed_at(command(tmp_path, "work"), tmp_path, 10)
    with command(tmp_path, "work,tell") as process:
        said, _ = process.communicate(timeout=60)
    found = json.loads(said)
    assert found["states"] == ["done"] * COUNT
    assert found["files"] == [f"{number:04d}.png" for number in range(1, COUNT + 1)]
    assert (found["won"], found["rows"]) == (COUNT, COUNT)
    # What was being sent in the moment of death may have been rendered for nothing, no more.
    assert sum(len(node.executions()) for node in nodes) <= COUNT + 2 * len(nodes)
    for node in nodes:
        stable.take_back(node)
