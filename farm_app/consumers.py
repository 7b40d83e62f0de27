"""The sockets of the farm's own pages: cards and head of the nodes, and the log."""

from collections.abc import Sequence

from eliot.live import rendered_once
from farm_app.cards import Head, recent_farm
from farm_app.live import StripPage, fragment
from farm_app.strip import NodeCard


class FarmPage(StripPage):
    """The page of nodes and queue; the cards take the strip's place."""

    def prepare(self) -> bool:
        """Nothing is known to be shown yet: the first round sends all."""
        super().prepare()
        self._cards: dict[int, NodeCard] = {}
        self._head: Head | None = None
        return True

    def around(self) -> Sequence[str]:
        """Return what differs from what this page has."""
        return self._nodes()

    def _nodes(self) -> list[str]:
        farm = recent_farm()
        fragments = []
        if set(self._cards) != {card.pk for card in farm.cards}:
            fragments.append(fragment("farm/_cards.html", farm=farm))
        else:
            changed = [card for card in farm.cards if self._cards[card.pk] != card]
            fragments += [_rendered_card(card, card) for card in changed]
        if self._head != farm.head:
            fragments.append(fragment("farm/_head.html", head=farm.head))
        self._cards = {card.pk: card for card in farm.cards}
        self._head = farm.head
        return fragments


class LogPage(StripPage):
    """The page of events."""


@rendered_once
def _rendered_card(card: NodeCard) -> str:
    return fragment("farm/_card.html", card=card)
