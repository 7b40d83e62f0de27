"""Demo nodes give way to real ones, unless they were asked for: a note in the data folder says so, set at each start."""

from pathlib import Path
from typing import Final

from django.conf import settings

from farm_app import nudges
from farm_app.models import GpuNode

_NOTE: Final = "demo-asked-for"


def note_wish(*, is_asked_for: bool) -> None:
    """Note whether somebody asked for the demo nodes of this start."""
    if is_asked_for:
        _note().touch()
    else:
        _note().unlink(missing_ok=True)


def give_way() -> int:
    """Switch the demo nodes off that nobody asked for; returns how many. What renders there may end."""
    if _note().exists():
        return 0
    count = GpuNode.objects.enabled().filter(is_demo=True).update(is_enabled=False)
    nudges.idle_nodes_on_commit()
    return count


def _note() -> Path:
    return Path(settings.ELIOT_DATA) / _NOTE
