"""The sockets of the farm's own pages: cards and head of the nodes, and the log."""

from collections.abc import Sequence
from typing import Any

from eliot.live import rendered_once
from farm_app.cards import Card, Head, recent_farm
from farm_app.live import StripPage, fragment


class FarmPage(StripPage):
    """The page of nodes and queue; the cards take the strip's place."""

    def prepare(self) -> bool:
        """Nothing is known to be shown yet: the first round sends all."""
        super().prepare()
        self._cards: dict[int, Card] = {}
        self._head: Head | None = None
        return True

    def around(self) -> Sequence[str]:
        """Return what differs from what this page has."""
        return self._nodes()

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
    """The page of events."""
