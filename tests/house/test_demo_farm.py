"""The demo farm's start, and what it means for the offer of a ComfyUI on this machine."""

import socket
from pathlib import Path

import pytest

from eliot.launch import demo_farm
from eliot.launch.family import Wishes, start_farm
from farm_app import found
from farm_app.banner import banner
from farm_app.demo.roster import demo_farm as roster
from farm_app.models import GpuNode
from tests import factories


@pytest.fixture
def nothing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens on the usual port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        monkeypatch.setattr(found, "USUAL_PORT", probe.getsockname()[1])


def test_a_comfyui_that_is_gone_is_not_offered_after_the_next_start(
    studio: None, data: Path, nothing_answers: None
) -> None:
    (data / "found-comfyui").write_text("http://127.0.0.1:8188")
    factories.node("gpu-real", is_demo=False)
    offered = banner()
    assert offered is not None
    assert offered["kind"] == "found"
    start_farm(Wishes(), print)
    assert banner() is None


def test_a_demo_node_that_was_renamed_is_found_again_by_its_address(studio: None) -> None:
    specs = roster(2, 30_500, Path("data"))
    demo_farm.register(specs)
    renamed = GpuNode.objects.get(port=specs[0].port)
    GpuNode.objects.filter(pk=renamed.pk).update(slug="my-desk")
    other = GpuNode.objects.get(port=specs[1].port)
    other.become_real()
    other.save()
    before = GpuNode.objects.count()
    demo_farm.register(specs)
    assert GpuNode.objects.count() == before
    renamed.refresh_from_db()
    assert (renamed.slug, renamed.is_demo, renamed.is_enabled) == ("my-desk", True, True)
    assert not GpuNode.objects.get(pk=other.pk).is_demo
    moved = roster(2, 30_600, Path("data"))
    demo_farm.register(moved)
    renamed.refresh_from_db()
    assert not renamed.is_enabled  # nobody can say which of them it was


def test_demo_nodes_that_do_not_listen_in_time_are_ended(
    studio: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_farm, "READY_S", 0.01)
    farm = demo_farm.DemoFarm(1, 1.0)
    with pytest.raises(demo_farm.DemoFarmFailed, match="do not listen yet"):
        farm.start()


@pytest.mark.skipif(
    not Path("/proc/self/autogroup").exists(), reason="this system does not share by sessions"
)
def test_pretend_gpus_compute_when_nobody_else_wants_to(studio: None, data: Path) -> None:
    farm = demo_farm.DemoFarm(1, 1.0)
    farm.start()
    try:
        assert farm._child is not None
        shares = Path(f"/proc/{farm._child.pid}/autogroup").read_text()
        assert shares.strip().endswith(f"nice {demo_farm.SESSION_NICE}")
    finally:
        farm.stop()
