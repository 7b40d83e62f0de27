"""System checks of the lab: wrong set-ups say so before anything runs."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.db import connection

from farm_app import timers


def register_checks() -> None:
    """Register them."""
    register(immediate_is_off)
    register(sqlite_is_sound)
    register(leases_outlast_their_renewals)


def leases_outlast_their_renewals(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """A lease that ends between two rounds of its holder lets two work at once."""
    rules = (
        ("SWEEP_LEASE_TTL", timers.SWEEP_LEASE_TTL.total_seconds(), "SWEEP_S", timers.SWEEP_S),
        ("LEASE_TTL", timers.LEASE_TTL.total_seconds(), "SWEEP_S", timers.SWEEP_S),
        ("STALLED_S", timers.STALLED_S, "ASK_QUIET_S", timers.ASK_QUIET_S),
        ("GIVE_UP_S", timers.GIVE_UP_S, "SILENT_S", timers.SILENT_S),
    )
    return [
        Error(
            f"{longer} is {long_s:g} s, and must be more than three times {shorter}, {short_s:g} s.",
            hint="See farm_app/timers.py.",
            id="farm.E003",
        )
        for longer, long_s, shorter, short_s in rules
        if long_s <= 3 * short_s
    ]


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
