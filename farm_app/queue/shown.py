"""What a page shows of the queue: one filter, one search, and a window of its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models.fields.json import KT
from django.urls import reverse

from eliot.live import kept_briefly
from farm_app import families, planning
from farm_app.models import Job
from farm_app.queue.entries import NEEDS, PAUSED, TURN, WORK, Entry, Reading, read_queue
from farm_app.queue.rows import Row, rows_of

WINDOW: Final = 200
FILTERS: Final[Mapping[str, tuple[str, str]]] = {
    "rendering": ("Rendering", WORK),
    "waiting": ("Waiting", TURN),
    "needs": ("Needs you", NEEDS),
    "paused": ("Paused", PAUSED),
}
LONGEST_SEARCH: Final = 80


@dataclass(frozen=True)
class View:
    """Filter and search of one page."""

    show: str = ""
    find: str = ""

    @classmethod
    def asked(cls, said: Mapping[str, Any]) -> "View":
        """Read it off what an address or a form says; what makes no sense shows all."""
        show = str(said.get("show") or "")
        find = " ".join(str(said.get("find") or "")[:LONGEST_SEARCH].split())
        return cls(show if show in FILTERS else "", find)

    @property
    def query(self) -> str:
        """The view as the end of an address, without a question mark; empty for all."""
        said = {"show": self.show, "find": self.find}
        return urlencode({name: value for name, value in said.items() if value})

    def entries(self, reading: Reading) -> Sequence[Entry]:
        """Return what is shown, in order."""
        found: Sequence[Entry] = reading.entries
        if self.show:
            section = FILTERS[self.show][1]
            found = [entry for entry in found if entry.section == section]
        if not self.find:
            return found
        words, models = self.find.casefold().split(), _checkpoints(found)
        return [entry for entry in found if _matches(entry, models.get(entry.first, ""), words)]


def _matches(entry: Entry, checkpoint: str, words: Sequence[str]) -> bool:
    known = families.FAMILIES.get(entry.asked.family)
    node = entry.expected_on[0] if entry.expected_on else ""
    asked = entry.asked
    said = (asked.label, known.label if known else "", asked.template, checkpoint, node)
    text = " ".join((*said, *entry.nodes)).casefold()
    return all(word in text for word in words)


def _checkpoints(entries: Sequence[Entry]) -> dict[int, str]:
    """Return the model file of the first job of each entry."""
    rows = Job.objects.filter(pk__in=[one.first for one in entries]).order_by()
    return {pk: name or "" for pk, name in rows.values_list("pk", KT("values__checkpoint"))}


@dataclass(frozen=True)
class Window:
    """Some rows, and the address of those that follow; empty after the last."""

    rows: tuple[Row, ...]
    next_url: str

    @property
    def order(self) -> str:
        """The keys in order."""
        return " ".join(row.key for row in self.rows)


def window_of(view: View, reading: Reading, first: int = 0) -> Window:
    """Return the window that begins at an entry, counted from 0."""
    found = view.entries(reading)
    rows = tuple(rows_of(found[first : first + WINDOW], reading))
    if len(found) <= first + WINDOW:
        return Window(rows, "")
    query = "&".join(filter(None, (view.query, f"first={first + WINDOW}")))
    return Window(rows, f"{reverse('farm:queue')}?{query}")


@dataclass(frozen=True)
class Chip:
    """One filter with its count."""

    name: str
    label: str
    count: int
    url: str
    is_on: bool


def chips(view: View, reading: Reading) -> tuple[Chip, ...]:
    """Return the filters; one without jobs is left out unless it is on."""
    found = [Chip("", "All", reading.total, _url(View("", view.find)), not view.show)]
    for name, (label, section) in FILTERS.items():
        count, is_on = reading.counts.get(section, 0), view.show == name
        if count or is_on or section in (WORK, TURN):
            found.append(Chip(name, label, count, _url(View(name, view.find)), is_on))
    return tuple(found)


def _url(view: View) -> str:
    page = reverse("farm:nodes")
    return f"{page}?{view.query}#queue" if view.query else f"{page}#queue"


_version: int = 0


def look_anew() -> None:
    """Let the next look at the queue be a fresh one: somebody has just changed it."""
    global _version
    planning.forget_recent_plan()
    _version += 1


def recent_queue() -> Reading:
    """Return the queue as it was a moment ago, read once for all pages."""
    return _recent_queue(_version)


@kept_briefly(0.3)
def _recent_queue(version: int) -> Reading:
    return read_queue(planning.recent_plan())


def recent_window(view: View) -> Window:
    """Return the first window of a view as it was a moment ago."""
    return _recent_window(view, _version)


@kept_briefly(0.3)
def _recent_window(view: View, version: int) -> Window:
    return window_of(view, recent_queue())


def queue_context(view: View, reading: Reading | None = None, first: int = 0) -> dict[str, Any]:
    """Return what the queue's fragments need."""
    found = reading or recent_queue()
    return {
        "view": view,
        "window": window_of(view, found, first),
        "chips": chips(view, found),
        "queue_pause": found.pause,
        "queue_total": found.total,
    }
