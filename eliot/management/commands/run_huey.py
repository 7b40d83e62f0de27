"""`manage.py run_huey`: workers and the sweep without pages; where Eliot runs on many machines, several of these."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from eliot.launch.family import GRACE_S
from eliot.launch.memory import settle, share_arenas
from farm_app.workers import Workers


class Command(BaseCommand):
    """Work."""

    help = (
        "Runs worker threads and the sweep, without pages. Any of several may run any node; Ctrl+C or SIGTERM stops"
        " it within seconds, and what renders goes on and is taken up by another or by the next."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Work until told to stop."""
        share_arenas()
        told = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: told.set())
        workers = Workers()
        settle()
        workers.start()
        self._say("Eliot's workers are ready.")
        told.wait()
        workers.stop(grace_s=GRACE_S)
        self._say("Stopped: renders on nodes go on, and are taken up by the next.")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
