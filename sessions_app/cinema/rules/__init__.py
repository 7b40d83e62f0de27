"""What fits together and what does not: rules with ids, reasons in plain words, and how each may be mended."""

from sessions_app.cinema.rules.animation import ANIMATION_RULES
from sessions_app.cinema.rules.live_action import LIVE_ACTION_RULES
from sessions_app.cinema.rules.terms import HARD, INFO, WARNING, Broken, Rule, Severity

__all__ = [
    "ANIMATION_RULES",
    "HARD",
    "INFO",
    "LIVE_ACTION_RULES",
    "WARNING",
    "Broken",
    "Rule",
    "Severity",
]
