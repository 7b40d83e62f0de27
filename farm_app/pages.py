"""What every page of Eliot needs around it, and the farm's own pages share."""

from typing import Any

from farm_app.banner import banner
from farm_app.strip import draw_strip, newest_event


def frame(
    title: str, *, nav: str = "farm", ws_url: str = "/ws/farm/", has_strip: bool = True
) -> dict[str, Any]:
    """Return what base.html needs. The cursor is read first, so that nothing falls between it and the rows."""
    cursor = newest_event()
    return {
        "page_title": title,
        "nav": nav,
        "cursor": cursor,
        "strip": draw_strip() if has_strip else None,
        "banner": banner(),
        "ws_url": f"{ws_url}{'&' if '?' in ws_url else '?'}since={cursor}",
    }
