"""The family of processes on one machine: this one (pages and worker threads) and the demo farm's child."""

import logging
import sys
import threading
import webbrowser
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from django.db import DatabaseError

from eliot.launch import demo_farm
from eliot.launch.memory import settle, share_arenas
from eliot.launch.preparing import collect_static, prepare, warm_up
from eliot.launch.run_lock import RunLock, run_lock
from eliot.launch.serving import EVERYWHERE, open_socket, serve
from farm_app.found import look_on_this_machine
from farm_app.giving_way import note_wish
from farm_app.models import ApiToken, GpuNode
from farm_app.workers import Workers

logger = logging.getLogger(__name__)

USUAL_DEMO: Final = 4
# Workers get this long to bring home what is nearly there; all of a stop takes less than ten seconds.
GRACE_S: Final = 4.0


@dataclass(frozen=True)
class Wishes:
    """What the command line asks for; ``demo`` None means: demo nodes if no real node is configured."""

    host: str = "127.0.0.1"
    port: int = 8000
    demo: int | None = None
    demo_speed: float = 1.0
    browser: bool = False
    offers: bool = True
    """Whether there is a page to offer a found ComfyUI on, in the place of demo nodes."""


class Family:
    """Everything that runs on one machine."""

    def __init__(self, wishes: Wishes, say: Callable[[str], None]) -> None:
        """Prepare; ``say`` prints one line for the person at the terminal."""
        self.wishes = wishes
        self.say = say

    def run(self) -> None:
        """Start everything, serve until told to stop, and end cleanly.

        Raises:
            AlreadyRunning: Another Eliot has this data folder.
            CannotListen: The address cannot be used.
            DemoFarmFailed: The demo nodes did not start.
        """
        share_arenas()
        with ExitStack() as stack:
            lock = stack.enter_context(run_lock())
            is_for_programs = self.wishes.host == EVERYWHERE and _are_there_tokens()
            listener = open_socket(self.wishes.host, self.wishes.port, has_tokens=is_for_programs)
            stack.callback(listener.close)
            prepare()
            collect_static()
            warm_up()
            farm = start_farm(self.wishes, self.say)
            if farm is not None:
                stack.callback(farm.stop)
            workers = Workers()
            stack.callback(self._stop_workers, workers)
            port = listener.getsockname()[1]
            serve(listener, lambda: self._ready(workers, lock, port))
            self.say("Stopping: renders on nodes go on, and are taken up at the next start.")

    def _ready(self, workers: Workers, lock: RunLock, port: int) -> None:
        address = f"http://{_own_name(self.wishes.host)}:{port}/"
        lock.say(address)
        settle()
        workers.start()
        self.say(f"Eliot is ready at {address}")
        if self.wishes.host == EVERYWHERE:
            self.say(f"Programs with a token reach the API on port {port} from elsewhere, too.")
        if self.wishes.browser and sys.stdout.isatty():
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    @staticmethod
    def _stop_workers(workers: Workers) -> None:
        workers.stop(grace_s=GRACE_S)


def _own_name(host: str) -> str:
    """Return under what name this machine asks for pages."""
    name = "127.0.0.1" if host == EVERYWHERE else host
    return f"[{name}]" if ":" in name else name


def _are_there_tokens() -> bool:
    try:
        return ApiToken.objects.live().exists()
    except DatabaseError:  # before the first start there are no tables
        return False


def start_farm(wishes: Wishes, say: Callable[[str], None]) -> demo_farm.DemoFarm | None:
    """Start demo nodes if they are wished for, or if there is nothing else to render on.

    A ComfyUI on this machine's usual port is offered instead, never taken without being asked for.
    """
    found = look_on_this_machine()  # at every start: what an earlier one noted may be gone
    count = _demo_count(wishes, found, say)
    note_wish(is_asked_for=bool(wishes.demo))
    if not count:
        demo_farm.switch_off()
        return None
    farm = demo_farm.DemoFarm(count, wishes.demo_speed)
    farm.start()
    demo_farm.register(farm.specs)
    draw = "node draws" if count == 1 else "nodes draw"
    say(f"Demo farm: {count} pretend {draw} labelled pictures.")
    return farm


def _demo_count(wishes: Wishes, found: str | None, say: Callable[[str], None]) -> int:
    if wishes.demo is not None:
        return wishes.demo
    if GpuNode.objects.filter(is_demo=False, is_enabled=True).exists():
        return 0
    if found is not None and wishes.offers:
        say(
            f"A ComfyUI answers at {found}: add it on the page that opens, or with `manage.py load_farm`."
        )
        return 0
    return USUAL_DEMO
