"""`manage.py generate`: beside a running Eliot it places, alone it renders."""

import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from eliot.launch.run_lock import run_lock
from farm_app.models import GpuNode, Job, JobGroup
from farm_app.models.nodes import Health
from sessions_app.models import Generation, Round, WorkSession
from sessions_app.placing import place_asked
from tests import factories
from tests.farm.rig import wait_until
from tests.house.household import Household, deaf_no_more, environment

KEYS = {"id", "state", "path", "seed", "node", "seconds", "error"}


@pytest.fixture
def beside(live_studio: None) -> Iterator[None]:
    """Another process runs on this data folder."""
    with run_lock() as lock:
        lock.say("http://127.0.0.1:8000/")
        yield


def run(*arguments: str) -> str:
    said = io.StringIO()
    call_command("generate", *arguments, stdout=said)
    return said.getvalue()


def in_background(pool: ThreadPoolExecutor, *arguments: str) -> Future[tuple[str, int]]:
    """Run it in a thread; returns what it printed and its exit code."""

    def work() -> tuple[str, int]:
        said = io.StringIO()
        try:
            call_command("generate", *arguments, stdout=said)
        except CommandError as end:
            return said.getvalue(), end.returncode
        finally:
            connections.close_all()
        return said.getvalue(), 0

    return pool.submit(work)


def asked(count: int) -> list[Generation]:
    wait_until(lambda: Generation.objects.count() == count)
    return list(Generation.objects.with_pictures().order_by("number"))


def test_beside_a_running_eliot_it_only_places(beside: None) -> None:
    found = json.loads(run("a lighthouse", "--count", "3", "--seed", "41", "--json"))
    assert set(found) == {"session", "makespan_s", "generations"}
    assert found["makespan_s"] is None
    assert [(one["state"], one["seed"]) for one in found["generations"]] == [
        ("queued", "41"),
        ("queued", "42"),
        ("queued", "43"),
    ]
    assert all(set(one) == KEYS and one["path"] is None for one in found["generations"])
    assert WorkSession.objects.get().slug == found["session"]


def test_it_asks_what_the_form_would_ask(beside: None) -> None:
    size = ("--width", "768", "--height", "512", "--steps", "12", "--cfg", "5.5")
    run('he said "no"\n{{seed}}', "--negative", "fog", "--count", "1", *size)
    values = Job.objects.get().values
    assert (values["prompt"], values["negative"]) == ('he said "no"\n{{seed}}', "fog")
    assert (values["width"], values["height"], values["steps"], values["cfg"]) == (
        768,
        512,
        12,
        5.5,
    )
    assert str(JobGroup.objects.get().owner) == "local"
    assert WorkSession.objects.get().title == 'he said "no" {{seed}}'


def test_without_more_words_it_asks_for_twenty_drafts(beside: None) -> None:
    run("a lighthouse")
    values = Job.objects.first().values  # type: ignore[union-attr]
    assert Generation.objects.count() == 20
    assert (values["width"], values["height"], values["steps"]) == (512, 512, 10)
    assert JobGroup.objects.get().family == "sd15"


def test_another_family_draws_at_its_own_size(beside: None) -> None:
    run("a lighthouse", "--family", "sdxl", "--count", "1")
    values = Job.objects.get().values
    assert (values["width"], values["steps"], values["checkpoint"]) == (
        1024,
        25,
        "sdxl-base.safetensors",
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x", "--steps", str(10**9)], "--steps: Must be from 1 to 150."),
        (["x", "--width", "-1"], "--width: Must be from 64 to 4096."),
        (["x", "--width", "0"], "--width: Must be from 64 to 4096."),
        (["x", "--height", "1e400"], "--height: Enter a whole number."),
        (["x", "--height", "\u0661\u0662"], "--height: Write the number"),
        (["x", "--count", "10000"], "--count: Must be from 1 to 500."),
        (["x", "--count", str(2**63)], "--count: Must be from 1 to 500."),
        (["x", "--cfg", "inf"], "--cfg: Enter a number."),
        (["x", "--cfg", "NaN"], "--cfg: Enter a number."),
        (["x", "--seed", "-1"], "--seed: A whole number from 0"),
        (["x", "--seed", str(2**64)], "--seed: A whole number from 0"),
        (["x", "--family", "nobody"], "--family: 'nobody' is none of"),
        (["x", "--family", "flux"], "--family: No node has FLUX.1."),
        ([""], "--prompt: Write what the picture shows."),
        (["a\0b"], "--prompt: Null characters are not allowed."),
        (["x" * 1_000_000], "--prompt: 1,000,000 characters are too many"),
        (["\udcff"], "--prompt: It holds half a character"),
    ],
)
def test_bad_input_ends_with_2_says_why_and_places_nothing(
    beside: None, arguments: list[str], said: str
) -> None:
    with pytest.raises(CommandError) as fault:
        run(*arguments)
    assert fault.value.returncode == 2
    assert said in str(fault.value)
    rows = (WorkSession, Round, Generation, Job)
    assert [one._default_manager.count() for one in rows] == [0, 0, 0, 0]


def test_beside_an_eliot_with_older_tables_it_says_to_restart_it(beside: None) -> None:
    recorder = MigrationRecorder(connection)
    (newest,) = MigrationLoader(connection).graph.leaf_nodes("sessions_app")
    recorder.record_unapplied(*newest)
    said = io.StringIO()
    try:
        with pytest.raises(
            CommandError, match="another version of the database; restart it"
        ) as end:
            call_command("generate", "a lighthouse", "--json", stdout=said)
    finally:
        recorder.record_applied(*newest)
    assert end.value.returncode == 1
    assert "restart it" in json.loads(said.getvalue())["error"]


def test_it_follows_what_it_placed_to_the_end(beside: None) -> None:
    with ThreadPoolExecutor(1) as pool:
        result = in_background(pool, "a lighthouse", "--count", "2", "--wait", "--json")
        files = factories.finish(asked(2))
        text, code = result.result(60)
    found = json.loads(text.splitlines()[-1])
    assert code == 0
    assert [one["state"] for one in found["generations"]] == ["done", "done"]
    assert [one["path"] for one in found["generations"]] == [
        str(one.absolute_path) for one in files
    ]
    assert all(Path(one["path"]).is_absolute() for one in found["generations"])
    assert found["makespan_s"] >= 0
    assert {one["node"] for one in found["generations"]} == {"gpu-draft"}


def test_one_that_failed_makes_it_end_with_1(beside: None) -> None:
    with ThreadPoolExecutor(1) as pool:
        result = in_background(pool, "a lighthouse", "--count", "2", "--wait", "--json")
        good, bad = asked(2)
        factories.finish([good])
        factories.failed(bad)
        text, code = result.result(60)
    found = json.loads(text.splitlines()[-1])["generations"]
    assert code == 1
    assert [(one["state"], one["error"]) for one in found] == [
        ("done", None),
        ("failed", "The node ran out of memory."),
    ]
    assert found[1]["path"] is None


def test_what_waits_for_a_person_is_not_waited_for(
    beside: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eliot.launch.following.STUCK_S", 0.1)
    with ThreadPoolExecutor(1) as pool:
        result = in_background(pool, "a lighthouse", "--count", "1", "--wait", "--json")
        (one,) = asked(1)
        one.job.move("waiting", "No node has it.", reason="No node has it.")  # type: ignore[arg-type]
        text, code = result.result(60)
    (told,) = json.loads(text)["generations"]
    assert (code, told["state"], told["error"]) == (1, "waiting", "No node has it.")


def test_while_no_node_answers_it_says_what_it_waits_for_and_gives_up_in_the_end(
    beside: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eliot.launch.following.TELL_S", 0.1)
    monkeypatch.setattr("eliot.launch.following.PATIENCE_S", 1.0)
    GpuNode.objects.update(health=Health.OFFLINE)
    said, told = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError) as end:
        call_command("generate", "x", "--wait", "--json", "--count=1", stdout=said, stderr=told)
    names = "gpu-draft, gpu-premium, gpu-quality, gpu-standard"
    assert f"No node answers ({names}). Waiting; giving up in" in told.getvalue()
    found = json.loads(said.getvalue())
    assert [one["state"] for one in found["generations"]] == ["queued"]
    assert found["error"] == f"1 of 1 pictures were not made. No node answers ({names})."
    assert end.value.returncode == 1


def test_a_node_that_comes_back_in_time_is_waited_for(
    beside: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eliot.launch.following.PATIENCE_S", 5.0)
    GpuNode.objects.update(health=Health.OFFLINE)
    with ThreadPoolExecutor(1) as pool:
        result = in_background(pool, "a lighthouse", "--count", "1", "--wait", "--json")
        generations = asked(1)
        GpuNode.objects.update(health=Health.READY)
        factories.finish(generations)
        assert result.result(60)[1] == 0


def test_a_runner_that_never_gets_ready_is_waited_for_and_then_said(
    live_studio: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eliot.launch.stand_in.READY_S", 0.3)
    said = io.StringIO()
    with run_lock(), pytest.raises(CommandError, match="was not ready within") as end:
        call_command("generate", "a lighthouse", "--json", stdout=said)
    assert end.value.returncode == 1
    assert "was not ready" in json.loads(said.getvalue())["error"]


def test_demo_nodes_that_do_not_start_are_told_in_the_object(
    live_studio: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    GpuNode.objects.update(is_enabled=False)
    monkeypatch.setattr("eliot.launch.demo_farm.READY_S", 0.01)
    said = io.StringIO()
    with pytest.raises(CommandError, match="The demo nodes did not start") as end:
        call_command("generate", "a lighthouse", "--json", stdout=said, stderr=io.StringIO())
    assert end.value.returncode == 1
    assert "did not start" in json.loads(said.getvalue())["error"]


def test_what_nobody_foresaw_is_told_in_the_object_too(
    beside: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eliot.launch.stand_in.FIRST_LOOK_S", "soon")
    said = io.StringIO()
    with pytest.raises(TypeError):
        call_command("generate", "a lighthouse", "--json", stdout=said)
    assert json.loads(said.getvalue())["error"].startswith("TypeError: ")


def alone(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ELIOT_")}
    return subprocess.run(
        [sys.executable, "manage.py", "generate", *arguments, "--json"],
        env={**clean, "ELIOT_DATA": str(data)},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("arguments", [[""], ["x", "--steps", "1000"], ["x", "--family", "nobody"]])
def test_alone_bad_input_is_judged_before_any_node_starts(
    tmp_path: Path, arguments: list[str]
) -> None:
    ended = alone(tmp_path / "data", *arguments)
    assert ended.returncode == 2, ended.stderr
    assert json.loads(ended.stdout)["error"]
    assert not (tmp_path / "data" / "demo").exists()


def test_a_wrong_command_line_is_told_in_the_object(tmp_path: Path) -> None:
    ended = alone(tmp_path / "data", "x", "--nonsense")
    assert ended.returncode == 2
    assert json.loads(ended.stdout)["error"]


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_are_no_mistakes(tmp_path: Path, option: str) -> None:
    ended = alone(tmp_path / "data", "x", option)
    assert ended.returncode == 0
    assert "error" not in json.loads(ended.stdout.splitlines()[-1])


def test_ended_before_django_is_there_it_tells_its_object(tmp_path: Path) -> None:
    line = [sys.executable, "manage.py", "generate", "x", "--json"]
    data = environment(tmp_path / "data")
    with subprocess.Popen(line, cwd=settings.BASE_DIR, env=data, stdout=subprocess.PIPE) as early:
        wait_until(lambda: hears_sigterm(early.pid), 30)
        early.terminate()
        text = early.communicate(timeout=30)[0]
    assert json.loads(text.splitlines()[-1])["error"].startswith("Interrupted")
    assert early.returncode == 130


def hears_sigterm(pid: int) -> bool:
    """Ask the kernel whether a process has a handler of its own."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


@pytest.mark.drill
def test_what_a_stopped_eliot_leaves_is_rendered_by_whoever_waits_for_it(tmp_path: Path) -> None:
    with Household(tmp_path / "data") as house:
        house.start("--demo", "1")
        line = [sys.executable, "manage.py", "generate", "x", "--count=4", "--wait", "--json"]
        with subprocess.Popen(
            line,
            cwd=settings.BASE_DIR,
            env=environment(house.data),
            stdout=subprocess.PIPE,
            text=True,
        ) as waiting:
            wait_until(lambda: house.rows("select 1 from sessions_app_generation"), 30)
            house.stop()
            text = waiting.communicate(timeout=90)[0]
    found = json.loads(text.splitlines()[-1])
    assert [one["state"] for one in found["generations"]] == ["done"] * 4
    assert waiting.returncode == 0


@pytest.mark.drill
def test_asked_while_eliot_still_starts_it_waits_until_that_is_ready(tmp_path: Path) -> None:
    def asking() -> subprocess.CompletedProcess[str]:
        wait_until((house.data / "run.lock").exists, 30)
        return house.run("generate", "a lighthouse", "--count", "2", "--wait", "--json")

    with Household(tmp_path / "data") as house, ThreadPoolExecutor(1) as pool:
        result = pool.submit(asking)
        house.start("--demo", "2")
        ended = result.result()
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout.splitlines()[-1])
    assert [one["state"] for one in found["generations"]] == ["done", "done"]


def test_interrupted_just_after_the_commit_it_tells_what_was_placed(
    beside: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def place_and_be_interrupted(*args: Any, **facts: Any) -> Round:
        place_asked(*args, **facts)
        raise KeyboardInterrupt

    monkeypatch.setattr("eliot.management.commands.generate.place_asked", place_and_be_interrupted)
    said = io.StringIO()
    with pytest.raises(CommandError, match="Interrupted"):
        call_command("generate", "x", "--json", "--count=3", stdout=said)
    found = json.loads(said.getvalue().splitlines()[-1])
    assert len(found["generations"]) == 3
    assert found["session"] == WorkSession.objects.get().slug


@pytest.mark.drill
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_tells_the_states_as_they_are(tmp_path: Path, number: int) -> None:
    data = tmp_path / "data"
    line = [sys.executable, "manage.py", "generate", "x", "--count=50", "--steps=100", "--json"]
    with (
        deaf_no_more(),
        subprocess.Popen(
            line,
            cwd=settings.BASE_DIR,
            env=environment(data),
            stdout=subprocess.PIPE,
            text=True,
        ) as waiting,
    ):
        wait_until(lambda: generations_in(data) == 50, 60)
        waiting.send_signal(number)
        text = waiting.communicate(timeout=30)[0]
    found = json.loads(text.splitlines()[-1])
    assert len(found["generations"]) == 50
    assert found["error"].startswith("Interrupted")
    assert waiting.returncode == 130


def generations_in(data: Path) -> int:
    """Count what was asked for, from outside; nothing before there are tables."""
    try:
        return int(Household(data).rows("select count(*) from sessions_app_generation")[0][0])
    except sqlite3.OperationalError:
        return 0


@pytest.mark.drill
def test_alone_it_renders_by_itself_on_demo_nodes(tmp_path: Path) -> None:
    ended = alone(tmp_path / "data", "a lighthouse", "--count", "2")
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    assert [one["state"] for one in found["generations"]] == ["done", "done"]
    assert all(Path(one["path"]).is_file() for one in found["generations"])
    assert found["makespan_s"] > 0
