"""`manage.py dump_farm [FILE]`: the real nodes in the form that load_farm reads; works before the first start."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from farm_app.farm_file import dump_farm


class Command(BaseCommand):
    """Write the farm down."""

    help = "Writes the real nodes as YAML to a new file, or prints them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the file."""
        parser.add_argument("file", type=Path, nargs="?")

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate quietly, then print, or write without overwriting anything."""
        call_command("migrate", verbosity=0, interactive=False)
        text = dump_farm()
        path: Path | None = options["file"]
        if path is None:
            self.stdout.write(text)
            return
        try:
            with path.open("x", encoding="utf-8") as stream:
                stream.write(text)
        except FileExistsError as fault:
            raise CommandError(f"{path} exists; nothing was overwritten.", returncode=2) from fault
        except OSError as fault:
            raise CommandError(f"{path}: {fault.strerror}.", returncode=2) from fault
