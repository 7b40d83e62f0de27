"""The blocking halves of an answer: what the database and the local disk say, then the library."""

import errno
import logging
import os
import threading
import time
from collections.abc import Mapping
from typing import Any, BinaryIO, Final
from uuid import UUID

from eliot.policy import may_see
from gallery_app.containment import open_regular
from gallery_app.failures import GalleryError
from gallery_app.media.answer import (
    Answer,
    Ask,
    file_answer,
    not_found,
    thumbnail_answer,
    unchanged,
)
from gallery_app.media.rows import MediaRow, leave_no_stale_connection, media_row
from gallery_app.pictures import sniff
from gallery_app.thumbnails import ensure_thumbnail, thumbnail_path

logger = logging.getLogger(__name__)

_HOPELESS_FOR_S: Final = 60.0
_MAX_HOPELESS: Final = 1000
# Nothing there, or nothing that may be read; every other error is a disk in trouble.
_NOT_THERE: Final = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES, errno.EPERM, errno.EINVAL}
)

_hopeless: dict[UUID, float] = {}
_hopeless_lock = threading.Lock()


def first_look(scope: Mapping[str, Any], ask: Ask) -> Answer | MediaRow:
    """Answer from the database and the local disk, or return the row whose library must help."""
    leave_no_stale_connection()
    try:
        row = media_row(ask.media_id) if may_see(scope, str(ask.media_id)) else None
    finally:
        leave_no_stale_connection()
    if row is None:
        return not_found()
    answer = unchanged(ask, row)
    if answer is None and ask.kind == "thumb":
        answer = _ready_thumbnail(ask, row)
    return answer or row


def second_look(ask: Ask, row: MediaRow) -> Answer:
    """Answer from the library's disk, which may take long.

    Raises:
        OSError: The disk is in trouble.
    """
    try:
        return _drawn_thumbnail(ask, row) if ask.kind == "thumb" else _original(ask, row)
    except OSError as error:
        if error.errno not in _NOT_THERE:
            raise
        logger.info("media %s cannot be opened: %s", row.media_id, error)
        return not_found()


def _ready_thumbnail(ask: Ask, row: MediaRow) -> Answer | None:
    if not row.sha256 or _is_hopeless(row.media_id):
        return not_found()
    try:
        body = thumbnail_path(row.media_id, row.sha256).read_bytes()
    except OSError:
        return None
    return thumbnail_answer(ask, row, body) if body else None


def _drawn_thumbnail(ask: Ask, row: MediaRow) -> Answer:
    try:
        made = ensure_thumbnail(row.media_id, row.sha256, lambda: open_regular(row.root, row.path))
    except GalleryError as error:
        logger.warning("no thumbnail for %s: %s", row.media_id, error)
        _give_up_for_a_while(row.media_id)
        return not_found()
    return thumbnail_answer(ask, row, made.path.read_bytes())


def _original(ask: Ask, row: MediaRow) -> Answer:
    stream = open_regular(row.root, row.path)
    try:
        size = os.fstat(stream.fileno()).st_size
        return file_answer(ask, row, stream, size, _mime(row, stream))
    except BaseException:
        stream.close()
        raise


def _mime(row: MediaRow, stream: BinaryIO) -> str:
    """Our own word for the type, never the name's; what is no picture is only bytes."""
    head = os.pread(stream.fileno(), 32, 0)
    return sniff(head) or "application/octet-stream"


def _is_hopeless(media_id: UUID) -> bool:
    return _hopeless.get(media_id, 0.0) > time.monotonic()


def _give_up_for_a_while(media_id: UUID) -> None:
    """A picture that cannot be drawn must not cost a decoder at every view of its page."""
    with _hopeless_lock:
        if len(_hopeless) >= _MAX_HOPELESS:
            _hopeless.clear()
        _hopeless[media_id] = time.monotonic() + _HOPELESS_FOR_S
