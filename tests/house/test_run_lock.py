"""One runner for each data folder: a second one is told where the first is, and death frees the lock."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from eliot.launch import run_lock as launch_lock
from eliot.launch.run_lock import AlreadyRunning, Runner, is_anybody_running, run_lock
from tests.farm.rig import wait_until

HOLD = """
import os, sys, time
from pathlib import Path
from django.conf import settings
settings.configure(ELIOT_DATA=Path(sys.argv[1]))
from eliot.launch.run_lock import run_lock
with run_lock() as lock:
    lock.say("http://127.0.0.1:8123/")
    print("held", flush=True)
    time.sleep(60)
"""


def running() -> Runner | None:
    """Return whom a second runner would be told of, or None when it would get the lock."""
    try:
        with run_lock():
            return None
    except AlreadyRunning as fault:
        return fault.runner or Runner(0)


def test_a_second_runner_is_refused_with_the_address_of_the_first(data: Path) -> None:
    with run_lock() as lock:
        lock.say("http://127.0.0.1:8000/")
        with pytest.raises(AlreadyRunning, match=r"at http://127\.0\.0\.1:8000/\."), run_lock():
            pass
        assert running() == Runner(os.getpid(), "http://127.0.0.1:8000/", is_ready=True)
    assert running() is None


def test_a_runner_that_has_no_address_yet_is_another_process(data: Path) -> None:
    with run_lock():
        with pytest.raises(AlreadyRunning, match="at another process"), run_lock():
            pass
        (data / "run.lock").write_text("{no json")
        assert running() == Runner(0)


def test_a_look_at_the_lock_takes_it_from_nobody_and_stops_nobody(data: Path) -> None:
    assert not is_anybody_running()
    with run_lock():
        assert is_anybody_running()
    assert not is_anybody_running()


def test_whoever_meets_a_look_takes_the_lock_after_it(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch_lock, "LOOK_S", 1.0)  # longer than a busy machine's timer is late
    looking = os.open(data / "run.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(looking, fcntl.LOCK_EX)
    threading.Timer(0.01, os.close, [looking]).start()
    with run_lock():
        assert is_anybody_running()


def test_what_an_earlier_runner_wrote_does_not_stop_the_next(data: Path) -> None:
    (data / "run.lock").write_text('{"pid": 1, "address": "http://127.0.0.1:8000/"}')
    assert running() is None
    with run_lock():
        assert running() == Runner(os.getpid(), "")


def test_the_lock_is_free_after_a_fault(data: Path) -> None:
    with pytest.raises(ZeroDivisionError), run_lock():
        _ = 1 / 0
    assert running() is None


def test_a_shorter_address_leaves_nothing_of_a_longer_one(data: Path) -> None:
    with run_lock() as lock:
        lock.say("http://127.0.0.1:8000/" + "x" * 100)
        lock.say("http://[::1]:80/")
        assert running() == Runner(os.getpid(), "http://[::1]:80/", is_ready=True)


@pytest.mark.drill
def test_death_frees_the_lock_at_once(data: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(data)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert running() == Runner(holder.pid, "http://127.0.0.1:8123/", is_ready=True)
        holder.send_signal(signal.SIGKILL)
    wait_until(lambda: running() is None)


def test_a_second_start_prints_the_address_of_the_first_and_ends_with_1(data: Path) -> None:
    with run_lock() as lock:
        lock.say("http://127.0.0.1:8000/")
        with pytest.raises(CommandError, match=r"http://127\.0\.0\.1:8000/") as fault:
            call_command("start", port=0, no_demo=True)
    assert fault.value.returncode == 1


@pytest.mark.parametrize(
    "wish",
    [{"demo": -1}, {"demo": 21}, {"demo_speed": 0.0}, {"demo_speed": 1e9}, {"port": 65536}],
)
def test_a_start_with_a_wrong_wish_ends_with_2(data: Path, wish: dict[str, float]) -> None:
    with pytest.raises(CommandError) as fault:
        call_command("start", **wish)
    assert fault.value.returncode == 2
    assert running() is None
