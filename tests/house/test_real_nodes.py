"""A real farm: what `load_farm` names is what renders; a stop leaves renders to their nodes, a start takes them up."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import yaml
from django.conf import settings

from farm_app.demo.ledger import read_ledger
from tests.farm.rig import wait_until
from tests.house.household import Household, environment

pytestmark = pytest.mark.drill
NAMES = ("rtx-left", "rtx-right")
# Six seconds on these nodes: longer than a stop waits for what is nearly there.
LONG = {"steps": 150}


class Node:
    """A ComfyUI that has nothing to do with Eliot's own demo farm."""

    def __init__(self, name: str, folder: Path, process: subprocess.Popen[str]) -> None:
        self.name = name
        self.ledger = folder / "ledger.jsonl"
        self._process = process

    @cached_property
    def port(self) -> int:
        """Wait until it listens."""
        assert self._process.stdout is not None
        (facts,) = json.loads(self._process.stdout.readline())["nodes"]
        return int(facts["port"])

    def history(self) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.port}/history"
        entries: dict[str, Any] = httpx.get(url, trust_env=False).json()
        return entries

    def begun(self) -> list[str]:
        """Return the prompt that it began each time."""
        return [one["prompt_id"] for one in read_ledger(self.ledger) if one["kind"] == "start"]

    def as_yaml(self) -> dict[str, Any]:
        address = {"host": "127.0.0.1", "port": self.port}
        card = {"name": "RTX 3060", "vram_gb": 12, "tier": "standard", "capabilities": ["sd15"]}
        return {"id": self.name, **card, **address, "max_resolution": 1024, "max_batch": 2}


@contextmanager
def running(name: str, folder: Path) -> Iterator[Node]:
    folder.mkdir()
    words = ["--port", "0", "--name", name, "--folder", str(folder), "--seconds", "sd15=0.4"]
    with subprocess.Popen(
        [
            sys.executable,
            "manage.py",
            "demo_node",
            *words,
            "--ledger",
            str(folder / "ledger.jsonl"),
        ],
        cwd=settings.BASE_DIR,
        env=environment(folder / "eliot"),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Node(name, folder, process)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Node]]:
    folder = tmp_path_factory.mktemp("nodes")
    with ExitStack() as stack:
        yield [stack.enter_context(running(name, folder / name)) for name in NAMES]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, nodes: list[Node]) -> Iterator[Household]:
    """An Eliot whose farm was loaded before its first start."""
    folder = tmp_path_factory.mktemp("house")
    file = folder / "gpus.yaml"
    file.write_text(yaml.safe_dump({"nodes": [node.as_yaml() for node in nodes]}))
    with Household(folder / "data") as found:
        loaded = found.run("load_farm", str(file))
        assert (loaded.returncode, loaded.stderr) == (0, "")
        assert loaded.stdout == "2 added: rtx-left, rtx-right\n"
        yield found.start()


def rendered(nodes: list[Node]) -> dict[str, str]:
    """Return which node remembers each prompt."""
    return {prompt_id: node.name for node in nodes for prompt_id in node.history()}


def test_no_demo_node_is_made_where_real_ones_are(house: Household) -> None:
    assert "Demo farm" not in house.said()
    assert not (house.data / "demo").exists()
    assert house.rows("select slug, is_demo from farm_app_gpunode order by slug") == [
        ("rtx-left", 0),
        ("rtx-right", 0),
    ]
    page = house.page()
    assert "rtx-left" in page
    assert "banner-demo" not in page


def test_a_round_from_the_page_is_rendered_by_the_loaded_nodes(
    house: Household, nodes: list[Node]
) -> None:
    takes = house.done(house.press(6))
    assert {one.node for one in takes} == set(NAMES)
    assert {one.prompt_id: one.node for one in takes}.items() <= rendered(nodes).items()
    assert all((house.data / "pictures" / str(one.path)).is_file() for one in takes)


def test_generate_beside_it_names_the_nodes_and_the_files(
    house: Household, nodes: list[Node]
) -> None:
    ended = house.run("generate", "a harbour", "--count", "2", "--wait", "--json")
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout.splitlines()[-1])["generations"]
    assert [one["state"] for one in found] == ["done", "done"]
    assert {one["node"] for one in found} <= set(NAMES)
    assert {Path(one["path"]) for one in found} <= set(house.pictures())


def test_what_renders_when_it_is_stopped_is_taken_up_at_the_next_start(
    house: Household, nodes: list[Node]
) -> None:
    session = house.press(2, **LONG)
    on_nodes = "select id from farm_app_attempt where state = 'running'"
    # Both at once or one after the other: that is for the plan to say, by what it has learned of these nodes.
    wait_until(lambda: house.rows(on_nodes))
    code, seconds = house.stop()
    assert (code, seconds < 10) == (0, True), house.said()
    left = {UUID(row[0]) for row in house.rows(on_nodes)}
    assert left
    takes = house.start().done(session)
    assert [one.outputs for one in takes] == [1, 1]
    begun = [UUID(prompt_id) for node in nodes for prompt_id in node.begun()]
    assert left <= set(begun) == {UUID(one) for one in rendered(nodes)}
    assert len(begun) == len(set(begun))
    assert not house.rows("select id from farm_app_attempt where state in ('lost', 'failed')")
    jobs = house.rows("select distinct job_id from farm_app_attempt")
    assert len(jobs) == len(house.pictures())
