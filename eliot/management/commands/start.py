"""`manage.py start`: everything that Eliot needs on one machine, in one command."""

from argparse import ArgumentParser
from typing import Any

# Daphne must come before anything that imports a reactor.
import daphne.server  # noqa: F401
from django.core.management.base import BaseCommand, CommandError

from eliot.launch.demo_farm import DemoFarmFailed
from eliot.launch.family import Family, Wishes
from eliot.launch.run_lock import AlreadyRunning
from eliot.launch.serving import CannotListen


class Command(BaseCommand):
    """Start Eliot."""

    help = (
        "Starts Eliot on this machine: pages, workers, and a demo farm when no node is configured."
    )
    requires_system_checks = ()  # they run once, when the tables are there

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--host",
            default="127.0.0.1",
            help="Loopback address to listen on; 0.0.0.0 lets in programs with a token, too.",
        )
        parser.add_argument("--port", type=int, default=8000)
        demo = parser.add_mutually_exclusive_group()
        demo.add_argument(
            "--demo", type=int, metavar="N", help="Start N demo nodes, whatever is configured."
        )
        demo.add_argument("--no-demo", action="store_true", help="Start no demo nodes.")
        parser.add_argument(
            "--demo-speed", type=float, default=1.0, metavar="X", help="X times as fast."
        )
        parser.add_argument("--no-browser", action="store_true", help="Do not open a browser.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the family until it is stopped."""
        wishes = self._wishes(options)
        try:
            Family(wishes, self._say).run()
        except (AlreadyRunning, CannotListen, DemoFarmFailed) as fault:
            raise CommandError(str(fault), returncode=1) from fault

    def _wishes(self, options: dict[str, Any]) -> Wishes:
        demo = 0 if options["no_demo"] else options["demo"]
        if demo is not None and not 0 <= demo <= 20:
            raise CommandError("--demo takes a number from 0 to 20.", returncode=2)
        if not 0.01 <= options["demo_speed"] <= 1000:
            raise CommandError("--demo-speed takes a number from 0.01 to 1000.", returncode=2)
        if not 0 <= options["port"] <= 65535:
            raise CommandError("--port takes a number from 0 to 65535.", returncode=2)
        return Wishes(
            options["host"], options["port"], demo, options["demo_speed"], not options["no_browser"]
        )

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
