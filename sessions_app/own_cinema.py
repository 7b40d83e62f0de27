"""Hands people's own presets and terms to the cinema engine whenever they have changed.

The engine is told all of them at once. A row that it would not take is left out and logged: whoever wrote it is told in
the admin, and nobody's page breaks of it.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any, Final

from django.db import DatabaseError, models, transaction
from django.db.models.signals import post_delete, post_save

from sessions_app.cinema import own
from sessions_app.cinema.config import Configuration, read_config
from sessions_app.models import CinemaPreset, CinemaTerm

logger = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 1.0
"""What another process saved is seen after so long."""
_MISFITS: Final = (ValueError, TypeError, KeyError, AttributeError)

_looking: Final = Lock()
_looked_s = float("-inf")
_shown: frozenset[Any] | None = None


@dataclass(frozen=True)
class _Told:
    """A row as it is handed over.

    Attributes:
        part: terms, films, looks or presets.
        terms: The vocabulary of a term.
    """

    part: str
    said: str
    row: Any
    terms: str = ""


def bring_up_to_date(*, force: bool = False) -> None:
    """Let the engine know what rows say now; it costs one small query, at most once a second.

    Args:
        force: Read them, however lately that was done.
    """
    if not _is_due(force):
        return
    with _looking:
        if _is_due(force):
            _look(force)


def _is_due(force: bool) -> bool:
    return force or time.monotonic() - _looked_s >= LOOK_EVERY_S


def _look(force: bool) -> None:
    global _looked_s, _shown
    _looked_s = time.monotonic()
    try:
        found = _stamp()
        if found == _shown and not force:
            return
        overlay = _overlay(list(_rows()), _gone())
    except DatabaseError as fault:  # the command line may be used before there are tables
        logger.info("Own presets and terms cannot be read: %s", fault)
        return
    own.show(overlay)
    _shown = found


def config_of_deleted(key: str) -> Configuration | None:
    """Return what an own preset held that was deleted: addresses name it still. None if there was none."""
    if not key.isascii() or not key.replace("_", "").isalnum():
        return None
    deleted = CinemaPreset.objects.own().filter(key=key, entry={}, deleted_at__isnull=False)
    row = deleted.first()
    try:
        return read_config({"kind": row.kind, **row.choices}) if row else None
    except ValueError:
        return None


def forget() -> None:
    """Show nothing but what was shipped until somebody asks again; for tests."""
    global _looked_s, _shown
    with _looking:
        _looked_s, _shown = float("-inf"), None
        own.show(own.AS_SHIPPED)


def watch_rows() -> None:
    """Look at once when a row is saved or deleted in this process."""
    for model in (CinemaPreset, CinemaTerm):
        for signal in (post_save, post_delete):
            signal.connect(_changed, sender=model)


def _changed(**_told: Any) -> None:
    transaction.on_commit(partial(bring_up_to_date, force=True), robust=True)


def _stamp() -> frozenset[Any]:
    """Return what differs as soon as a row is saved, added or deleted, in one query."""
    first, second = (
        model._default_manager.order_by()
        .annotate(table=models.Value(model._meta.model_name))
        .values("table")
        .annotate(rows=models.Count("pk"), latest=models.Max("updated"))
        .values_list("table", "rows", "latest")
        for model in (CinemaPreset, CinemaTerm)
    )
    return frozenset(first.union(second, all=True))


def _rows() -> Iterator[_Told]:
    """Yield terms first: presets may name them."""
    for term in CinemaTerm.objects.order_by("pk"):
        yield from _told(term, "terms", terms=term.vocabulary)
    for preset in CinemaPreset.objects.there().order_by("pk"):
        if not preset.is_shipped or preset.is_edited:
            yield from _told(preset, _part(preset))


def _part(preset: CinemaPreset) -> str:
    if not preset.entry:
        return "presets"
    return "films" if preset.kind == CinemaPreset.Kind.LIVE_ACTION else "looks"


def _told(one: CinemaPreset | CinemaTerm, part: str, terms: str = "") -> Iterator[_Told]:
    said = f"{one._meta.verbose_name} {one.key}"
    try:
        row = one.row
    except TypeError:
        logger.warning("%s is left out: its entry is no object.", said)
        return
    yield _Told(part, said, row, terms)


def _gone() -> list[str]:
    deleted = CinemaPreset.objects.shipped().filter(deleted_at__isnull=False)
    return list(deleted.order_by("pk").values_list("key", flat=True))


def _overlay(rows: Sequence[_Told], gone: Collection[str]) -> own.Overlay:
    """Return the overlay of all rows that the engine takes."""
    try:
        return _read(rows, gone)
    except _MISFITS:
        return _read(list(_sound(rows, gone)), gone)


def _sound(rows: Sequence[_Told], gone: Collection[str]) -> Iterator[_Told]:
    good: list[_Told] = []
    for one in rows:
        try:
            _read([*good, one], gone)
        except _MISFITS as fault:
            logger.warning("%s is left out: %s", one.said, fault)
        else:
            good.append(one)
            yield one


def _read(rows: Sequence[_Told], gone: Collection[str]) -> own.Overlay:
    terms: dict[str, list[Any]] = defaultdict(list)
    parts: dict[str, list[Any]] = defaultdict(list)
    for one in rows:
        (terms[one.terms] if one.terms else parts[one.part]).append(one.row)
    return own.read_own(
        terms=terms,
        films=parts["films"],
        looks=parts["looks"],
        presets=parts["presets"],
        gone=gone,
    )
