"""Machines that sleep: the packet that wakes them, when it is sent, and when they are let go."""

import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils import timezone

from farm_app import health, waking
from farm_app.comfy.wake import magic_packet
from farm_app.models import GpuNode, HealthSpan, JobEvent
from farm_app.models.nodes import Health
from tests import factories
from tests.farm.rig import Farm, wait_until
from tests.sessions.conftest import studio

__all__ = ["studio"]

MAC = "3c:7c:3f:12:ab:9e"
PACKET = b"\xff" * 6 + bytes.fromhex("3c7c3f12ab9e") * 16


@pytest.fixture
def network(settings: LazySettings) -> Iterator[socket.socket]:
    """What hears the packets in place of a network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hears:
        hears.bind(("127.0.0.1", 0))
        hears.settimeout(5)
        settings.ELIOT_WAKE_TO = f"127.0.0.1:{hears.getsockname()[1]}"
        yield hears


def sleeper(slug: str = "gpu-quality", **fields: Any) -> GpuNode:
    """One of the studio's nodes, asleep."""
    facts = {"health": Health.OFFLINE, "mac": MAC, "wakes_for_jobs": True, **fields}
    GpuNode.objects.filter(slug=slug).update(**facts)
    return GpuNode.objects.get(slug=slug)


def woken() -> set[str]:
    return set(GpuNode.objects.filter(woken_at__isnull=False).values_list("slug", flat=True))


def wait_long() -> None:
    """Let what waits have waited for long."""
    from farm_app.models import JobGroup

    JobGroup.objects.update(created=timezone.now() - timedelta(hours=1))


def test_the_packet_names_the_card_sixteen_times() -> None:
    assert magic_packet(MAC) == magic_packet("3C-7C-3F-12-AB-9E") == PACKET
    with pytest.raises(ValueError, match="no MAC address"):
        magic_packet("3c:7c:3f:12:ab")


def test_a_worker_sends_the_packet_to_the_network(farm: Farm, network: socket.socket) -> None:
    farm.node("gpu-a", is_up=False)
    GpuNode.objects.update(mac=MAC)
    farm.work()
    waking.wake(GpuNode.objects.get(), actor="ann")
    assert network.recv(200) == PACKET
    event = JobEvent.objects.filter(actor="ann").get()
    assert event.sentence == "gpu-a is woken."


def test_a_network_that_does_not_take_the_packet_is_told_in_the_log(
    db: None, settings: LazySettings
) -> None:
    settings.ELIOT_WAKE_TO = "no.such.host.invalid:9"
    node = factories.node("gpu-a", mac=MAC)
    waking.send_packet(node.pk)
    assert "gpu-a could not be woken" in JobEvent.objects.get().sentence


def test_a_node_without_a_mac_address_cannot_be_woken(db: None) -> None:
    with pytest.raises(waking.CannotWake):
        waking.wake(factories.node())


def test_it_is_woken_when_jobs_wait_that_it_could_take(studio: None) -> None:
    sleeper()
    factories.placed(1)
    wait_long()
    waking.wake_for_jobs()
    assert woken() == {"gpu-quality"}


def test_it_sleeps_on_while_jobs_have_only_just_come(studio: None) -> None:
    sleeper()
    factories.placed(1)
    waking.wake_for_jobs()
    assert woken() == set()


def test_it_sleeps_on_for_jobs_that_it_could_not_take(studio: None) -> None:
    sleeper("gpu-draft")  # has SD 1.5 only
    factories.placed(1, family="sdxl", values={"width": 1024, "height": 1024})
    wait_long()
    waking.wake_for_jobs()
    assert woken() == set()


@pytest.mark.parametrize(
    "fields",
    [
        {"wakes_for_jobs": False},
        {"mac": ""},
        {"is_enabled": False},
        {"is_draining": True},
        {"health": Health.READY},
        {"woken_at": "just now"},
    ],
)
def test_it_is_left_alone_where_it_should_be(studio: None, fields: dict[str, Any]) -> None:
    if "woken_at" in fields:
        fields = {"woken_at": timezone.now()}
    node = sleeper(**fields)
    factories.placed(1)
    wait_long()
    waking.wake_for_jobs()
    assert GpuNode.objects.get(pk=node.pk).woken_at == fields.get("woken_at")


def idle_for(minutes: int, **fields: Any) -> GpuNode:
    since = timezone.now() - timedelta(minutes=minutes)
    node = factories.node("gpu-a", mac=MAC, wakes_for_jobs=True, idle_minutes=20, **fields)
    GpuNode.objects.update(created=since)
    HealthSpan.objects.create(node=node, kind="well", since=since, until=timezone.now())
    return node


def test_an_idle_one_is_let_go_and_not_looked_at_any_more(db: None) -> None:
    idle_for(21)
    waking.let_idle_ones_go()
    node = GpuNode.objects.get()
    assert node.standing == "offline"
    GpuNode.objects.update(health_checked_at=None)
    assert health.due() == []
    assert JobEvent.objects.get().sentence == "gpu-a has been idle for 20 min and may sleep."


def test_one_that_was_idle_for_less_or_has_others_work_is_kept(db: None) -> None:
    idle_for(19)
    waking.let_idle_ones_go()
    assert GpuNode.objects.get().let_go_at is None
    GpuNode.objects.all().delete()
    idle_for(60, foreign_queue=1)
    waking.let_idle_ones_go()
    assert GpuNode.objects.get().let_go_at is None


def test_one_that_was_let_go_and_still_runs_is_back_at_the_first_look(farm: Farm) -> None:
    farm.node("gpu-a")
    GpuNode.objects.update(let_go_at=timezone.now(), mac=MAC, wakes_for_jobs=True)
    assert GpuNode.objects.get().standing == "offline"
    farm.work()
    health.ask_again(GpuNode.objects.all())
    wait_until(lambda: GpuNode.objects.get().standing == "ready")
