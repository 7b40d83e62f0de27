"""A step of Eliot that is killed on its way, in a child of this process."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import connections

from eliot import failpoints
from gallery_app import intake


def killed_at(point: str, act: Callable[[], object]) -> None:
    """Do it in a child that is killed at this failpoint; see that it was."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(20)
            intake._drawing = ThreadPoolExecutor(1)  # threads do not come along into a fork
            failpoints.arm(f"{point}=kill9")
            act()
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"{point} was not passed"
    assert os.WTERMSIG(status) == signal.SIGKILL
