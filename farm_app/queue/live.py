"""The queue on a live page: the rows that differ, and the order when rows came, went or changed places."""

from farm_app.live import fragment
from farm_app.queue.rows import Row
from farm_app.queue.shown import Chip, View, chips, recent_queue, recent_window

QUEUE_GROUP = "farm.queue"
"""Hears at once that somebody changed the queue."""


class QueueWatch:
    """What one page has of the queue; at first nothing is known to be shown."""

    def __init__(self, view: View) -> None:
        """Watch one view."""
        self._view = view
        self._rows: dict[str, Row] = {}
        self._order: str | None = None
        self._chips: tuple[Chip, ...] = ()
        self._around: tuple[object, ...] = ()

    def changes(self) -> list[str]:
        """Return the fragments that bring the page up to date."""
        window, reading = recent_window(self._view), recent_queue()
        changed = [row for row in window.rows if self._rows.get(row.key) != row]
        fragments: list[str] = []
        if self._order == window.order:
            fragments += [row.html_oob for row in changed]
        else:
            moved = {"rows": changed, "order": window.order}
            fragments.append(fragment("farm/_queue_moved.html", **moved))
        found = chips(self._view, reading)
        around = (reading.pause, reading.total, bool(window.next_url))
        if (found, around) != (self._chips, self._around):
            context = {"chips": found, "queue_pause": reading.pause, "queue_total": reading.total}
            fragments.append(fragment("farm/_queue_head.html", view=self._view, **context))
        self._rows = {row.key: row for row in window.rows}
        self._order, self._chips, self._around = window.order, found, around
        return fragments
