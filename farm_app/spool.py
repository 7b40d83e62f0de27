"""The spool: pictures on local disk between node and library, and what is left of attempts that came to nothing.

The spooled file is the last thing to go: as long as a name is reserved for an attempt, its file leads to it.
"""

import logging
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from farm_app.models import Attempt, JobOutput
from farm_app.models.states import COMING_HOME
from gallery_app.failures import GalleryError
from gallery_app.intake import release
from gallery_app.models import MediaFile
from gallery_app.trash import set_aside_unplaced

logger = logging.getLogger(__name__)

_SUFFIX: Final = ".picture"
_PART: Final = ".part"
OLDEST_S: Final = 3600.0


def _folder() -> Path:
    return Path(settings.ELIOT_DATA) / "spool"


class Spool:
    """Where one attempt's picture waits on local disk."""

    def __init__(self, attempt: Attempt) -> None:
        """Name it; nothing is made yet."""
        self._id = attempt.pk

    @property
    def path(self) -> Path:
        """The whole, verified file."""
        return _folder() / f"{self._id}{_SUFFIX}"

    @contextmanager
    def part(self) -> Iterator[Path]:
        """Give a name of its own to what is coming, so that two that fetch the same do not mix; it is gone after.

        The parts of callers who died are removed.
        """
        folder = _folder()
        folder.mkdir(parents=True, exist_ok=True)
        for name in os.listdir(folder):  # noqa: PTH208 - a glob would compile a pattern for each picture
            if name.startswith(f"{self._id}.") and name.endswith(_PART):
                (folder / name).unlink(missing_ok=True)
        part = folder / f"{self._id}.{uuid.uuid4().hex[:8]}{_PART}"
        try:
            yield part
        finally:
            part.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove all traces of an attempt that came to nothing: its reserved name, and its file, last.

        A picture that is in the library already goes to the trash there. One that its job has is left alone.
        """
        known = MediaFile.objects.select_related("library").filter(pk=self._id).first()
        if known is not None and not JobOutput.objects.filter(media_file=known).exists():
            _give_back(known)
        for left in _folder().glob(f"{self._id}.*"):
            left.unlink(missing_ok=True)


def spooled() -> dict[UUID, list[Path]]:
    """Return the files of each attempt that has any here, whole or in part."""
    found: dict[UUID, list[Path]] = {}
    if _folder().is_dir():
        for path in sorted(_folder().iterdir()):
            if (pk := _attempt_id(path)) is not None:
                found.setdefault(pk, []).append(path)
    return found


def _give_back(media_file: MediaFile) -> None:
    try:
        if media_file.placed_at is None:
            set_aside_unplaced(media_file)
        if release(media_file):
            return
        media_file.trash()
    except GalleryError as fault:
        logger.warning("%s stays in its library: %s", media_file.pk, fault.sentence)


def tidy(*, oldest_s: float = OLDEST_S) -> None:
    """Discard what attempts left that ended while nobody was looking, as in a crash (for the sweep).

    Args:
        oldest_s: The archive's own work folders are left alone until they are so old that nobody works there.
    """
    try:
        paths = list(_folder().iterdir())
    except FileNotFoundError:
        return
    _remove_old_folders(paths, oldest_s)
    ids = {found for path in paths if (found := _attempt_id(path))}
    if not ids:
        return
    now = timezone.now()
    being_stored = Q(state__in=COMING_HOME) | Q(store_until__gt=now)
    busy = Attempt.objects.filter(being_stored, pk__in=ids).values_list("pk", flat=True)
    for found in ids - set(busy):
        Spool(Attempt(pk=found)).discard()


def _remove_old_folders(paths: Iterable[Path], oldest_s: float) -> None:
    for path in paths:
        with suppress(FileNotFoundError):
            if path.is_dir() and time.time() - path.stat().st_mtime > oldest_s:
                shutil.rmtree(path, ignore_errors=True)


def _attempt_id(path: Path) -> UUID | None:
    if path.suffix not in (_SUFFIX, _PART):
        return None
    try:
        return UUID(path.name.partition(".")[0])
    except ValueError:
        return None
