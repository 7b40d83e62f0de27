"""The database file itself: whole, of this version, and kept by an SQLite that can be trusted."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.core.management import call_command
from django.db import DatabaseError, connection

from eliot.soundness import Check, Found, Look

# Older ones may damage a write-ahead log when several connections write and one resets it.
SOUND_SQLITE: Final = (3, 51, 3)
_NOTHING: Final = (
    "There is no database here yet. Start Eliot once, or set ELIOT_DATA to its folder."
)


class NoDatabase(Exception):
    """There is nothing that could be looked at; says why."""


def require_tables() -> None:
    """Return if the tables are there and of this version.

    Raises:
        NoDatabase: They are not.
    """
    require_file()
    if "django_migrations" not in connection.introspection.table_names():
        raise NoDatabase(_NOTHING)
    try:
        call_command("migrate", verbosity=0, interactive=False, check_unapplied=True)
    except SystemExit as end:
        msg = "The database is of another version than this Eliot. Start Eliot, which brings it up to date."
        raise NoDatabase(msg) from end


def require_file() -> None:
    """Return if there is a database at all; asking an SQLite that is not there would make one.

    Raises:
        NoDatabase: There is none, or it does not answer.
    """
    if connection.vendor == "sqlite" and not Path(connection.settings_dict["NAME"]).exists():
        raise NoDatabase(_NOTHING)
    if connection.vendor != "sqlite":
        try:
            connection.ensure_connection()
        except DatabaseError as fault:
            msg = f"The database does not answer: {fault}"
            raise NoDatabase(msg) from fault


def _the_file_is_whole(look: Look) -> Found:
    if connection.vendor != "sqlite":
        return
    for pragma in ("integrity_check", "foreign_key_check"):
        for line in _said(pragma):
            yield f"SQLite's {pragma} says: {line}.", None


def _said(pragma: str) -> Iterator[str]:
    with connection.cursor() as cursor:
        try:
            cursor.execute(f"PRAGMA {pragma}")
            rows = cursor.fetchall()
        except DatabaseError as fault:
            rows = [(str(fault),)]
    for row in rows:
        text = " ".join(str(part) for part in row)
        if text != "ok":
            yield text


def note_on_version() -> str:
    """Return a warning about this machine's SQLite, or nothing."""
    if connection.vendor != "sqlite" or sqlite3.sqlite_version_info >= SOUND_SQLITE:
        return ""
    wanted = ".".join(map(str, SOUND_SQLITE))
    return (
        f"This Python has SQLite {sqlite3.sqlite_version}. Before {wanted}, several writers could, very rarely,"
        " damage the database. Keep backups, and take a newer Python when there is one."
    )


def back_up(folder: Path) -> Path | None:
    """Write a whole copy of the database beside a running Eliot; None where the database makes its own."""
    if connection.vendor != "sqlite":
        return None
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / "eliot.sqlite3"
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(copy)])
    return copy


CHECKS: Final = (Check("DB", "The database is whole.", _the_file_is_whole),)
