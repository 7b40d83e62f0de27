"""What the engine finds, as plain data: the command and the API write the same."""

from typing import Any

from sessions_app.cinema.config import BadValue, Configuration, Field, plain_value
from sessions_app.cinema.engine import Finding, Option, Repair
from sessions_app.cinema.prompt import Prompt


def field_called(config: Configuration, name: str, *, at: str = "") -> Field:
    """Return the field with this name or path.

    Args:
        at: Where the name was told, for the error; the name itself if it is left out.

    Raises:
        BadValue: There is none.
    """
    found = config.field(name)
    if found is None:
        msg = f"There is no field called {name}. There are {', '.join(config.FIELDS)}."
        raise BadValue(at or name, msg)
    return found


def finding(one: Finding) -> dict[str, Any]:
    """Return a finding."""
    return {"rule": one.rule, "severity": one.severity, "field": one.field, "reason": one.reason}


def option(one: Option, config: Configuration) -> dict[str, Any]:
    """Return an option of this configuration."""
    return {
        "value": one.value,
        "label": one.label,
        "line": one.line,
        "chosen": one.is_chosen,
        "allowed": one.is_allowed,
        "reason": one.reason,
        "rule": one.rule,
        "repair": repair(one.repair, config) if one.repair else None,
    }


def repair(one: Repair, config: Configuration) -> dict[str, Any]:
    """Return a repair of this configuration; `null` takes back what is chosen, or was claimed under that path."""
    changes = {name: plain_value(told) for name, told in one.changes.items() if name != "claims"}
    gone = dict.fromkeys(path for path, _ in config.claims if path not in dict(one.config.claims))
    return {"label": one.label, "changes": {**changes, **gone}}


def prompt(made: Prompt) -> dict[str, Any]:
    """Return a prompt."""
    return {
        "target": made.target.id,
        "prompt": made.text,
        "negative": made.negative,
        "words": made.words,
        "tokens": made.tokens,
        "size": list(made.size) if made.size else None,
        "shape": made.shape,
        "clauses": [
            {"text": one.text, "panel": one.panel, "fields": list(one.fields)}
            for one in made.pieces
        ],
        "notes": list(made.notes),
    }
