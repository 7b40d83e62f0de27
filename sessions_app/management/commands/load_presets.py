"""`manage.py load_presets [--dry-run]`: shipped films and looks as rows."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, ProgrammingError

from sessions_app.seeding import seed_presets


class Command(BaseCommand):
    """Load films and looks."""

    help = "Loads the shipped films and looks; run as often as you like, those edited by hand are left alone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the rehearsal."""
        parser.add_argument(
            "--dry-run", action="store_true", help="Write nothing, and say what would be done."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate quietly, load, and say what was done."""
        if not options["dry_run"]:
            call_command("migrate", verbosity=0, interactive=False)
        try:
            loaded = seed_presets(is_dry=options["dry_run"])
        except (OperationalError, ProgrammingError) as fault:  # a rehearsal makes no tables
            msg = f"The database is of another version ({fault}). Without --dry-run its tables are made."
            raise CommandError(msg) from fault
        self.stdout.write(str(loaded))
        for said, keys in (
            ("Edited by hand or your own", loaded.kept),
            ("No longer shipped", loaded.gone),
        ):
            if keys:
                self.stdout.write(f"{said}: {', '.join(sorted(keys))}")
