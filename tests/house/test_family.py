"""What `start` decides before it serves: demo nodes or not and where, what is left to take up, who has the folder."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from django.conf import LazySettings
from django.utils import timezone

from eliot.launch.demo_farm import DemoFarm, DemoFarmFailed, base_port
from eliot.launch.family import Wishes, start_farm
from eliot.launch.preparing import collect_static, prepare, take_over
from farm_app import found
from farm_app.models import Attempt, GpuNode, Job, Lease
from gallery_app.models import Library
from tests import factories
from tests.farm.rig import Stable
from tests.house.household import Household

Begin = Callable[[Wishes], list[str]]
NOBODY_ASKED = Wishes(demo_speed=100)
FOUR = ["gpu-draft", "gpu-premium", "gpu-quality", "gpu-standard"]


def taken_port(port: int = 0) -> socket.socket:
    """Return a socket that listens, as somebody else's program does."""
    return socket.create_server(("127.0.0.1", port))


@pytest.fixture
def usual_port(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let nothing answer on this machine's usual port, whatever runs here."""
    with closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        monkeypatch.setattr(found, "USUAL_PORT", silent.getsockname()[1])
        yield


@pytest.fixture
def begin(data: Path, usual_port: None, db: None) -> Iterator[Begin]:
    """Start the demo nodes that are wished for; return what was said."""
    farms: list[DemoFarm] = []

    def begun(wishes: Wishes) -> list[str]:
        said: list[str] = []
        farm = start_farm(wishes, said.append)
        farms.extend([farm] if farm else [])
        return said

    yield begun
    for farm in farms:
        farm.stop()


def nodes(*, demo: bool) -> list[str]:
    """Return the nodes of a kind that are on."""
    rows = GpuNode.objects.filter(is_demo=demo, is_enabled=True)
    return list(rows.order_by("slug").values_list("slug", flat=True))


def test_where_no_node_is_four_pretend_ones_draw(begin: Begin) -> None:
    assert begin(NOBODY_ASKED) == ["Demo farm: 4 pretend nodes draw labelled pictures."]
    assert nodes(demo=True) == FOUR
    for node in GpuNode.objects.all():
        answer = httpx.get(f"http://127.0.0.1:{node.port}/system_stats", trust_env=False)
        assert answer.status_code == 200


def test_where_none_is_wished_for_none_is_started(begin: Begin) -> None:
    factories.node("gpu-draft", is_demo=True)
    assert begin(Wishes(demo=0)) == []
    assert nodes(demo=True) == []


def test_a_real_node_keeps_them_away_and_switches_those_of_before_off(begin: Begin) -> None:
    factories.node("rtx")
    factories.node("gpu-draft", is_demo=True)
    assert begin(NOBODY_ASKED) == []
    assert (nodes(demo=False), nodes(demo=True)) == (["rtx"], [])


def test_a_real_node_that_is_switched_off_does_not(begin: Begin) -> None:
    factories.node("rtx", is_enabled=False)
    begin(NOBODY_ASKED)
    assert (nodes(demo=False), nodes(demo=True)) == ([], FOUR)


def test_asked_for_they_work_beside_real_ones_and_take_no_name_of_theirs(begin: Begin) -> None:
    real = factories.node("gpu-premium", port=30_000)
    assert begin(Wishes(demo=2)) == ["Demo farm: 2 pretend nodes draw labelled pictures."]
    assert nodes(demo=False) == ["gpu-premium"]
    assert nodes(demo=True) == ["demo-gpu-premium", "gpu-quality"]
    real.refresh_from_db()
    assert (real.port, real.is_demo) == (30_000, False)


def test_fewer_than_last_time_switch_the_rest_off(begin: Begin) -> None:
    factories.node("gpu-standard", is_demo=True)
    assert begin(Wishes(demo=1)) == ["Demo farm: 1 pretend node draws labelled pictures."]
    assert nodes(demo=True) == ["gpu-premium"]


def test_a_comfyui_of_this_machine_is_offered_and_not_taken(
    begin: Begin, stable: Stable, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = stable.lend("gpu-a").start()
    monkeypatch.setattr(found, "USUAL_PORT", process.port)
    (said,) = begin(NOBODY_ASKED)
    stable.take_back(process)
    assert said.startswith(f"A ComfyUI answers at {process.url}: add it")
    assert not GpuNode.objects.exists()
    assert found.found_node() == process.url


def test_where_there_is_no_page_to_offer_one_on_pretend_ones_draw(
    begin: Begin, stable: Stable, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = stable.lend("gpu-a").start()
    monkeypatch.setattr(found, "USUAL_PORT", process.port)
    begin(Wishes(demo_speed=100, offers=False))
    stable.take_back(process)
    assert nodes(demo=True) == FOUR


def test_demo_nodes_are_found_where_they_were_as_long_as_nobody_sits_there(data: Path) -> None:
    port = base_port(3)
    assert [base_port(count) for count in (3, 1, 4)] == [port] * 3
    with closing(taken_port(port + 1)):
        other = base_port(3)
        assert other != port
    assert base_port(3) == other  # open attempts remember where they were sent last


def test_a_port_that_is_taken_in_the_last_moment_is_said(data: Path) -> None:
    farm = DemoFarm(1, 1.0)
    with closing(taken_port(farm.specs[0].port)), pytest.raises(DemoFarmFailed) as fault:
        farm.start()
    port = farm.specs[0].port
    assert str(fault.value).startswith(
        f"The demo nodes did not start: gpu-premium: port {port} on 127.0.0.1 is busy"
    )


def test_what_a_killed_runner_held_or_had_half_done_is_cleared_away(
    studio: None, data: Path
) -> None:
    half_done = data / "spool" / ".record-abc" / "picture"
    half_done.parent.mkdir(parents=True)
    half_done.touch()
    Lease.objects.take("sweep", ttl=timedelta(hours=1))
    take_over()
    assert list((data / "spool").iterdir()) == []
    assert Lease.objects.take("sweep", ttl=timedelta(hours=1)) is not None


def test_what_a_killed_runner_had_just_brought_home_stays_there_and_leaves_no_copy(
    studio: None, data: Path
) -> None:
    factories.pictures(1)
    attempt = Attempt.objects.get()
    Attempt.objects.update(store_until=timezone.now() + timedelta(hours=1))
    copy = data / "spool" / f"{attempt.pk}.picture"
    copy.parent.mkdir(parents=True)
    copy.touch()
    take_over()
    assert not copy.exists()
    picture = Job.objects.get().output
    assert picture is not None
    assert picture.trashed_at is None


def test_preparing_twice_changes_nothing(data: Path, db: None) -> None:
    prepare()
    library = Library.default()
    prepare()
    assert list(Library.objects.all()) == [library]


def test_static_files_are_collected_again_only_when_they_have_changed(
    data: Path, settings: LazySettings
) -> None:
    settings.STATIC_ROOT = data / "static"
    collect_static()
    stray = data / "static" / "stray"
    stray.touch()
    collect_static()
    assert stray.exists()
    settings.VERSION = "another"
    collect_static()
    assert not stray.exists()
    assert (data / "static" / "js" / "live.js").exists()


@pytest.mark.drill
def test_a_busy_port_is_one_clear_line_before_anything_is_made(tmp_path: Path) -> None:
    with closing(taken_port()) as taken:
        port = taken.getsockname()[1]
        ended = Household(tmp_path / "data").run("start", "--port", str(port), "--no-browser")
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert f"Port {port} on 127.0.0.1 is in use" in line
    assert not (tmp_path / "data" / "eliot.sqlite3").exists()


@pytest.mark.drill
def test_a_second_start_names_the_first_which_keeps_its_ports_at_the_next(tmp_path: Path) -> None:
    ports = "select port from farm_app_gpunode order by slug"
    with Household(tmp_path / "data") as house:
        before = house.start("--demo", "2").rows(ports)
        second = house.run("start", "--demo", "2", "--port", "0", "--no-browser")
        assert (second.returncode, second.stdout) == (1, "")
        (line,) = second.stderr.splitlines()
        assert f"Eliot already runs here, at {house.address}/." in line
        assert house.stop()[0] == 0
        assert house.start("--demo", "2").rows(ports) == before
