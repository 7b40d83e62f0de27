"""Failpoints: named places between two durable steps where a drill can stop Eliot, as a crash would.

`ELIOT_FAILPOINTS` arms them: ``name=action``, several with ``;`` between. Actions are ``kill9`` (SIGKILL to this
process), ``raise``, ``sleep:SECONDS``, and before any of these ``hit:N,``: act at the Nth time, not at the first. Each acts
once. Without that variable a failpoint is one comparison. A public Eliot refuses to start with it.
"""

import logging
import os
import re
import signal
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

logger = logging.getLogger(__name__)

VARIABLE: Final = "ELIOT_FAILPOINTS"
_RULE: Final = re.compile(
    r"(?P<name>[a-z0-9>. -]+)=(?:hit:(?P<hit>[1-9]\d*),)?(?P<action>kill9|raise|sleep:(?P<s>[\d.]+))"
)


class Failed(Exception):
    """A drill made this step fail."""


@dataclass
class _Rule:
    """What happens at one failpoint; ``left`` counts down to when."""

    action: str
    left: int = 1
    sleep_s: float = 0.0


_rules: dict[str, _Rule] = {}
_lock: Final = threading.Lock()


def arm(text: str) -> None:
    """Say what happens at which failpoints, in the place of what was said before.

    Raises:
        ImproperlyConfigured: It makes no sense.
    """
    rules: dict[str, _Rule] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        found = _RULE.fullmatch(part)
        if found is None:
            msg = f"{VARIABLE}: {part!r} is not name=kill9, name=raise or name=sleep:SECONDS, with hit:N, before the action."
            raise ImproperlyConfigured(msg)
        action = found["action"].partition(":")[0]
        rules[found["name"]] = _Rule(action, int(found["hit"] or 1), float(found["s"] or 0))
    with _lock:
        _rules.clear()
        _rules.update(rules)


def failpoint(name: str) -> None:
    """Do here what a drill asked for, if any did.

    Raises:
        Failed: That was it.
    """
    if _rules:
        _act(name)


def failpoint_on_commit(name: str) -> None:
    """Do the same once this transaction is committed, before anything else that waits for that."""
    if _rules:
        transaction.on_commit(lambda: _act(name))


def _act(name: str) -> None:
    with _lock:
        rule = _rules.get(name)
        if rule is None:
            return
        rule.left -= 1
        if rule.left != 0:
            return
    logger.warning("failpoint %s: %s", name, rule.action)
    if rule.action == "kill9":
        os.kill(os.getpid(), signal.SIGKILL)
    elif rule.action == "sleep":
        time.sleep(rule.sleep_s)
    else:
        raise Failed(name)


@register()
def none_in_public(app_configs: Any, **_: Any) -> Iterable[CheckMessage]:
    """eliot.E001: nobody can be served by an Eliot that is told to fail."""
    if not settings.ELIOT_FAILPOINTS or not settings.ELIOT_PUBLIC_URL:
        return []
    hint = f"Unset {VARIABLE}; it is for drills on a machine of one's own."
    return [Error("Failpoints are armed on a public address.", hint=hint, id="eliot.E001")]


arm(settings.ELIOT_FAILPOINTS)
