"""Settings from the environment: each reader fails loudly with the variable's name."""

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ImproperlyConfigured

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})
PATIENCE_S = 1.0
LEAST_FREE: Final = 20_000_000
"""Bytes: the tables and the first pictures of a batch."""
_LOCAL_TIME: Final = Path("/etc/localtime")  # a link into the zones' folder, on Linux and macOS


def text(name: str, default: str = "") -> str:
    """Return the variable, stripped, or the default when it is unset."""
    return os.environ.get(name, default).strip()


def flag(name: str, *, default: bool = False) -> bool:
    """Return a yes/no variable.

    Raises:
        ImproperlyConfigured: The value is neither yes nor no.
    """
    value = os.environ.get(name, str(default)).strip().lower()
    if value not in _TRUE | _FALSE:
        msg = f"{name} must be yes or no (1/0, true/false, on/off), not {value!r}."
        raise ImproperlyConfigured(msg)
    return value in _TRUE


def number(name: str, default: int, *, minimum: int = 0) -> int:
    """Return a whole number.

    Raises:
        ImproperlyConfigured: The value is no whole number or lies under ``minimum``.
    """
    raw = os.environ.get(name, str(default)).strip()
    is_whole = raw.isascii() and raw.removeprefix("-").isdecimal()
    if not is_whole or int(raw) < minimum:
        msg = f"{name} must be a whole number of at least {minimum}, not {raw!r}."
        raise ImproperlyConfigured(msg)
    return int(raw)


def choice(name: str, *choices: str) -> str:
    """Return one of the choices, in whatever case it is written; the first when the variable is unset.

    Raises:
        ImproperlyConfigured: The value is none of them.
    """
    value = text(name) or choices[0]
    found = next((one for one in choices if one.lower() == value.lower()), None)
    if found is None:
        msg = f"{name} must be one of {', '.join(choices)}, not {value!r}."
        raise ImproperlyConfigured(msg)
    return found


def time_zone(name: str) -> str:
    """Return the zone that the variable names, else this machine's own, else UTC.

    Raises:
        ImproperlyConfigured: There is no zone of that name.
    """
    named = text(name)
    if named and not _is_zone(named):
        msg = f"{name} must be a time zone such as Europe/Berlin, not {named!r}."
        raise ImproperlyConfigured(msg)
    return named or next(filter(_is_zone, _own_zones()), "UTC")


def _own_zones() -> Iterator[str]:
    """Yield what this machine says of its zone: to this process, and to all."""
    yield os.environ.get("TZ", "").removeprefix(":")
    _, found, zone = str(_LOCAL_TIME.resolve()).rpartition("/zoneinfo/")
    yield zone if found else ""


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return bool(name)


def data_folder(given: Path) -> Path:
    """Return the folder in full, made at the first call, once it is sure that it can be written and has room.

    Raises:
        ImproperlyConfigured: It cannot, or has not.
    """
    fix = "or set ELIOT_DATA to another folder."
    try:
        folder = given.expanduser().resolve()
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
        with tempfile.TemporaryFile(
            dir=folder
        ):  # rights alone do not tell: disks, too, are read-only
            pass
    except (OSError, RuntimeError) as fault:  # ~nobody and links in a ring are RuntimeErrors
        why = getattr(fault, "strerror", None) or fault
        if isinstance(fault, FileExistsError | NotADirectoryError):
            why = "a file is in its place"
        msg = f"Eliot cannot write to its data folder {given} ({why}). Put that right, {fix}"
        raise ImproperlyConfigured(msg) from fault
    if free < LEAST_FREE:
        msg = (
            f"Eliot's data folder {folder} has {free / 1e6:.0f} MB free and needs"
            f" {LEAST_FREE / 1e6:.0f}. Make room, {fix}"
        )
        raise ImproperlyConfigured(msg)
    return folder


def kept_secret(path: Path, *, length: int = 50) -> str:
    """Return the secret stored at ``path``; make it (mode 0600) at the first call.

    Raises:
        ImproperlyConfigured: The file is there and stays empty, or may not be read.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _written_secret(path)
    fresh = secrets.token_urlsafe(length)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(fresh)
    return fresh


def _written_secret(path: Path) -> str:
    """Read a secret that another process may be about to write."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := _read(path)):
        if time.monotonic() > deadline:
            msg = f"{path} is empty. Delete it, and a new secret is made."
            raise ImproperlyConfigured(msg)
        time.sleep(0.01)
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as fault:
        why = getattr(fault, "strerror", None) or "it is no text"
        msg = f"{path} cannot be read ({why}). Put that right, or delete it, and a new one is made."
        raise ImproperlyConfigured(msg) from fault
