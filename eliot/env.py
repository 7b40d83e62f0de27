"""Settings from the environment: each reader fails loudly with the variable's name."""

import os
import secrets
import time
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})
PATIENCE_S = 1.0


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


def kept_secret(path: Path, *, length: int = 50) -> str:
    """Return the secret stored at ``path``; make it (mode 0600) at the first call.

    Raises:
        ImproperlyConfigured: The file is there and stays empty.
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
    while not (found := path.read_text(encoding="utf-8").strip()):
        if time.monotonic() > deadline:
            msg = f"{path} is empty. Delete it, and a new secret is made."
            raise ImproperlyConfigured(msg)
        time.sleep(0.01)
    return found
