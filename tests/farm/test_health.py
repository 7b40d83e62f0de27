"""How a node is: looks bring latency, queue, memory, device, version and models; trouble says what kind it is."""

import signal
import threading

import pytest
from django.db import connections
from django.utils import timezone

from farm_app import found, health, planning
from farm_app.models import GpuNode, JobEvent, NodeModel
from farm_app.models.nodes import Health
from farm_app.timers import HEALTH_INTERVAL, TROUBLE_INTERVAL
from tests import factories
from tests.farm.rig import Farm, NodeProcess, Rule, on_request, wait_until
from tests.farm.test_listening import post_foreign


def look(process: NodeProcess) -> GpuNode:
    """Look at a node and return its row."""
    health.probe(GpuNode.objects.get(slug=process.name).pk)
    return GpuNode.objects.get(slug=process.name)


def test_a_look_brings_what_the_node_says_of_itself(farm: Farm) -> None:
    node = look(farm.node(vram_gb=12, latency_s=0.02))
    assert node.health == Health.READY
    assert node.latency_ms is not None
    assert 20 < node.latency_ms < 2000
    assert (node.queue_length, node.foreign_queue) == (0, 0)
    assert node.device
    assert node.version == "0.33.0"
    assert node.vram_free_gb
    assert "KSampler" in (node.node_classes or [])
    assert "euler" in node.samplers
    assert "normal" in node.schedulers


def test_families_are_guessed_from_the_names_of_the_files(farm: Farm) -> None:
    process = farm.node(families=["sd15", "sdxl", "upscale"])
    process.add_model("my secret mix.safetensors")
    GpuNode.objects.update(inventory_at=None)
    node = look(process)
    guessed = dict(node.model_files.filter(folder="checkpoints").values_list("name", "family"))
    assert guessed["dreamshaper_8.safetensors"] == "sd15"
    assert guessed["sd_xl_base_1.0.safetensors"] == "sdxl"
    assert guessed["my secret mix.safetensors"] == ""
    files = node.model_files.values_list("folder", "name", "family")
    assert planning.families_of(node, files) == {"sd15", "sdxl"}
    assert "upscale" in planning.tags_of(node, files)


def test_a_family_that_was_settled_is_never_guessed_again(farm: Farm) -> None:
    process = farm.node()
    NodeModel.objects.filter(name__startswith="dreamshaper").update(family="pony", is_settled=True)
    GpuNode.objects.update(inventory_at=None)
    look(process)
    assert NodeModel.objects.get(name__startswith="dreamshaper").family == "pony"


def test_a_file_that_goes_and_comes_back_keeps_what_was_settled(farm: Farm) -> None:
    process = farm.node()
    process.add_model("ours.safetensors")
    for is_there in (True, False, True):
        path = process.folder / "models" / "checkpoints" / "ours.safetensors"
        path.unlink() if not is_there else process.add_model("ours.safetensors")
        GpuNode.objects.update(inventory_at=None)
        look(process)
        row = NodeModel.objects.get(name="ours.safetensors")
        assert row.is_present == is_there
        NodeModel.objects.filter(pk=row.pk).update(family="sdxl", is_settled=True)
    assert row.family == "sdxl"


def test_the_inventory_is_not_read_at_every_look(farm: Farm) -> None:
    process = farm.node(rules=[on_request("/object_info", {}, method="GET")])
    before = process.hits()
    for _ in range(3):
        look(process)
    assert process.hits() == before


@pytest.mark.parametrize(
    ("rule", "state", "said"),
    [
        (on_request("/prompt", {"body": "<html>HP LaserJet</html>"}, method="GET"), Health.STRANGE, "not JSON"),
        (on_request("/prompt", {"status": 404}, method="GET"), Health.STRANGE, "is not a ComfyUI"),
        (on_request("/system_stats", {"json": {"printer": 1}}, method="GET"), Health.STRANGE, "is not a ComfyUI"),
        (on_request("*", {"status": 401}, method="GET"), Health.LOCKED, "asks for credentials"),
        (on_request("*", {"status": 403}, method="GET"), Health.LOCKED, "asks for credentials"),
        (on_request("*", {"status": 302, "headers": {"Location": "http://example.org/"}}, method="GET"), Health.STRANGE, "redirect"),
        (on_request("*", {"status": 503}, method="GET"), Health.SILENT, "in trouble"),
        (on_request("*", {"reset": True}, method="GET"), Health.SILENT, "broke off"),
    ],
)  # fmt: skip
def test_trouble_says_what_kind_it_is(farm: Farm, rule: Rule, state: Health, said: str) -> None:
    process = farm.node()
    process.set_rules(rule)
    node = look(process)
    assert node.health == state
    assert said in node.last_error
    assert node.unseen_since is not None
    assert node.standing == "offline"
    assert node.warm_model == ""
    process.set_rules()
    assert look(process).health == Health.READY


def test_a_dead_node_is_offline_and_its_return_is_news(farm: Farm) -> None:
    process = farm.node()
    process.kill()
    node = look(process)
    assert (node.health, node.epoch) == (Health.OFFLINE, 1)
    process.start()
    node = look(process)
    assert (node.health, node.epoch, node.unseen_since) == (Health.READY, 2, None)
    said = list(JobEvent.objects.filter(node=node).values_list("sentence", flat=True))
    assert said[0] == "gpu-a is ready."
    assert said[1].startswith("gpu-a: Nothing listens at 127.0.0.1:")
    assert said[2] == "gpu-a is back."


def test_a_node_that_never_answered_is_unknown_to_nobody(farm: Farm) -> None:
    process = farm.node(is_up=False)
    assert GpuNode.objects.get(slug=process.name).health == Health.OFFLINE


def test_a_silent_node_gathers_no_looks(farm: Farm) -> None:
    process = farm.node()
    process.signal(signal.SIGSTOP)
    GpuNode.objects.update(health_checked_at=timezone.now() - HEALTH_INTERVAL)
    assert len(health.due()) == 1
    assert health.due() == []


@pytest.mark.django_db
def test_nodes_that_are_well_are_looked_at_in_turn_and_others_at_once() -> None:
    long_ago = timezone.now() - 2 * HEALTH_INTERVAL
    well = {factories.node(f"gpu-{n}", health_checked_at=long_ago).pk for n in range(6)}
    others = {
        factories.node("gpu-gone", health=Health.OFFLINE, health_checked_at=long_ago).pk,
        factories.node("gpu-new", health_checked_at=None).pk,
    }
    rounds = [set(health.due()) for _ in range(3)]
    assert rounds[0] > others
    assert [len(one - others) for one in rounds] == [2, 2, 2]
    assert set.union(*rounds) == well | others
    assert health.due() == []


def test_a_slow_look_is_not_joined_by_another(farm: Farm) -> None:
    node = farm.node()
    node.signal(signal.SIGSTOP)
    row = GpuNode.objects.get()
    slow = threading.Thread(target=look_and_close, args=(row.pk,))
    slow.start()
    wait_until(lambda: row.pk in health._under_way)
    assert health.probe(row.pk) is None  # at once, though the node says nothing
    node.signal(signal.SIGCONT)
    slow.join()
    assert health.probe(row.pk) == Health.READY


def look_and_close(node_id: int) -> None:
    health.probe(node_id)
    connections.close_all()


def test_trouble_is_looked_at_more_often(farm: Farm) -> None:
    farm.node()
    GpuNode.objects.update(health_checked_at=timezone.now() - TROUBLE_INTERVAL)
    assert health.due() == []
    GpuNode.objects.update(health=Health.OFFLINE)
    assert len(health.due()) == 1


def test_other_peoples_queue_is_counted_and_waited_for(farm: Farm) -> None:
    process = farm.node(seconds={"sd15": 2.0})
    for _ in range(3):
        post_foreign(process.url)
    node = look(process)
    assert (node.queue_length, node.foreign_queue) == (3, 3)
    farm.ask(1)
    (view,) = planning.draw_plan().nodes
    assert view.queue_ahead_s == 30


def test_a_comfyui_on_the_usual_port_is_offered_once(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = farm.nodes({"gpu-a": {}})[0]
    monkeypatch.setattr(found, "USUAL_PORT", process.port)
    assert found.look_on_this_machine() == process.url
    assert found.found_node() is None  # it is a node already
    GpuNode.objects.all().delete()
    assert found.found_node() == process.url
    process.kill()
    assert found.look_on_this_machine() is None
    assert found.found_node() is None


def test_health_goes_on_by_itself(farm: Farm) -> None:
    process = farm.node()
    process.kill()
    GpuNode.objects.update(health_checked_at=None)
    farm.work()
    wait_until(lambda: GpuNode.objects.get().health == Health.OFFLINE)
    process.start()
    wait_until(lambda: GpuNode.objects.get().health == Health.READY)


def test_a_node_that_moves_leaves_no_twin_behind(farm: Farm) -> None:
    old = farm.node("gpu-a", seconds={"sd15": 1.0})
    placed = farm.ask(1)
    farm.work()
    wait_until(old.executions)
    GpuNode.objects.update(port=1, is_draining=True)
    new = GpuNode.objects.create(slug="gpu-b", host="127.0.0.1", port=old.port)
    assert health.probe(new.pk) == Health.READY
    assert GpuNode.objects.get(slug="gpu-b").is_enabled
    farm.done(placed)
