"""Moments in the words of every page."""

from datetime import datetime

from django.utils import timezone


def clock(moment: datetime) -> str:
    """Return the local time, with its day where that is not today."""
    local = timezone.localtime(moment)
    return f"{local:%H:%M}" if local.date() == timezone.localdate() else f"{local:%a %H:%M}"
