"""One runner per data folder: a lock that the kernel frees at any death, with the runner's address in it."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from django.conf import settings

# Longer than a look at the lock holds it.
LOOK_S: Final = 0.02


@dataclass(frozen=True)
class Runner:
    """Who runs on this data folder."""

    pid: int
    address: str = ""
    is_ready: bool = False
    """Whether tables and nodes are there, so that pictures may be asked for."""


class AlreadyRunning(Exception):
    """Another process has the lock."""

    def __init__(self, runner: Runner | None) -> None:
        """Keep who it is."""
        self.runner = runner
        where = runner.address if runner and runner.address else "another process"
        super().__init__(f"Eliot already runs here, at {where}.")


def _path() -> Path:
    return Path(settings.ELIOT_DATA) / "run.lock"


class RunLock:
    """The lock while it is held."""

    def __init__(self, handle: int) -> None:
        """Keep the open file whose lock it is."""
        self._handle = handle

    def say(self, address: str = "", *, is_ready: bool = True) -> None:
        """Write down how this runner stands and, for a second start to print, where it is reached."""
        os.ftruncate(self._handle, 0)
        text = json.dumps(asdict(Runner(os.getpid(), address, is_ready)))
        os.pwrite(self._handle, text.encode(), 0)

    def release(self) -> None:
        """Give it back."""
        os.ftruncate(self._handle, 0)
        os.close(self._handle)


@contextmanager
def run_lock() -> Iterator[RunLock]:
    """Hold this data folder's lock.

    Raises:
        AlreadyRunning: A living process has it.
    """
    handle = _locked()
    if handle is None:
        time.sleep(LOOK_S)  # somebody may only be looking
        handle = _locked()
    if handle is None:
        raise AlreadyRunning(_read())
    lock = RunLock(handle)
    lock.say(is_ready=False)
    try:
        yield lock
    finally:
        lock.release()


def is_anybody_running() -> bool:
    """Say whether a living process has the lock, by taking it for an instant."""
    handle = _locked()
    if handle is not None:
        os.close(handle)
    return handle is None


def _locked() -> int | None:
    """Return the lock's open file, or None when somebody else has the lock."""
    handle = os.open(_path(), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _read() -> Runner | None:
    try:
        return Runner(**json.loads(_path().read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
