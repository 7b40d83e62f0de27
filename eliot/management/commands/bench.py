"""`manage.py bench live|farm|queue|cinema`: figures of what Eliot is for, printed beside what is promised."""

import json
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

from django.core.management.base import BaseCommand, CommandError

from eliot.bench import cinema, farm, live, queue
from eliot.bench.process import BenchFailed


class Outcome(Protocol):
    """What a bench has measured."""

    def lines(self) -> Iterable[str]:
        """Return it for people."""

    def missed(self) -> list[str]:
        """Return, in sentences, which targets were missed."""

    def as_json(self) -> str:
        """Return it for programs, in one line."""


BENCHES: Final[Mapping[str, Callable[[Callable[[str], None]], Outcome]]] = {
    "cinema": cinema.measure,
    "farm": farm.measure,
    "live": live.measure,
    "queue": queue.measure,
}


class Command(BaseCommand):
    """Measure."""

    help = (
        "Measures Eliot on this machine. `live`: twenty drafts on the demo farm while a browser watches. "
        "`farm`: the planner beside other ways of sharing work out, and beside the optimum. "
        "`queue`: plan and pages with ten thousand jobs queued. "
        "`cinema`: choices, checks and prompts over all presets and targets."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare which bench, and how to print."""
        parser.add_argument("bench", choices=sorted(BENCHES))
        parser.add_argument("--json", action="store_true", help="One JSON object as the last line.")
        parser.add_argument("--check", action="store_true", help="Exit 1 when a target is missed.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Measure, print, and fail when asked to."""
        try:
            outcome = BENCHES[options["bench"]](self.stderr.write)
        except BenchFailed as fault:
            if options["json"]:
                self.stdout.write(json.dumps({"error": str(fault)}))
            raise CommandError(str(fault), returncode=1) from fault
        missed = outcome.missed()
        if options["json"]:
            self.stdout.write(outcome.as_json())
        else:
            for line in outcome.lines():
                self.stdout.write(line)
        for one in missed:
            (self.stderr if options["json"] else self.stdout).write(f"MISSED {one}")
        if options["check"] and missed:
            raise SystemExit(1)
