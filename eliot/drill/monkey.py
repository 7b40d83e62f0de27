"""The monkey: at random moments it kills, stops and starts nodes and workers, spoils answers, cancels and asks again."""

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from django.db import OperationalError

from eliot.drill.account import Account
from eliot.drill.processes import Node, Process

# Seconds between two deeds, in the mean.
PACE_S: Final = 2.0
MOST_OPEN: Final = 24


def _answer(
    path: str, do: Mapping[str, Any], method: str = "POST", count: int = 1
) -> Mapping[str, Any]:
    return {"on": {"method": method, "path": path}, "do": do, "count": count}


def _event(event: str, do: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"on": {"event": event}, "do": do, "count": 1}


FAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "answer lost": _answer("/prompt", {"accept": True, "then": {"drop_response": True}}),
    "prompt refused": _answer("/prompt", {"status": 503}, count=2),
    "connection reset": _answer("/prompt", {"reset": True}),
    "picture cut": _answer("/view", {"truncate": 0.5}, method="GET"),
    "picture late": _answer("/view", {"latency_ms": 1500}, method="GET", count=3),
    "history late": _answer("/history/*", {"json": {}}, method="GET", count=2),
    "sockets cut": _event("progress", {"close_sockets": True}),
    "memory out": _event("progress", {"oom": True}),
    "node raises": _event("progress", {"raise": {"type": "RuntimeError", "message": "no"}}),
    "interrupted": _event("progress", {"interrupt": True}),
    "end untold": _event("execution_success", {"drop": True}),
}


class Monkey:
    """Does one thing after the other; what it stops or kills it also brings back."""

    def __init__(
        self, seed: int, account: Account, nodes: Sequence[Node], eliot: Sequence[Process]
    ) -> None:
        """Get to know what there is."""
        self.dice = random.Random(seed)  # noqa: S311 - the same each time, and no secret
        self.account = account
        self.nodes = nodes
        self.eliot = eliot
        self.deeds: Counter[str] = Counter()
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._tricks: tuple[tuple[int, Callable[[], str]], ...] = (
            (4, self._kill_node),
            (3, self._stall_node),
            (5, self._spoil),
            (2, self._kill_workers),
            (1, self._stall_workers),
            (3, self._cancel_some),
            (2, self._ask_again),
        )

    def run(self, seconds: float) -> None:
        """Be at it for so long, while more and more pictures are asked for."""
        end = time.monotonic() + seconds
        due = 0.0
        while (now := time.monotonic()) < end:
            self._bring_back(now)
            try:
                if len(self.account.open()) < MOST_OPEN // 2:
                    self.account.ask(self.dice.randint(1, MOST_OPEN // 2))
                if now >= due:
                    due = now + self.dice.expovariate(1 / PACE_S)
                    self._do_one()
            except OperationalError:
                # Workers that were stopped while they wrote: SQLite waits for them, and so do we.
                self.deeds["database held"] += 1
            time.sleep(0.1)
        self.leave()

    def leave(self) -> None:
        """Bring everything back and behave."""
        self._bring_back(float("inf"))
        for process in (*self.nodes, *self.eliot):
            if process.is_asleep:
                process.wake()
            process.start()
        for node in self.nodes:
            node.misbehave()

    def _do_one(self) -> None:
        weights, tricks = zip(*self._tricks, strict=True)
        (trick,) = self.dice.choices(tricks, weights)
        self.deeds[trick()] += 1

    def _bring_back(self, now: float) -> None:
        due = [one for one in self._later if one[0] <= now]
        self._later = [one for one in self._later if one[0] > now]
        for _, back in due:
            back()

    def _in(self, least_s: float, most_s: float, back: Callable[[], None]) -> None:
        self._later.append((time.monotonic() + self.dice.uniform(least_s, most_s), back))

    def _awake(self, processes: Sequence[Process]) -> Sequence[Process]:
        return [one for one in processes if one.is_up and not one.is_asleep]

    def _kill_node(self) -> str:
        return self._kill(self.nodes, 1, 8, "node killed")

    def _kill_workers(self) -> str:
        return self._kill(self.eliot, 0, 3, "workers killed")

    def _kill(self, processes: Sequence[Process], least_s: float, most_s: float, said: str) -> str:
        awake = self._awake(processes)
        if not awake:
            return "nothing"
        victim = self.dice.choice(awake)
        victim.kill()
        self._in(least_s, most_s, victim.start)
        return said

    def _stall_node(self) -> str:
        return self._stall(self.nodes, 1, 12, "node stopped")

    def _stall_workers(self) -> str:
        """Now and then for longer than a lease."""
        return self._stall(self.eliot, 1, 40, "workers stopped")

    def _stall(self, processes: Sequence[Process], least_s: float, most_s: float, said: str) -> str:
        awake = self._awake(processes)
        if len(awake) < 2:
            return "nothing"
        victim = self.dice.choice(awake)
        victim.sleep()
        self._in(least_s, most_s, victim.wake)
        return said

    def _spoil(self) -> str:
        name = self.dice.choice(sorted(FAULTS))
        awake = [node for node in self.nodes if node.is_up and not node.is_asleep]
        if not awake:
            return "nothing"
        self.dice.choice(awake).misbehave(FAULTS[name])
        return name

    def _cancel_some(self) -> str:
        there = self.account.open()
        some = self.dice.sample(there, min(len(there), self.dice.randint(1, 4)))
        self.account.cancel(some)
        return "cancelled"

    def _ask_again(self) -> str:
        self.account.ask_again()
        return "asked again"
