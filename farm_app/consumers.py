"""The sockets of the farm's own pages: cards and head of the nodes, and the log."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, parse_qsl

from eliot.live import News, rendered_once
from farm_app import log
from farm_app.cards import Card, Head, recent_farm
from farm_app.live import StripPage, fragment
from farm_app.models import JobEvent
from farm_app.queue.live import QUEUE_GROUP, QueueWatch
from farm_app.queue.shown import View
from farm_app.strip import newest_event
from farm_app.timeline.drawing import asked_minutes
from farm_app.timeline.live import TimelineWatch

# A page that stays open for days is begun anew now and then.
MOST_ADDED = 400


class FarmPage(StripPage):
    """The page of nodes and queue; the cards take the strip's place."""

    def group_names(self) -> Sequence[str]:
        """Hear the farm, and at once what somebody does to the queue."""
        return (*super().group_names(), QUEUE_GROUP)

    def prepare(self) -> bool:
        """Read from the address which rows of the queue, and how long a timeline, the page shows."""
        asked = dict(parse_qsl(self.scope["query_string"].decode("latin-1")))
        self._view = View.asked(asked)
        self._timeline = TimelineWatch(asked_minutes(asked.get("span", "")))
        return super().prepare()

    def forget(self) -> None:
        """Send cards, head and queue anew as well."""
        super().forget()
        self._queue = QueueWatch(self._view)
        self._cards: dict[int, Card] = {}
        self._head: Head | None = None

    def around(self) -> Sequence[str]:
        """Return what differs from what this page has."""
        return [
            *self._nodes(),
            *self._queue.changes(),
            *self._timeline.changes(),
            *self.changed_banner(),
        ]

    def news(self, cursor: int) -> News:
        """Return what of the queue differs."""
        return News(self._queue.changes(), cursor)

    def _nodes(self) -> list[str]:
        """Return the parts of cards that changed; all cards when they are others, or stand in another order."""
        farm = recent_farm()
        fragments = []
        if list(self._cards) != [card.pk for card in farm.cards]:
            fragments.append(fragment("farm/_cards.html", farm=farm))
        else:
            for card in farm.cards:
                fragments += _changed_parts(self._cards[card.pk], card)
        if self._head != farm.head:
            fragments.append(fragment("farm/_head.html", head=farm.head))
        self._cards = {card.pk: card for card in farm.cards}
        self._head = farm.head
        return fragments


def _changed_parts(before: Card, card: Card) -> list[str]:
    if before == card:
        return []
    known = before.parts()
    return [
        _rendered_part((name, part), (name, part))
        for name, part in card.parts().items()
        if known[name] != part
    ]


@rendered_once
def _rendered_part(named: tuple[str, Any]) -> str:
    name, part = named
    return fragment(f"farm/_card_{name}.html", part=part)


class LogPage(StripPage):
    """The newest page of the log, under its filters: events come on top as they happen."""

    def prepare(self) -> bool:
        """Read the filters from the address."""
        super().prepare()
        asked = parse_qs(self.scope["query_string"].decode("latin-1"))
        self.filters = log.Filters.asked({name: values[-1] for name, values in asked.items()})
        self._newest = self.cursor
        self._added = 0
        return True

    async def page_around(self, message: dict[str, Any]) -> None:
        """Something on the farm moved, so there may be an event of it: with the next round."""
        self._moved_on = True
        await super().page_around(message)

    def news(self, cursor: int) -> News:
        """Send what happened since; the whole page anew when that is much.

        An event is sent once, whatever the cursor: on top of a list nothing can be sent again.
        """
        newest = newest_event()
        events = self.filters.newest(after=self._newest, count=log.PAGE)
        # One may have come between the two readings.
        self._newest = max(newest, self._newest, *(event.pk for event in events))
        if not events:
            return News((), newest)
        self._added += len(events)
        is_much = len(events) == log.PAGE or self._added > MOST_ADDED
        return News([self._page() if is_much else _on_top(events)], newest)

    def _page(self) -> str:
        self._added = 0
        events = self.filters.newest()
        older = events[-1].pk if len(events) == log.PAGE else 0
        shown = {"entries": log.entries(events), "filters": self.filters, "older": older}
        return fragment("farm/_events.html", **shown)


def _on_top(events: list[JobEvent]) -> str:
    return fragment("farm/_events_new.html", entries=log.entries(events))
