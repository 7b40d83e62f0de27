"""Rows that people wrote by hand: whether they hold what the engine reads, said in sentences that people can act on.

Our own data are held against tests; what somebody types into a form must not break a page a week later.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields
from types import NoneType, UnionType
from typing import Any, Final, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from sessions_app.cinema.english import listed
from sessions_app.cinema.vocabulary import RENAMED, build, frozen, plainly

B = TypeVar("B")
Row = Mapping[str, Any]

LONGEST_ID: Final = 60
SURE: Final = ("high", "medium", "low")
_SHOWN: Final = ("label", "title")
_CERTAINTIES: Final = ("certainty", "lens_certainty", "stock_certainty")
_COLORS: Final = ("palette", "swatch")
_POSITIVE: Final = ("squeeze", "ratio", "image_area_mm", "diagonal_mm", "image_circle_mm")
_BEYOND: Final = 10**9
"""No fact of ours is a number as large; what is none at all (NaN) is not below it either."""
_WORDS: Final[Mapping[Any, str]] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    NoneType: "null",
}


def require_object(value: Any, at: str = "") -> dict[str, Any]:
    """Return what is an object in JSON, as a copy.

    Raises:
        ValueError: It is something else.
    """
    if not isinstance(value, Mapping):
        raise ValueError(_at(at, 'An object is wanted, such as {"label": "…"}.'))
    if not all(isinstance(name, str) for name in value):
        raise ValueError(_at(at, "All names in it must be text."))
    return dict(value)


def build_own(
    kind: type[B], row: Row, *, at: str = "", called: Mapping[str, str] | None = None
) -> B:
    """Return an entry as an object of this class, like `build`, with every value held against the class.

    Args:
        at: The part of the row that this is, for the sentence.
        called: What the row calls fields of the class, where that differs.

    Raises:
        ValueError: A name is unknown or lacking, or a value is of the wrong kind.
    """
    known = {one.name: one for one in fields(cast("Any", kind))}
    names = {field: name for name, field in RENAMED.items()} | dict(called or {})
    values = {RENAMED.get(name, name): frozen(value) for name, value in row.items()}
    told = [names.get(name, name) for name in known]
    if unknown := sorted(values.keys() - known.keys()):
        said = f"{listed(unknown)}: nothing reads that. There are {', '.join(told)}."
        raise ValueError(_at(at, said))
    if lacking := [names.get(name, name) for name in _needed(known.values()) if name not in values]:
        raise ValueError(_at(at, f"It lacks {listed(lacking)}."))
    hints = get_type_hints(kind)
    for name, value in values.items():
        if fault := _misfit(name, value, hints[name]):
            raise ValueError(_at(at, f"{names.get(name, name)} {fault}"))
    return build(kind, values, at or "own row")


def require_id(name: Any) -> str:
    """Return an id if somebody who writes it will be understood.

    Raises:
        ValueError: It is none.
    """
    if (
        not isinstance(name, str)
        or not 0 < len(name) <= LONGEST_ID
        or plainly(name) != name
        or not re.fullmatch(r"[a-z0-9_.:+]+", name)
    ):
        msg = (
            f"An id is made of a–z, 0–9 and _, at most {LONGEST_ID} of them, not {str(name)[:80]}."
        )
        raise ValueError(msg)
    return name


def _needed(found: Iterable[Field[Any]]) -> list[str]:
    return [one.name for one in found if one.default is MISSING and one.default_factory is MISSING]


def _misfit(name: str, value: Any, wanted: Any) -> str:
    """Return what is wrong with a value, to be said after its name; empty if nothing is."""
    if not _fits(value, wanted):
        return f"must be {_in_words(wanted)}."
    if name in _SHOWN and not value.strip():
        return "must say something."
    parts = value if isinstance(value, tuple) else (value,)
    if name in _CERTAINTIES and value and value not in SURE:
        return f"must be {', '.join(SURE[:-1])} or {SURE[-1]}."
    if name in _COLORS and not all(_is_color(one) for one in parts if isinstance(one, str)):
        return "holds colors as #rrggbb."
    if name in _POSITIVE and any(isinstance(one, int | float) and one <= 0 for one in parts):
        return "must be more than 0."
    return ""


def _is_color(text: str) -> bool:
    return re.fullmatch(r"#[0-9a-fA-F]{6}", text) is not None


def _fits(value: Any, wanted: Any) -> bool:
    origin, parts = get_origin(wanted), get_args(wanted)
    if origin in (Union, UnionType):
        return any(_fits(value, one) for one in parts)
    if origin is tuple:
        return isinstance(value, tuple) and _all_fit(value, parts)
    if origin is not None:
        return isinstance(value, Mapping) and all(
            _fits(key, parts[0]) and _fits(one, parts[1]) for key, one in value.items()
        )
    if wanted is int:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _BEYOND
    if wanted is float:
        return (
            isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _BEYOND
        )
    return isinstance(value, wanted)


def _all_fit(values: tuple[Any, ...], parts: tuple[Any, ...]) -> bool:
    wanted = parts[:1] * len(values) if parts[-1] is Ellipsis else parts
    return len(values) == len(wanted) and all(map(_fits, values, wanted))


def _in_words(wanted: Any) -> str:
    origin, parts = get_origin(wanted), get_args(wanted)
    if origin in (Union, UnionType):
        return " or ".join(_in_words(one) for one in parts)
    if origin is tuple:
        one = _in_words(parts[0]).removeprefix("a ")
        return f"a list of {one}s" if parts[-1] is Ellipsis else f"a list of {len(parts)} {one}s"
    return _WORDS.get(wanted, "an object")


def _at(at: str, said: str) -> str:
    return f"{at}: {said}" if at else said
