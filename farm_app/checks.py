"""System checks of the lab: wrong set-ups say so before anything runs."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.db import connection


def register_checks() -> None:
    """Register them."""
    register(immediate_is_off)
    register(sqlite_is_sound)


def immediate_is_off(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Immediate mode would run a render inside a request."""
    if settings.HUEY.get("immediate") is False:
        return []
    hint = 'Set HUEY["immediate"] to False.'
    return [Error("Huey runs tasks inside the caller.", hint=hint, id="farm.E001")]


def sqlite_is_sound(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Deferred transactions fail at once when two writers meet."""
    found: list[CheckMessage] = []
    if connection.vendor != "sqlite":
        return found
    if connection.settings_dict["OPTIONS"].get("transaction_mode") != "IMMEDIATE":
        found.append(
            Error("SQLite transactions are deferred.", hint="Use IMMEDIATE.", id="farm.E002")
        )
    return found
