"""Terms of people's own, beside the shipped ones or in their place."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sessions_app.cinema.own_rows import Row, build_own, require_id, require_object
from sessions_app.cinema.vocabulary import (
    FILES,
    FORMAT_LABELS,
    Term,
    Vocabularies,
    Vocabulary,
    shipped,
)

LABELS: Final[Mapping[str, str]] = {
    name: said.capitalize() for name, (said, *_) in sorted(FILES.items(), key=lambda one: one[1])
}
"""What people call one term of each vocabulary, in the order of these words."""
_NAMED: Final = ("bodies", "lenses", "stocks")
"""Vocabularies whose terms have names, which prompts spell as they are."""
_WORDLESS: Final = ("carriers", "moves", "cameras")
"""Vocabularies whose labels are no words for prompts: what carries the camera is not named, and moves take a verb."""
_CLOSED: Final = ("medium", "kind", "optics", "coverage", "carrier", "width", "group")
"""Fields whose values mean something to rules, so that only those of shipped terms do."""


def own_term(vocabulary: str, row: Row) -> Term:
    """Return a term that somebody wrote; where it has no words for prompts, its label is them.

    Raises:
        ValueError: It is none of this vocabulary; says why.
    """
    if vocabulary not in FILES:
        msg = f"There is no vocabulary called {vocabulary}. There are {', '.join(FILES)}."
        raise ValueError(msg)
    values = require_object(row)
    label = values.get("label")
    if isinstance(label, str) and vocabulary not in _WORDLESS:
        words = label if vocabulary in _NAMED else label.lower()
        said = "adjective" if vocabulary == "styles" else "prose"
        values = {said: words, "tag": words, **values}
    if isinstance(values.get("gauge_from"), Mapping):  # JSON has no numbers for names
        values["gauge_from"] = {
            int(name) if str(name).isdecimal() else name: one
            for name, one in values["gauge_from"].items()
        }
    kind = FILES[vocabulary][3]
    term = build_own(kind, values)
    for name in (term.id, *term.aliases):
        require_id(name)
    _require_words(term)
    _require_known_kinds(term, getattr(shipped(), vocabulary))
    return term


def _require_words(term: Term) -> None:
    for name in ("prose", "tag"):
        if "_" in getattr(term, name):
            msg = f"{name} is for prompts, and words there have no underscore."
            raise ValueError(msg)


def _require_known_kinds(term: Term, beside: Vocabulary[Any]) -> None:
    if (made := getattr(term, "format", None)) is not None and made not in FORMAT_LABELS:
        msg = f"format is one of {', '.join(FORMAT_LABELS)}, not {made}."
        raise ValueError(msg)
    for name in _CLOSED:
        if hasattr(term, name):
            known = sorted({getattr(one, name) for one in beside.values()})
            if getattr(term, name) not in known:
                msg = f"{name} is one of {', '.join(known)}, not {getattr(term, name)}."
                raise ValueError(msg)


def shipped_term(vocabulary: str, spelled: str) -> Term | None:
    """Return the shipped term that has exactly this id or alias."""
    found: Vocabulary[Term] = getattr(shipped(), vocabulary)
    return found.named(spelled)


def with_own_terms(rows: Mapping[str, Sequence[Row]]) -> Vocabularies:
    """Return the shipped vocabularies with own terms: one with a shipped id takes its place, others come last.

    Raises:
        ValueError: One of them is none, or two have one name.
    """
    changed = {name: _with_own(name, told) for name, told in rows.items() if told}
    return replace(shipped(), **changed) if changed else shipped()


def _with_own(name: str, rows: Sequence[Row]) -> Vocabulary[Any]:
    own: dict[str, Term] = {}
    for row in rows:
        term = own_term(name, row)
        if term.id in own:
            msg = f"Two terms have the id {term.id}."
            raise ValueError(msg)
        own[term.id] = term
    held: Vocabulary[Any] = getattr(shipped(), name)
    return Vocabulary(held.name, {**dict(held.items()), **own}.values())
