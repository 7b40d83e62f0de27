"""The few threads that draw, shared by all demo nodes of a process."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from farm_app.demo.values import Painter

DRAWING_NICE: Final = 10
WARM_PX: Final = 512  # a draft: what is kept for the next picture depends on the size


def _step_back() -> None:
    """Let this thread compute when nobody else wants to: a GPU takes nothing from the machine that asks it.

    Linux alone has a priority for each thread.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), DRAWING_NICE)


def _hands() -> int:
    """Draw with half of the machine: the other half has to bring home what was drawn."""
    return max(1, (os.cpu_count() or 1) // 2)


class Workshop:
    """Separate small pools, so that saving and previews never wait behind a large drawing."""

    def __init__(self) -> None:
        """Make the pools; threads start with the first job."""
        self.draw = ThreadPoolExecutor(_hands(), "demo-draw", _step_back)
        self.preview = ThreadPoolExecutor(1, "demo-preview", _step_back)
        self.files = ThreadPoolExecutor(2, "demo-files")
        self._warm: set[int] = set()

    def warm_up(self, painter: Painter) -> None:
        """Let a painter draw once, aside: the first picture takes several times as long."""
        if id(painter) not in self._warm:
            self._warm.add(id(painter))
            self.draw.submit(painter.paint, "warm up", "", 0, WARM_PX, WARM_PX)

    def close(self) -> None:
        """Drop what waits; running jobs end by themselves."""
        for pool in (self.draw, self.preview, self.files):
            pool.shutdown(wait=False, cancel_futures=True)
