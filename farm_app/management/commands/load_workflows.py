"""`manage.py load_workflows [DIR]`: workflow templates from a folder with a manifest.yaml."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from farm_app.seeding import SEEDED, BadWorkflow, seed_workflows


class Command(BaseCommand):
    """Load workflow templates."""

    help = "Loads workflow templates; run as often as you like, templates edited by hand are left alone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the folder."""
        parser.add_argument("folder", type=Path, nargs="?", default=SEEDED)

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate quietly, load, and say what was done."""
        call_command("migrate", verbosity=0, interactive=False)
        try:
            loaded = seed_workflows(options["folder"])
        except BadWorkflow as fault:
            raise CommandError(str(fault), returncode=2) from fault
        self.stdout.write(str(loaded))
