"""The timeline on a live page: sent anew as often as its axis moves by what can be seen."""

import time

from farm_app.live import fragment
from farm_app.timeline.drawing import recent_timeline
from farm_app.timeline.layout import GAP_PX

LEAST_S = 2.0


class TimelineWatch:
    """What one page has of the timeline."""

    def __init__(self, minutes: int) -> None:
        """Watch one length; the page has been drawn just now."""
        self._minutes = minutes
        self._sent_at = time.monotonic()

    def changes(self) -> list[str]:
        """Return the picture, if it is old by now."""
        found = recent_timeline(self._minutes)
        patience_s = max(found.axis.seconds(GAP_PX), LEAST_S)
        if time.monotonic() - self._sent_at < patience_s:
            return []
        self._sent_at = time.monotonic()
        return [fragment("farm/_timeline_drawn.html", timeline=found)]
