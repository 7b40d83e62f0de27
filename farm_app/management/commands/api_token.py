"""`manage.py api_token create NAME | list | revoke PREFIX`: tokens by which programs come in from elsewhere."""

from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from eliot.policy import local_owner
from farm_app.models import ApiToken
from farm_app.models.tokens import May, TooManyTokens

LONGEST_DAYS: Final = 3650


class Command(BaseCommand):
    """Make, list and revoke tokens."""

    help = "Tokens for the JSON API: `create NAME` shows a new one once, `list`, `revoke PREFIX`."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the three verbs."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="Make a token and print it, this once.")
        create.add_argument("name", help="Which program or machine will use it.")
        create.add_argument("--may", choices=May.values, default=May.ASK.value)
        create.add_argument("--days", type=int, help="It opens nothing after so many days.")
        verbs.add_parser("list", help="List all tokens, without their secrets.")
        revoke = verbs.add_parser("revoke", help="Let a token open nothing any more.")
        revoke.add_argument("prefix", help="The part after eliot_, as `list` tells it.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what the verb says; the tables are made if this is the first command."""
        call_command("migrate", verbosity=0, interactive=False)
        {"create": self._create, "list": self._list, "revoke": self._revoke}[options["verb"]](
            options
        )

    def _create(self, options: dict[str, Any]) -> None:
        name = options["name"].strip()
        if not 0 < len(name) <= 80 or not name.isprintable():
            raise CommandError("A name has 1 to 80 characters.", returncode=2)
        days = options["days"]
        if days is not None and not 0 < days <= LONGEST_DAYS:
            raise CommandError(f"--days takes a number from 1 to {LONGEST_DAYS}.", returncode=2)
        expires = timezone.now() + timedelta(days=days) if days else None
        try:
            row, token = ApiToken.objects.issue(
                name, owner_id=local_owner().pk, may=options["may"], expires=expires
            )
        except TooManyTokens as fault:
            raise CommandError(str(fault), returncode=1) from fault
        self.stderr.write(f"{row.name}: good for {row.may}. It is shown this once.")
        self.stdout.write(token)

    def _list(self, options: dict[str, Any]) -> None:
        for row in ApiToken.objects.select_related("owner"):
            used = f"used {_spelled(row.last_used)}" if row.last_used else "never used"
            ends = f", until {_spelled(row.expires)}" if row.expires else ""
            self.stdout.write(f"{row.prefix}  {row.standing}  {row.may}{ends}  {used}  {row.name}")

    def _revoke(self, options: dict[str, Any]) -> None:
        prefix = options["prefix"].removeprefix("eliot_").partition("_")[0]
        row = ApiToken.objects.filter(prefix=prefix).first()
        if row is None:
            raise CommandError(f"There is no token {prefix}.", returncode=2)
        row.revoke()
        self.stdout.write(f"{row.name} opens nothing any more.")


def _spelled(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M}"
