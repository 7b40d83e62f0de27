"""The log: what happened to jobs and nodes, newest first, filtered, page by page; a million events read as fast as ten."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils import timezone

from farm_app.models import GpuNode, Job, JobEvent, JobGroup, Level

PAGE: Final = 100
CHUNK: Final = 1000
MOST_SHARES: Final = 50
RECENT_GROUPS: Final = 400
LEVELS: Final[Mapping[str, tuple[str, ...]]] = {
    "": (),
    Level.WARN: (Level.WARN, Level.ERROR),
    Level.ERROR: (Level.ERROR,),
}
"""What each choice lets through; nothing named is everything."""


@dataclass(frozen=True)
class Filters:
    """What somebody wants to read of; zero and empty are everything.

    Attributes:
        share: Whose jobs: a session's, an import's, a benchmark's.
        level: warn for warnings and errors, error for errors only.
    """

    node: int = 0
    job: int = 0
    share: str = ""
    level: str = ""

    @classmethod
    def asked(cls, query: QueryDict | Mapping[str, str]) -> Self:
        """Read them from an address; what makes no sense is left out."""
        level = query.get("level") or ""
        return cls(
            node=number(query.get("node")),
            job=number(query.get("job")),
            share=(query.get("share") or "")[:80],
            level=level if level in LEVELS else "",
        )

    @property
    def query(self) -> str:
        """The same as the end of an address, without a question mark."""
        query = QueryDict(mutable=True)
        query.update({name: str(value) for name, value in vars(self).items() if value})
        return query.urlencode()

    def rows(self) -> QuerySet[JobEvent]:
        """Return the events that they let through, but for the level."""
        rows = JobEvent.objects.select_related("node", "job__group").order_by("-pk")
        if self.node:
            rows = rows.filter(node=self.node)
        if self.job:
            rows = rows.filter(job=self.job)
        elif self.share:
            rows = rows.filter(job__in=Job.objects.filter(group__share_key=self.share).values("pk"))
        return rows

    def newest(self, *, before: int = 0, after: int = 0, count: int = PAGE) -> list[JobEvent]:
        """Return the newest events between two ids, newest first.

        Each level is read by itself and the results are merged: so its index gives the newest at once.
        """
        rows = self.rows()
        if before:
            rows = rows.filter(pk__lt=before)
        if after:
            rows = rows.filter(pk__gt=after)
        levels = LEVELS[self.level]
        if not levels:
            return list(rows[:count])
        found = [event for level in levels for event in rows.filter(level=level)[:count]]
        return sorted(found, key=lambda event: -event.pk)[:count]


def number(text: str | None) -> int:
    """Return a whole number from an address, zero for anything else."""
    is_number = bool(text) and str(text).isascii() and str(text).isdecimal() and len(str(text)) < 19
    return int(text or 0) if is_number else 0


@dataclass(frozen=True)
class Entry:
    """One event as a page shows it."""

    pk: int
    at: str
    day: str
    iso: str
    level: str
    sentence: str
    node: str
    node_id: int
    job: int
    share: str
    share_key: str
    actor: str


def entry_of(event: JobEvent) -> Entry:
    """Return what a page and a download show of an event."""
    at = timezone.localtime(event.at)
    group = event.job.group if event.job else None
    return Entry(
        pk=event.pk,
        at=f"{at:%H:%M:%S}",
        day=f"{at:%d %b}" if at.date() != timezone.localdate() else "",
        iso=at.isoformat(timespec="milliseconds"),
        level=event.level,
        sentence=event.sentence,
        node=event.node.slug if event.node else "",
        node_id=event.node_id or 0,
        job=event.job_id or 0,
        share=f"{group.label} {event.job.number}" if group and event.job else "",
        share_key=group.share_key if group else "",
        actor=event.who,
    )


def entries(events: list[JobEvent]) -> list[Entry]:
    """Return them as a page shows them."""
    return [entry_of(event) for event in events]


def choices(filters: Filters) -> dict[str, list[tuple[str, str]]]:
    """Return what the filters can be set to: nodes, shares that asked for something of late, levels."""
    nodes = GpuNode.everyone.order_by("slug").values_list("pk", "slug", "removed_at")
    shares: dict[str, str] = {}
    recent = JobGroup.objects.order_by("-pk").values_list("share_key", "label")
    for key, label in recent[:RECENT_GROUPS]:
        if len(shares) < MOST_SHARES:
            shares.setdefault(key, label.partition(" · ")[0])
    if filters.share and filters.share not in shares:
        named = recent.filter(share_key=filters.share).values_list("label", flat=True).first()
        shares[filters.share] = (named or filters.share).partition(" · ")[0]
    return {
        "nodes": [(str(pk), f"{slug} (removed)" if gone else slug) for pk, slug, gone in nodes],
        "shares": list(shares.items()),
        "levels": [("", "Everything"), ("warn", "Warnings and errors"), ("error", "Errors")],
    }


# What a terminal takes for more than text: line ends, and escapes that a node's error may hold.
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
COLUMNS: Final = ("at", "level", "node", "job", "asked_by", "sentence", "actor")


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "at": entry.iso,
        "level": entry.level,
        "node": entry.node,
        "job": entry.job or None,
        "asked_by": entry.share,
        "sentence": entry.sentence,
        "actor": entry.actor,
    }


def as_text(entry: Entry) -> str:
    """Return one line for people."""
    where = " ".join(filter(None, (entry.node, f"job {entry.job}" if entry.job else "")))
    said = _CONTROLS.sub(" ", entry.sentence)
    by = f" ({entry.actor})" if entry.actor else ""
    return f"{entry.iso} {entry.level:<5} {where}: {said}{by}\n"


def as_json(entry: Entry) -> str:
    """Return one line of JSON."""
    return json.dumps(_row(entry), ensure_ascii=False) + "\n"


def as_csv(entry: Entry) -> str:
    """Return one line of a table; what a spreadsheet would take for a formula is told as text."""
    out = io.StringIO()
    cells = ["" if cell is None else str(cell) for cell in _row(entry).values()]
    csv.writer(out).writerow(
        [f"'{cell}" if cell[:1] in "=+-@\t\r" and cell else cell for cell in cells]
    )
    return out.getvalue()


@dataclass(frozen=True)
class Format:
    """One way to write the log down."""

    mime: str
    write: Callable[[Entry], str]
    head: str = ""


FORMATS: Final[Mapping[str, Format]] = {
    "txt": Format("text/plain; charset=utf-8", as_text),
    "csv": Format("text/csv; charset=utf-8", as_csv, ",".join(COLUMNS) + "\r\n"),
    "jsonl": Format("application/x-ndjson; charset=utf-8", as_json),
}


def chunks(filters: Filters, form: Format) -> Iterator[str]:
    """Yield everything that the filters let through, newest first, in pieces that each are read by themselves."""
    if form.head:
        yield form.head
    before = 0
    while events := filters.newest(before=before, count=CHUNK):
        yield "".join(form.write(entry_of(event)) for event in events)
        before = events[-1].pk
