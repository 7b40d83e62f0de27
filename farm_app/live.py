"""What every live page shows of the farm: the strip, sent when it differs from what the page has."""

from collections.abc import Sequence
from typing import Any

from django.template.loader import render_to_string

from eliot.live import LivePage, News, rendered_once
from farm_app import gaps, store
from farm_app.banner import Banner, recent_banner
from farm_app.models.jobs import FARM_GROUP
from farm_app.strip import NodeCard, Strip, recent_strip

STRIP_SUM = "farm/_strip_sum.html"


def fragment(template: str, **context: Any) -> str:
    """Render one fragment as the socket sends it."""
    return render_to_string(template, {**context, "oob": True})


class StripPage(LivePage):
    """A page that shows nothing live but the farm strip; other pages build on it."""

    def group_names(self) -> Sequence[str]:
        """Every page hears the farm."""
        return (FARM_GROUP,)

    def may_wait(self) -> bool:
        """A picture on its way home is what somebody waits for, and a node its next prompt."""
        return gaps.is_any_open() or store.is_under_way()

    def prepare(self) -> bool:
        """Nothing is known to be shown yet: the first round sends the strip."""
        self.forget()
        return True

    def forget(self) -> None:
        """Send strip and banner anew."""
        self._shown: dict[int, NodeCard] = {}
        self._sum: tuple[int, int, int, bool] | None = None
        self._banner: Banner | None = {}  # which no banner is

    def news(self, cursor: int) -> News:
        """Return nothing of its own."""
        return News((), cursor)

    def progress(self, jobs: frozenset[int]) -> Sequence[str]:
        """Return nothing of its own: the strip follows twice a second."""
        return ()

    def around(self) -> Sequence[str]:
        """Return what differs of the strip and the banner."""
        return [*self.changed_strip(), *self.changed_banner()]

    def changed_banner(self) -> Sequence[str]:
        """Return what stands above all else, if that is something else now."""
        found = recent_banner()
        if found == self._banner:
            return ()
        self._banner = found
        return [fragment("_banner.html", banner=found)]

    def changed_strip(self) -> Sequence[str]:
        """Return the strip, or those of its nodes that changed."""
        strip = recent_strip()
        is_same_farm = set(self._shown) == {card.pk for card in strip.nodes}
        fragments = (
            self._changed_nodes(strip)
            if is_same_farm
            else [fragment("farm/_strip.html", strip=strip)]
        )
        self._shown = {card.pk: card for card in strip.nodes}
        self._sum = strip.figures
        return fragments

    def _changed_nodes(self, strip: Strip) -> list[str]:
        changed = [card for card in strip.nodes if self._shown.get(card.pk) != card]
        fragments = [_rendered_node(card, card) for card in changed]
        if self._sum != strip.figures:
            fragments.append(fragment(STRIP_SUM, strip=strip))
        return fragments


@rendered_once
def _rendered_node(card: NodeCard) -> str:
    return fragment("farm/_node.html", node=card)
