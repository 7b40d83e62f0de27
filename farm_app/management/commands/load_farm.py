"""`manage.py load_farm FILE`: nodes from a gpus.yaml; works before the first start."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from farm_app.farm_file import BadFarm, load_farm


class Command(BaseCommand):
    """Load a farm file."""

    help = "Adds or changes nodes from a YAML file; nothing is changed when a line of it is wrong."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the file."""
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate quietly, then load."""
        call_command("migrate", verbosity=0, interactive=False)
        try:
            loaded = load_farm(options["file"])
        except BadFarm as fault:
            raise CommandError(str(fault), returncode=2) from fault
        told = (
            ("added", loaded.added),
            ("changed", loaded.changed),
            ("unchanged", loaded.unchanged),
        )
        for word, names in told:
            if names:
                self.stdout.write(f"{len(names)} {word}: {', '.join(names)}")
        if loaded.switched_off:
            said = (
                "1 demo node" if loaded.switched_off == 1 else f"{loaded.switched_off} demo nodes"
            )
            self.stdout.write(f"{said} switched off")
        for warning in loaded.warnings:
            self.stderr.write(warning)
