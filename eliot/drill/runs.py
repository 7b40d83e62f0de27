"""The two drills: the soak, and `kill -9` of a whole Eliot again and again in one large batch."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from eliot.drill.account import Account, Outcome, folder_of_drill, settle
from eliot.drill.monkey import Monkey
from eliot.drill.processes import READY_S, Node, Process, wait_until, whole_eliot, workers
from eliot.launch.preparing import prepare
from farm_app import health
from farm_app.models import GpuNode
from farm_app.timers import FACTOR

Say = Callable[[str], None]

# Seconds that each node needs for a picture: unequal, as cards are.
SECONDS: Final = (0.5, 0.8, 1.0, 1.6)
WORKERS: Final = 2
# What is left must end within this: longer than any lease and any pause between two tries.
REST_S: Final = 240.0 * max(FACTOR, 0.25)
BATCH: Final = 200
# So that a batch of 200 outlasts ten kills and starts.
SLOWER: Final = 8.0
FLAP_S: Final = 5.0


@contextmanager
def farm_of_four(folder: Path, *, slower: float = 1.0) -> Iterator[Sequence[Node]]:
    """Start the nodes and make their rows; end whatever is left of them."""
    nodes = [
        Node(f"node-{place}", folder, seconds * slower) for place, seconds in enumerate(SECONDS, 1)
    ]
    with ExitStack() as stack:
        for node in nodes:
            stack.callback(node.kill)
            node.start()
        for node in nodes:
            wait_until(node.answers, READY_S, f"{node.name} did not answer")
            facts = {"host": "127.0.0.1", "port": node.port, "vram_gb": 8, "capabilities": ["sd15"]}
            row = GpuNode.objects.create(slug=node.name, **facts)
            health.probe(row.pk)
        yield nodes


def soak(seconds: float, seed: int, say: Say) -> Outcome:
    """Let the monkey at nodes and workers for so long; then everything must come to its end.

    Raises:
        DrillFailed: It could not begin.
    """
    folder = folder_of_drill()
    prepare()
    with farm_of_four(folder) as nodes, ExitStack() as stack:
        eliot = [workers(number, folder) for number in range(1, WORKERS + 1)]
        for one in eliot:
            stack.callback(one.kill)
            one.start()
        account = Account()
        monkey = Monkey(seed, account, nodes, eliot)
        say(f"{seconds:.0f} s with the monkey (seed {seed})")
        monkey.run(seconds)
        say("the monkey has left; what is left comes to its end")
        _come_to_rest(account)
        for one in eliot:
            one.stop()
        outcome = Outcome("soak", seed, deeds=dict(monkey.deeds.most_common()))
        return settle(account, nodes, outcome)


def _come_to_rest(account: Account) -> None:
    """Wait until nothing is open; what the monkey has driven to a person is asked for once more."""
    deadline = time.monotonic() + REST_S
    while time.monotonic() < deadline:
        if not account.open() and not (account.stopped() and account.ask_again()):
            return
        time.sleep(0.2)


def kill_start(times: int, seed: int, say: Say, *, count: int = BATCH) -> Outcome:
    """Kill a whole Eliot so many times at random moments in one batch, while one of its nodes comes and goes.

    Raises:
        DrillFailed: It could not begin.
    """
    dice = random.Random(seed)  # noqa: S311 - the same each time, and no secret
    folder = folder_of_drill()
    prepare()
    with farm_of_four(folder, slower=SLOWER) as nodes, ExitStack() as stack:
        account = Account()
        account.ask(count)
        eliot = whole_eliot(folder)
        stack.callback(eliot.kill)
        flapping = _Flapping(nodes[1])
        for turn in range(1, times + 1):
            eliot.start()
            flapping.wait(dice.uniform(0.5, 9.0))
            eliot.kill()
            left = len(account.open())
            say(f"killed {turn} of {times} times; {left} of {count} are left")
        is_over = not account.open()
        eliot.start()
        deadline = time.monotonic() + REST_S + count
        while account.open() and time.monotonic() < deadline:
            flapping.wait(0.2)
        flapping.leave()
        _come_to_rest(account)
        eliot.stop()
        deeds = {"Eliot killed": times, "node killed": flapping.kills}
        outcome = settle(account, nodes, Outcome("kill-start", seed, deeds=deeds))
        if is_over:
            outcome.breaches.append("The batch was over before the last kill, so nothing is shown.")
        return outcome


class _Flapping:
    """A node that is there for five seconds and then away for five."""

    def __init__(self, node: Process) -> None:
        self.node = node
        self.kills = 0
        self._turn = time.monotonic() + FLAP_S

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if time.monotonic() >= self._turn:
                self._turn += FLAP_S
                self._flap()
            time.sleep(0.05)

    def _flap(self) -> None:
        if self.node.is_up:
            self.node.kill()
            self.kills += 1
        else:
            self.node.start()

    def leave(self) -> None:
        """Let it be there."""
        self.node.start()
