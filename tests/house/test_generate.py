"""`manage.py generate`: beside a running Eliot it places, alone it renders."""

import io
import json
import os
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
from django.db.migrations.recorder import MigrationRecorder

from eliot.launch.run_lock import run_lock
from farm_app.models import Job, JobGroup
from sessions_app.models import Generation, Round, WorkSession
from tests import factories
from tests.farm.rig import wait_until

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
        except SystemExit as end:
            return said.getvalue(), int(str(end.code))
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
    recorder.record_unapplied("sessions_app", "0001_initial")
    said = io.StringIO()
    try:
        with pytest.raises(
            CommandError, match="another version of the database; restart it"
        ) as end:
            call_command("generate", "a lighthouse", "--json", stdout=said)
    finally:
        recorder.record_applied("sessions_app", "0001_initial")
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


@pytest.mark.drill
def test_alone_it_renders_by_itself_on_demo_nodes(tmp_path: Path) -> None:
    ended = alone(tmp_path / "data", "a lighthouse", "--count", "2")
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    assert [one["state"] for one in found["generations"]] == ["done", "done"]
    assert all(Path(one["path"]).is_file() for one in found["generations"])
    assert found["makespan_s"] > 0
