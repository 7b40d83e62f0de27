"""Reads values out of JSON that came from a server, which may have any shape at all."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

TEXT_LIMIT = 1000
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def strict_json(data: bytes) -> object:
    """Parses one JSON document. The last of doubled keys counts.

    Raises:
        ValueError: not UTF-8, not JSON, NaN or an infinity, or nested too deep.
    """
    try:
        parsed: object = json.loads(
            data.decode("utf-8"), parse_constant=_refuse, parse_float=_finite
        )
    except RecursionError:
        raise ValueError("nested too deep") from None
    return parsed


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits[:20]} is out of range")
    return number


def text(value: object, limit: int = TEXT_LIMIT) -> str:
    """Returns a text that any database and any UTF-8 file can hold; empty if it is no text."""
    if not isinstance(value, str):
        return ""
    if len(value) <= limit and value.isprintable():  # nearly all are, and it is quickly seen
        return value
    return _UNSTORABLE.sub("\ufffd", value[:limit])


def identifier(value: object) -> str | None:
    """Returns an id as text (old servers send numbers too), or None if it cannot be one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int) and abs(value) < 2**63:
        return str(value)
    return text(value, 200) or None


def number(value: object) -> float:
    """Returns a finite number, 0.0 for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    try:
        as_float = float(value)
    except OverflowError:
        return 0.0
    return as_float if math.isfinite(as_float) else 0.0


def milliseconds(value: object) -> int | None:
    """Returns a time stamp, or None when there is no sensible one."""
    stamp = int(number(value))
    return stamp if 0 < stamp < 2**62 else None


def mapping(value: object) -> dict[str, Any]:
    """Returns the object, or an empty one."""
    return value if isinstance(value, dict) else {}


def listing(value: object) -> list[Any]:
    """Returns the list, or an empty one."""
    return value if isinstance(value, list) else []
