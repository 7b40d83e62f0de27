"""Learned speeds as rows: what the planner knows of every node, kept over restarts."""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import QuerySet
from django.utils import timezone

from eliot.statements import Change, Given, Question
from farm_app.binding import model_of
from farm_app.models import Attempt, GpuNode, LearnedSpeed
from farm_app.needs import cost_of
from farm_app.planner import Learned, Observation, Speeds

OLDEST_S: Final = 5.0
# Another host's clock may be behind.
_MARGIN: Final = timedelta(minutes=1)

_KEY: Final = ("node", "template", "model")
_FACTS: Final = ("updated", "family", "fixed_s", "rate_s", "load_s", "count", "trust")
_relearned: Final = Change(
    lambda: LearnedSpeed.objects.filter(
        **{name: Given(name, LearnedSpeed._meta.get_field(name)) for name in _KEY}
    ),
    *_FACTS,
)


def _with_tier() -> QuerySet[LearnedSpeed]:
    return LearnedSpeed.objects.select_related("node").only(*_KEY, *_FACTS, "node__tier")


_rows: Final[Question[LearnedSpeed]] = Question(_with_tier)
_recent: Final[Question[LearnedSpeed]] = Question(
    lambda: _with_tier().filter(
        updated__gte=Given("since", LearnedSpeed._meta.get_field("updated"))
    )
)
_all_keys: Final[Question[int]] = Question(
    lambda: LearnedSpeed.objects.order_by().values_list("pk", flat=True)
)
_tiers: Final[Question[Any]] = Question(
    lambda: GpuNode.objects.order_by().values_list("pk", "tier")
)


Key = tuple[int, str, str]
"""Node, template, model."""


@dataclass(frozen=True)
class _Book:
    """What this process knows. Estimates are remembered inside of the speeds, so they are kept as long as possible."""

    rows: dict[Key, Learned]
    speeds: Speeds
    newest: datetime | None = None
    read_s: float = float("-inf")

    def with_rows(self, rows: Iterable[Learned]) -> "_Book":
        book = self
        for row in rows:
            key = (row.node_id, row.template, row.model)
            if book.rows.get(key) != row:
                known = {**book.rows, key: row}
                book = replace(book, rows=known, speeds=book.speeds.with_row(row))
        return book


_book = _Book({}, Speeds())
_reading: Final = threading.Lock()


def known_speeds() -> Speeds:
    """Return all that has been learned, here or, a few seconds ago, elsewhere."""
    found = _book
    return found.speeds if time.monotonic() - found.read_s < OLDEST_S else refresh()


def refresh() -> Speeds:
    """Read what has changed since."""
    global _book
    with _reading:
        book, now = _book, time.monotonic()
        changed = _rows() if book.newest is None else _recent(since=book.newest - _MARGIN)
        book = book.with_rows(_as_learned(row) for row in changed)
        if not _is_whole(book):
            changed = _rows()
            learned = {_key(row): _as_learned(row) for row in changed}
            book = _Book(learned, Speeds(learned.values()))
        newest = max((row.updated for row in changed), default=book.newest)
        _book = replace(book, newest=newest, read_s=now)
        return _book.speeds


def _is_whole(book: _Book) -> bool:
    """Say whether no row was deleted and no node has another tier now."""
    if len(_all_keys()) != len(book.rows):
        return False
    tiers = dict(_tiers())
    return all(tiers.get(row.node_id) == row.tier for row in book.rows.values())


def _key(row: LearnedSpeed) -> Key:
    return row.node_id, row.template, row.model


def _as_learned(row: LearnedSpeed) -> Learned:
    return Learned(
        node_id=row.node_id,
        tier=row.node.tier,
        template=row.template,
        family=row.family,
        model=row.model,
        fixed_s=row.fixed_s,
        rate_s=row.rate_s,
        load_s=row.load_s,
        count=row.count,
        trust=row.trust,
    )


def lesson_of(attempt: Attempt) -> Learned | None:
    """Return what one finished picture teaches; without the node's own times there is nothing to learn."""
    if not attempt.node_seconds:
        return None
    job = attempt.job
    cost = cost_of(job.group.version, job.group.family, job.values)
    if cost.family != "upscale" and (loaded := model_of(attempt)):
        # A node may pick its own checkpoint; the figures belong to the one that ran.
        cost = replace(cost, model=loaded)
    seen = Observation(
        attempt.node_id,
        attempt.node.tier,
        cost,
        attempt.node_seconds,
        loaded_within=attempt.was_cold,
    )
    return known_speeds().learn(seen)


def keep(learned: Learned) -> None:
    """Write a lesson down, for the next plans of this process and, as a row, for all."""
    global _book
    facts: dict[str, Any] = {name: getattr(learned, name) for name in _FACTS if name != "updated"}
    facts["updated"] = timezone.now()
    key: dict[str, Any] = {"template": learned.template, "model": learned.model}
    # Known already but for the first time: one statement instead of four within the commit of every picture.
    if not _relearned(node=learned.node_id, **key, **facts):
        LearnedSpeed.objects.update_or_create(node_id=learned.node_id, **key, defaults=facts)
    with _reading:
        _book = _book.with_rows([learned])
