"""Whether this process is about to stop: then nothing new is claimed, and whoever follows a render lets go of it."""

import threading
from typing import Final

_stopping: Final = threading.Event()


class Stopping(Exception):
    """This process stops: what renders on a node goes on there and is taken up at the next start."""


def stop() -> None:
    """Claim nothing more in this process."""
    _stopping.set()


def resume() -> None:
    """Claim again, after `stop`."""
    _stopping.clear()


def is_stopping() -> bool:
    """Say whether it stops."""
    return _stopping.is_set()


def check() -> None:
    """Let go here if it stops.

    Raises:
        Stopping: It does.
    """
    if _stopping.is_set():
        raise Stopping


def pause(seconds: float) -> None:
    """Sleep, unless it stops.

    Raises:
        Stopping: It does.
    """
    if _stopping.wait(seconds):
        raise Stopping
