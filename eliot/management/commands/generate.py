"""`manage.py generate "PROMPT"`: pictures from the command line, beside a running Eliot or alone."""

import json
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from eliot.launch.demo_farm import DemoFarmFailed
from eliot.launch.early import NOTHING
from eliot.launch.following import report, wait_for
from eliot.launch.stand_in import NotReady, StandIn, wait_for_first_looks
from eliot.policy import local_owner
from farm_app import families
from farm_app.models.states import JobState
from farm_app.seeding import BadWorkflow
from sessions_app.forms import AskForm, family_values, starting_values
from sessions_app.models import Round, WorkSession
from sessions_app.order import CannotPlace
from sessions_app.placing import order_from_form, place_asked
from sessions_app.table import Table, families_of_farm

# What ends it with a sentence and no traceback.
FORESEEN: Final = (DemoFarmFailed, BadWorkflow, NotReady, KeyboardInterrupt)


class Command(BaseCommand):
    """Generate pictures."""

    help = "Asks for pictures: beside a running Eliot it places them, alone it renders them itself."
    requires_system_checks = ()  # they run once, when the tables are there
    _session: WorkSession | None = None
    _placed: Round | None = None
    _has_told = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what the form of the session page asks, with the same limits."""
        parser.add_argument("prompt")
        parser.add_argument("--negative", default="")
        parser.add_argument("--count", default="20")
        parser.add_argument("--family", default="sd15")
        for name in ("width", "height", "steps", "seed", "cfg"):
            parser.add_argument(f"--{name}")
        parser.add_argument("--wait", action="store_true", help="Follow them to the end.")
        parser.add_argument(
            "--json", action="store_true", help="Print one JSON object as the last line."
        )

    def run_from_argv(self, argv: list[str]) -> None:
        """Run from the command line: wrong usage, too, is told in the object."""
        try:
            super().run_from_argv(argv)
        except SystemExit as end:  # --help and --version end this way, too, with 0
            if "--json" in argv and not self._has_told:
                wrong = "The command line is wrong; stderr says how."
                self._tell(wrong if end.code else "", as_json=True)
            raise

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run, and tell in the end what was asked for, however it ended."""
        fault = ""
        try:
            super().execute(*args, **options)
        except BaseException as found:
            fault = _sentence(found)
            if isinstance(found, FORESEEN):
                code = 130 if isinstance(found, KeyboardInterrupt) else 1
                raise CommandError(fault, returncode=code) from found
            raise
        finally:
            self._tell(fault, as_json=options["json"])
        return None

    def handle(self, *args: Any, **options: Any) -> None:
        """Place, and wait when asked to or when nobody else would render."""
        with StandIn(self.stderr.write) as stand_in:
            stand_in.find_place()
            if not stand_in.is_on:
                _require_same_tables()
            self._judge(options)
            if stand_in.is_on:
                stand_in.render()
            else:
                wait_for_first_looks()
            self._placed = self._place(options)
            if options["wait"] or stand_in.is_on:
                self._wait(self._placed, stand_in)

    def _wait(self, placed: Round, stand_in: StandIn) -> None:
        """Wait for all of it.

        Raises:
            CommandError: Some of it was not made.
        """
        given_up = wait_for(placed, self.stderr.write, stand_in.step_in)
        states = list(placed.generations.values_list("job__state", flat=True))
        missing = len(states) - states.count(JobState.DONE)
        if missing:
            said = f"{missing} of {len(states)} pictures were not made. {given_up}"
            raise CommandError(said.strip(), returncode=1)

    def _judge(self, options: dict[str, Any]) -> None:
        """Refuse what no farm would take, before nodes are started for it."""
        if options["family"] not in families.FAMILIES:
            known = ", ".join(families.FAMILIES)
            raise CommandError(f"--family: {options['family']!r} is none of {known}.", returncode=2)
        self._form(_new_session(), options, have=frozenset(families.FAMILIES))

    def _place(self, options: dict[str, Any]) -> Round:
        form = self._form(_new_session(), options, have=families_of_farm())
        session = form.session = self._session = WorkSession.begin(owner=local_owner())
        table = Table(session, 0)
        try:
            return place_asked(session, order_from_form(form, table), form, owner=session.owner)
        except CannotPlace as fault:
            session.delete()
            raise CommandError(f"{fault.sentence} {fault.fix}".strip(), returncode=2) from fault

    def _form(
        self, session: WorkSession, options: dict[str, Any], *, have: frozenset[str]
    ) -> AskForm:
        """Return the filled form of the session page.

        Raises:
            CommandError: Something in it is wrong.
        """
        asked = {
            name: options[name]
            for name in ("width", "height", "steps", "seed", "cfg")
            if options[name]
        }
        start = starting_values(session, 0)
        if options["family"] != start["family"]:
            start |= family_values(options["family"]) | {
                "steps": families.FAMILIES[options["family"]].steps
            }
        words = {
            "prompt": options["prompt"],
            "negative": options["negative"],
            "count": options["count"],
        }
        form = AskForm({**start, **asked, **words}, session=session, stage=0, have=have)
        if not form.is_valid():
            raise CommandError("\n".join(_faults(form)), returncode=2)
        return form

    def _tell(self, fault: str, *, as_json: bool) -> None:
        """Print what became of it: the only thing that this command writes to stdout."""
        self._has_told = True
        found = self._found()
        if as_json:
            self.stdout.write(json.dumps({**found, "error": fault} if fault else found))
        elif found["session"] is not None:
            self.stdout.write(f"Session {found['session']}")
            for one in found["generations"]:
                said = one["path"] or one["error"] or ""
                self.stdout.write(f"  {one['state']:<10} {one['node'] or '':<14} {said}")

    def _found(self) -> dict[str, Any]:
        session = self._session
        if session is None or session.pk is None:
            return NOTHING
        try:
            # What ended this may have come between the commit and the thanks for it.
            placed = self._placed or session.rounds.first()
            return NOTHING if placed is None else report(placed)
        except DatabaseError:  # what ended it may be that very database
            return {**NOTHING, "session": session.slug}


def _require_same_tables() -> None:
    try:
        call_command("migrate", verbosity=0, interactive=False, check_unapplied=True)
    except SystemExit as end:
        raise CommandError(
            "The running Eliot has another version of the database; restart it.", returncode=1
        ) from end


def _new_session() -> WorkSession:
    return WorkSession(title="Untitled", flow="draft_grid")


def _faults(form: AskForm) -> list[str]:
    return [
        f"{'' if name == '__all__' else f'--{name}: '}{error}"
        for name, errors in form.errors.items()
        for error in errors
    ]


def _sentence(fault: BaseException) -> str:
    if isinstance(fault, KeyboardInterrupt):
        return "Interrupted; what was asked for stays in the queue."
    if isinstance(fault, (CommandError, *FORESEEN)):
        return str(fault)
    return f"{type(fault).__name__}: {fault}"
