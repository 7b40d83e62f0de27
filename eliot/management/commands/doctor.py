"""`manage.py doctor`: is everything as it must be, in the database and on the disk? Repairs only when told to."""

import json
from argparse import ArgumentParser
from dataclasses import dataclass, field
from itertools import groupby, islice
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from eliot.launch.run_lock import is_anybody_running
from eliot.live import patient_database
from eliot.management import database
from eliot.soundness import Breach, Check, Look, run, run_surely
from farm_app import invariants as farm
from farm_app.models import Job
from gallery_app.failures import GalleryError
from gallery_app.models import Library
from gallery_app.soundness import untracked
from sessions_app import invariants as sessions

CHECKS: Final[tuple[Check, ...]] = (*sessions.CHECKS, *farm.ALL)
NAMES: Final = {
    "DB": "the database file",
    "I1": "nothing is lost",
    "I2": "nothing is there twice",
    "I3": "files and rows agree",
    "I4": "everything is explained",
    "I5": "no node has two things to do",
    "I6": "what has ended stays so",
    "I7": "nothing grows without end",
}
_LISTED: Final = 5
_DAMAGED: Final = (
    "Nothing else can be looked at. Stop Eliot, keep a copy of the damaged file, and put a backup in its place;"
    " the pictures in the libraries are not touched by this."
)


@dataclass
class Report:
    """What was found, what was mended, and what is merely worth knowing."""

    findings: list[Breach] = field(default_factory=list)
    mended: dict[Breach, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    undo: str = ""

    @property
    def left(self) -> list[Breach]:
        """What is still wrong."""
        return [one for one in self.findings if self.mended.get(one)]

    def as_json(self) -> str:
        """Return one line for programs."""
        findings = [
            {
                "check": one.check,
                "rule": one.rule,
                "sentence": one.sentence,
                "repair": one.repair.said if one.repair else None,
                "is_mended": one in self.mended and not self.mended[one],
            }
            for one in self.findings
        ]
        left = len(self.left) if self.mended else len(self.findings)
        found = {"is_clean": not left, "findings": findings, "notes": self.notes}
        return json.dumps({**found, "undo": self.undo})


class Command(BaseCommand):
    """Look Eliot over."""

    help = (
        "Looks over rows and files, also beside a running Eliot. Ends with 0 when all is well, 1 when something"
        " is wrong, 2 when it cannot look."
    )
    requires_system_checks = ()  # what they warn of is not what this is about

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare how deep to look, and whether to mend."""
        parser.add_argument("--json", action="store_true", help="One JSON object as the last line.")
        parser.add_argument(
            "--fix",
            action="store_true",
            help="Mend what can be mended without deleting anything; a backup is made first.",
        )
        parser.add_argument("--quick", action="store_true", help="Do not read whole pictures.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Look, mend if told to, tell."""
        try:
            report = _looked_over(with_hashes=not options["quick"])
        except database.NoDatabase as fault:
            if options["json"]:
                self.stdout.write(json.dumps({"is_clean": False, "error": str(fault)}))
            raise CommandError(str(fault), returncode=2) from fault
        if options["fix"]:
            _mend(report)
        if options["json"]:
            self.stdout.write(report.as_json())
        else:
            self._tell(report, is_fixing=options["fix"])
        is_clean = not report.left if options["fix"] else not report.findings
        if not is_clean:
            raise SystemExit(1)

    def _tell(self, report: Report, *, is_fixing: bool) -> None:
        found = sorted(report.findings, key=attrgetter("check"))
        for check, breaches in groupby(found, key=attrgetter("check")):
            self.stdout.write(f"{check}, {NAMES[check]}:")
            for one in breaches:
                self.stdout.write(f"  {one.sentence}")
                said = _fate(one, report) if is_fixing else _offer(one)
                self.stdout.write(f"    {said}")
        for note in report.notes:
            self.stdout.write(f"Note: {note}")
        if report.undo:
            self.stdout.write(report.undo)
        if not found:
            self.stdout.write("All is well.")
        elif not is_fixing and any(one.repair for one in found):
            self.stdout.write("`manage.py doctor --fix` does what is offered here.")


def _looked_over(*, with_hashes: bool) -> Report:
    """Return what is wrong; of a damaged database nothing else can be said.

    Raises:
        NoDatabase: There is nothing to look at.
    """
    database.require_file()
    with patient_database():
        look = Look(with_hashes=with_hashes)
        if damage := run(database.CHECKS, look):
            return Report(damage, notes=[_DAMAGED, database.note_on_version()])
        database.require_tables()
        return Report(run_surely(CHECKS, look), notes=_notes())


def _offer(one: Breach) -> str:
    return f"--fix would {one.repair.said}." if one.repair else "A person must decide."


def _fate(one: Breach, report: Report) -> str:
    why = report.mended[one]
    if one.repair is None:
        return why
    return f"Not mended ({one.repair.said}): {why}" if why else f"Mended: {one.repair.said}."


def _notes() -> list[str]:
    notes = [database.note_on_version()]
    for library in Library.objects.all():
        found = list(islice(untracked(library), 1000))
        if found:
            shown = ", ".join(found[:_LISTED]) + (", …" if len(found) > _LISTED else "")
            count = f"{len(found)}" if len(found) < 1000 else "1000 or more"
            notes.append(f"Not Eliot's own in “{library.name}”, and left alone: {count} ({shown}).")
    waiting = Job.objects.open().count()
    if waiting and not is_anybody_running():
        notes.append(f"{waiting} jobs wait for Eliot to be started.")
    return [note for note in notes if note]


def _mend(report: Report) -> None:
    """Mend what can be, after a backup; each repair is written down beside it."""
    stamp = timezone.now().strftime("%Y%m%d-%H%M%S")
    folder = Path(settings.ELIOT_DATA) / farm.DOCTOR / stamp
    if any(one.repair for one in report.findings):
        copy = database.back_up(folder)
        where = (
            f"the database as it was is {copy}" if copy else "the database has backups of its own"
        )
        report.undo = f"To undo: {where}; files that were moved are in {folder.parent} or in their library's trash."
    for one in report.findings:
        report.mended[one] = _mend_one(one)
    if report.undo:
        folder.mkdir(parents=True, exist_ok=True)
        note = folder / "repairs.json"
        note.write_text(report.as_json(), encoding="utf-8")


def _mend_one(one: Breach) -> str:
    """Return why it could not be mended, or nothing."""
    if one.repair is None:
        return "A person must decide."
    try:
        did = one.repair.mend()
    except GalleryError as fault:
        return fault.sentence
    except (DatabaseError, OSError) as fault:
        return f"{type(fault).__name__}: {fault}"
    return "" if did else "It is no longer so, or somebody else's now."
