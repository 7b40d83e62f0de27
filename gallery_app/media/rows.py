"""What serving a file needs from the database, remembered for a few seconds."""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import close_old_connections

from eliot.statements import Given, Question
from gallery_app.models import MediaFile

TTL_S = 3.0  # how long another process may still show what was just put in the trash
MAX_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class MediaRow:
    """One file as the media route sees it; ``sha256`` and ``mime`` are '' without facts."""

    media_id: UUID
    library_id: int
    root: Path
    path: str
    sha256: str
    mime: str

    @property
    def version(self) -> str:
        """The part of the hash that stands in addresses."""
        return self.sha256[:12]


_rows: OrderedDict[UUID, tuple[float, MediaRow]] = OrderedDict()
_lock = threading.Lock()


def media_row(media_id: UUID) -> MediaRow | None:
    """Return the row of a file that may be shown, else None. Blocks: call it on a thread.

    Absent rows are not remembered: a picture must be there as soon as it is announced.
    """
    with _lock:
        kept = _rows.get(media_id)
    if kept and kept[0] > time.monotonic():
        return kept[1]
    row = _looked_up(media_id)
    with _lock:
        if row is None or not row.sha256:  # facts follow a moment after the file
            _rows.pop(media_id, None)
        else:
            _rows[media_id] = (time.monotonic() + TTL_S, row)
            if len(_rows) > MAX_ROWS:
                _rows.popitem(last=False)
    return row


def forget(media_id: UUID) -> None:
    """Look this file up again at the next request, because it moved."""
    with _lock:
        _rows.pop(media_id, None)


_shown: Final[Question[tuple[Any, ...]]] = Question(
    lambda: (
        MediaFile.objects.shown()
        .filter(pk=Given("pk", MediaFile._meta.pk))
        .order_by()
        .values_list("library_id", "library__root", "path", "facts__sha256_file", "facts__mime")
    )
)


def _looked_up(media_id: UUID) -> MediaRow | None:
    found = _shown.first(pk=media_id)
    if found is None:
        return None
    library_id, root, path, sha256, mime = found
    data = Path(settings.ELIOT_DATA)
    return MediaRow(media_id, library_id, data / root, path, sha256 or "", mime or "")


def leave_no_stale_connection() -> None:
    """Close this thread's connection if it broke or is too old; threads outlive requests."""
    close_old_connections()
