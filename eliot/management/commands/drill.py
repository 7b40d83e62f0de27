"""`manage.py drill`: does Eliot keep its promises while everything around it fails? On a folder of its own."""

import json
import os
import random
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from eliot.drill.account import Outcome
from eliot.drill.noticing import notice
from eliot.drill.processes import DrillFailed
from eliot.drill.runs import kill_start, soak

LONGEST_MIN: Final = 24 * 60.0
MOST_TIMES: Final = 1000
# Drills that do something so many times.
COUNTED: Final = {"kill-start": "kill_start", "notice": "notice"}


class Command(BaseCommand):
    """Drill."""

    help = (
        "Lets a monkey kill, stop and cancel for some minutes while pictures are asked for, on demo nodes and a"
        " temporary folder; nothing of yours is touched. Ends with 0 when nothing was lost, doubled or stuck."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare which drill, and how long."""
        parser.add_argument("--minutes", type=float, default=10.0)
        parser.add_argument("--seed", type=int, help="The monkey does the same things again.")
        parser.add_argument(
            "--kill-start",
            type=int,
            metavar="N",
            help="Instead: kill a whole Eliot N times in a batch of 200, with one node that comes and goes.",
        )
        parser.add_argument(
            "--notice",
            type=int,
            metavar="N",
            help="Instead: kill and stop idle and working nodes, N times each, and take the time until Eliot knows.",
        )
        parser.add_argument("--json", action="store_true", help="One JSON object as the last line.")
        parser.add_argument("--inside", action="store_true", help="For the drill itself.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Drill in a folder of its own, which a second process has from its first moment."""
        _judge(options)
        if not options["inside"]:
            raise SystemExit(self._in_a_folder_of_its_own(options))
        try:
            outcome = _drilled(options, self.stderr.write)
        except DrillFailed as fault:
            raise CommandError(str(fault), returncode=1) from fault
        self._tell(outcome, as_json=options["json"])

    def _in_a_folder_of_its_own(self, options: dict[str, Any]) -> int:
        seed = options["seed"]
        seed = random.SystemRandom().randrange(10**6) if seed is None else seed
        which = [f"--{name}={options[key]}" for name, key in COUNTED.items() if options[key]]
        line = ["drill", "--inside", f"--minutes={options['minutes']}", f"--seed={seed}", *which]
        manage = str(settings.BASE_DIR / "manage.py")
        with tempfile.TemporaryDirectory(prefix="eliot-drill-") as folder:
            ended = subprocess.run(  # noqa: S603 - our own command
                [sys.executable, manage, *line, *(["--json"] if options["json"] else [])],
                env={"ELIOT_LOG_LEVEL": "WARNING", **os.environ, "ELIOT_DATA": folder},
                check=False,
            )
        return ended.returncode

    def _tell(self, outcome: Outcome, *, as_json: bool) -> None:
        missed = outcome.missed()
        if as_json:
            self.stdout.write(json.dumps({**asdict(outcome), "missed": missed}))
        else:
            for line in [*outcome.lines(), *(f"FAILED {one}" for one in missed)]:
                self.stdout.write(line)
        if missed:
            raise SystemExit(1)


def _drilled(options: dict[str, Any], say: Any) -> Outcome:
    if options["kill_start"]:
        return kill_start(options["kill_start"], options["seed"], say)
    if options["notice"]:
        return notice(options["notice"], options["seed"], say)
    return soak(options["minutes"] * 60, options["seed"], say)


def _judge(options: dict[str, Any]) -> None:
    if not 0 < options["minutes"] <= LONGEST_MIN:
        raise CommandError("--minutes takes a number above 0, at most a day's.", returncode=2)
    for name, key in COUNTED.items():
        count = options[key]
        if count is not None and not 0 < count <= MOST_TIMES:
            raise CommandError(f"--{name} takes a number from 1 to {MOST_TIMES}.", returncode=2)
