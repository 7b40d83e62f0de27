"""The threads that draw: they step back for whoever waits."""

import os
import sys
import threading

import pytest

from farm_app.demo.workshop import DRAWING_NICE, Workshop


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has a priority for each thread")
def test_drawing_steps_back_and_nothing_else_does() -> None:
    workshop = Workshop()

    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    try:
        before = priority()
        assert workshop.draw.submit(priority).result() == DRAWING_NICE
        assert workshop.preview.submit(priority).result() == DRAWING_NICE
        assert workshop.files.submit(priority).result() == before
        assert priority() == before
    finally:
        workshop.close()
