"""`manage.py bench live`: figures of the main job, printed beside what is promised."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from eliot.bench import live
from eliot.bench.figures import TARGETS, as_json, missed
from eliot.bench.process import BenchFailed


class Command(BaseCommand):
    """Measure."""

    help = "Measures Eliot on this machine. `live`: twenty drafts on the demo farm while a browser watches."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare which bench, and how to print."""
        parser.add_argument("bench", choices=["live"])
        parser.add_argument("--json", action="store_true", help="One JSON object as the last line.")
        parser.add_argument("--check", action="store_true", help="Exit 1 when a target is missed.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Measure, print, and fail when asked to."""
        try:
            figures = live.measure(self.stderr.write)
        except BenchFailed as fault:
            if options["json"]:
                self.stdout.write(json.dumps({"error": str(fault)}))
            raise CommandError(str(fault), returncode=1) from fault
        summary = figures.summary()
        over = missed(summary)
        if options["json"]:
            self.stdout.write(as_json(figures))
        else:
            self._print(summary, over)
        if options["check"] and over:
            raise SystemExit(1)

    def _print(self, summary: dict[str, Any], over: list[str]) -> None:
        for name, value in summary.items():
            target = TARGETS.get(name)
            said = f"target {target:g}" if target else ""
            if isinstance(value, dict):
                self.stdout.write(
                    f"{name:<18} p50 {value['p50']}  p95 {value['p95']}  n {value['n']}  {said}"
                )
            else:
                self.stdout.write(f"{name:<18} {value}  {said}")
        for line in over:
            self.stdout.write(f"MISSED {line}")
