"""The drill of noticing: how long until Eliot knows that a node died or hangs, idle or at work, at true time."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Final

from eliot.drill.account import Account, Outcome, folder_of_drill, settle
from eliot.drill.processes import Node, wait_until, workers
from eliot.drill.runs import REST_S, SLOWER, Say, farm_of_four
from eliot.launch.preparing import prepare
from farm_app.models import Attempt, GpuNode
from farm_app.models.nodes import Health
from farm_app.models.states import AttemptState

NOTICED_S: Final = 3.0
"""The promise: by then the node's row says that something is wrong."""
LONGEST_S: Final = 60.0
PICTURES: Final = 24

Deed = Callable[[Node], None]
WAYS: Final[Sequence[tuple[str, bool, Deed, Deed]]] = (
    ("idle, killed", False, Node.kill, Node.start),
    ("idle, hung", False, Node.sleep, Node.wake),
    ("at work, killed", True, Node.kill, Node.start),
    ("at work, hung", True, Node.sleep, Node.wake),
)


def notice(turns: int, seed: int, say: Say) -> Outcome:
    """Kill and stop nodes at random moments, so many times in each way, and take the time until that is known.

    Raises:
        DrillFailed: It could not begin, or a fault was never noticed.
    """
    dice = random.Random(seed)  # noqa: S311 - the same each time, and no secret
    folder = folder_of_drill()
    prepare()
    with farm_of_four(folder, slower=SLOWER) as nodes, ExitStack() as stack:
        eliot = workers(1, folder)
        stack.callback(eliot.kill)
        eliot.start()
        account = Account()
        outcome = Outcome("notice", seed)
        for way, took_s in _all_turns(turns, nodes, account, dice):
            say(f"{way}: noticed in {took_s:.2f} s")
            outcome.noticed_s.setdefault(way, []).append(round(took_s, 3))
        eliot.stop()
        outcome = settle(account, nodes, outcome)
        late = ((way, max(times)) for way, times in outcome.noticed_s.items())
        outcome.breaches += [
            f"{way}: noticed in {took_s:.2f} s, which is more than {NOTICED_S:g} s."
            for way, took_s in late
            if took_s > NOTICED_S
        ]
        return outcome


def _all_turns(
    turns: int, nodes: Sequence[Node], account: Account, dice: random.Random
) -> Iterator[tuple[str, float]]:
    for _ in range(turns):
        for way, is_at_work, harm, mend in WAYS:
            wait_until(_are_well, LONGEST_S, "the nodes were not well")
            victim = dice.choice(nodes)
            if is_at_work:
                account.ask(PICTURES)
                wait_until(partial(_draws, victim), LONGEST_S, f"{victim.name} got nothing")
            time.sleep(dice.uniform(0.2, 2.5))
            began = time.monotonic()
            harm(victim)
            wait_until(partial(_is_ill, victim), LONGEST_S, f"{way}: not noticed")
            yield way, time.monotonic() - began
            mend(victim)
            account.cancel(account.open())
            wait_until(lambda: not account.open(), REST_S, "what was cancelled did not end")


def _are_well() -> bool:
    return not GpuNode.objects.exclude(health=Health.READY).exists()


def _is_ill(node: Node) -> bool:
    return GpuNode.objects.get(slug=node.name).health != Health.READY


def _draws(node: Node) -> bool:
    running = Attempt.objects.filter(state=AttemptState.RUNNING, node__slug=node.name)
    return running.exists()
