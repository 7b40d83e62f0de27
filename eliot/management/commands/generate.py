"""`manage.py generate "PROMPT"`: pictures from the command line, beside a running Eliot or alone."""

import json
from argparse import ArgumentParser
from contextlib import ExitStack
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from eliot.launch.family import GRACE_S, Wishes, start_farm
from eliot.launch.following import report, wait_for
from eliot.launch.preparing import prepare
from eliot.launch.run_lock import AlreadyRunning, run_lock
from eliot.policy import local_owner
from farm_app import families, health
from farm_app.models import GpuNode
from farm_app.models.states import JobState
from farm_app.workers import Workers
from sessions_app.forms import AskForm, family_values, starting_values
from sessions_app.models import Round, WorkSession
from sessions_app.order import CannotPlace
from sessions_app.placing import order_from_form, place_asked
from sessions_app.table import Table, families_of_farm


class Command(BaseCommand):
    """Generate pictures."""

    help = "Asks for pictures: beside a running Eliot it places them, alone it renders them itself."

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

    def handle(self, *args: Any, **options: Any) -> None:
        """Generate; bad input is said on stderr, and with --json also in the one object that is printed."""
        try:
            self._generate(options)
        except CommandError as fault:
            if options["json"]:
                nothing: dict[str, Any] = {"session": None, "makespan_s": None, "generations": []}
                self.stdout.write(json.dumps({**nothing, "error": str(fault)}))
            raise

    def _generate(self, options: dict[str, Any]) -> None:
        """Place, and wait when asked to or when nobody else would render."""
        with ExitStack() as stack:
            is_alone = _is_alone(stack)
            if is_alone:
                prepare()
            else:
                _require_same_tables()
            self._judge(options)
            if is_alone:
                self._start(stack)
            placed = self._place(options)
            if options["wait"] or is_alone:
                wait_for(placed)
            found = report(placed)
        self._print(found, as_json=options["json"])
        states = {one["state"] for one in found["generations"]}
        if (options["wait"] or is_alone) and states != {JobState.DONE}:
            raise SystemExit(1)

    def _judge(self, options: dict[str, Any]) -> None:
        """Refuse what no farm would take, before nodes are started for it."""
        if options["family"] not in families.FAMILIES:
            known = ", ".join(families.FAMILIES)
            raise CommandError(f"--family: {options['family']!r} is none of {known}.", returncode=2)
        self._form(_new_session(), options, have=frozenset(families.FAMILIES))

    def _start(self, stack: ExitStack) -> None:
        """Start what renders here: demo nodes if there are no others, and workers."""
        farm = start_farm(Wishes(), self.stderr.write)
        if farm is not None:
            stack.callback(farm.stop)
        for node in GpuNode.objects.enabled():
            health.probe(node.pk)
        workers = Workers()
        workers.start()
        stack.callback(lambda: workers.stop(grace_s=GRACE_S))

    def _place(self, options: dict[str, Any]) -> Round:
        form = self._form(_new_session(), options, have=families_of_farm())
        session = form.session = WorkSession.begin(owner=local_owner())
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

    def _print(self, found: dict[str, Any], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(found))
            return
        self.stdout.write(f"Session {found['session']}")
        for one in found["generations"]:
            said = one["path"] or one["error"] or ""
            self.stdout.write(f"  {one['state']:<10} {one['node'] or '':<14} {said}")


def _is_alone(stack: ExitStack) -> bool:
    """Take the run lock; say whether nobody else has it, so that this process renders."""
    try:
        stack.enter_context(run_lock())
    except AlreadyRunning:
        return False
    return True


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
