"""I3, files ↔ rows: every picture that a row promises is there and whole, and nothing half done lies about."""

import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final
from uuid import UUID

from django.utils import timezone

from eliot.soundness import Check, Found, Look, Repair
from eliot.writing import written
from gallery_app.containment import open_regular, sha256_of
from gallery_app.facts import rebuild_facts
from gallery_app.failures import GalleryError
from gallery_app.marker import GALLERY_FOLDER
from gallery_app.models import Library, MediaFile
from gallery_app.names import path_key
from gallery_app.trash import finish_pending_moves, set_aside

PART_PREFIX: Final = ".eliot-part-"
# A part that is older than this belongs to nobody who still copies.
PART_AGE_S: Final = 24 * 3600.0
_READ_AT_ONCE: Final = 500


def _libraries_answer(look: Look) -> Found:
    for library in Library.objects.all():
        try:
            library.require_online()
        except GalleryError as fault:
            yield f"{fault.sentence} Its pictures cannot be checked.", None


def _pictures_are_there_and_whole(look: Look) -> Found:
    rows = MediaFile.objects.filter(placed_at__isnull=False, moving_from="")
    for row in rows.with_facts().select_related("library").iterator(_READ_AT_ONCE):
        if row.library.online:
            yield from _judged(row, look)


def _judged(row: MediaFile, look: Look) -> Found:
    """Compare one row with its file."""
    seen = _seen(row, look)
    if seen is None:
        if row.missing_since is None:
            said = f"File {row.pk}: {row.path} is not in the library “{row.library.name}”."
            yield said, Repair("note since when it is missing", partial(_note_missing, row))
        return
    facts = row.known_facts
    if row.missing_since is not None:
        said = f"File {row.pk}: {row.path} counts as missing, and is there."
        yield said, Repair("count it as there again", partial(_note_there, row))
    elif facts is None:
        said = f"File {row.pk}: nothing is known of {row.path}."
        yield said, Repair("read its facts off the file", partial(_read_facts, row))
    elif seen[0] != facts.size_bytes:
        said = f"{row.path} has {seen[0]} bytes instead of {facts.size_bytes}"
        yield f"File {row.pk}: {said}. It was changed from outside, or is damaged.", None
    elif seen[1] and seen[1] != facts.sha256_file:
        said = f"{row.path} has as many bytes as it should, and others"
        yield f"File {row.pk}: {said}. It was changed from outside, or is damaged.", None


def _seen(row: MediaFile, look: Look) -> tuple[int, str] | None:
    """Return size and, if asked for, hash of the file; None if nothing readable stands there."""
    try:
        with open_regular(row.library.root_path, row.path) as stream:
            size = os.fstat(stream.fileno()).st_size
            return size, sha256_of(stream) if look.with_hashes else ""
    except OSError:
        return None


def _note_missing(row: MediaFile) -> bool:
    with written():
        mine = MediaFile.objects.filter(pk=row.pk, path=row.path, missing_since=None)
        return bool(mine.update(missing_since=timezone.now()))


def _note_there(row: MediaFile) -> bool:
    with written():
        mine = MediaFile.objects.filter(pk=row.pk, path=row.path, missing_since__isnull=False)
        return bool(mine.update(missing_since=None))


def _read_facts(row: MediaFile) -> bool:
    rebuild_facts(row)
    return True


def _moves_are_over(look: Look) -> Found:
    for row in MediaFile.objects.exclude(moving_from="").select_related("library"):
        if row.library.online:
            said = f"File {row.pk} is on its way from {row.moving_from} to {row.path}."
            yield said, Repair("look at both ends and settle it", partial(_settle_moves))


def _settle_moves() -> bool:
    return finish_pending_moves() > 0


def _names_are_kept_apart(look: Look) -> Found:
    """Two names that differ in case or accents only are one name on some shares."""
    for pk, path, key in MediaFile.objects.values_list("pk", "path", "path_key").iterator():
        if key != path_key(path):
            said = f"File {pk}: {path} is kept apart as “{key}”, not as “{path_key(path)}”."
            yield said, Repair("write the right key", partial(_rekey, pk, path))


def _rekey(pk: UUID, path: str) -> bool:
    with written():
        return bool(MediaFile.objects.filter(pk=pk, path=path).update(path_key=path_key(path)))


def _no_part_is_left(look: Look) -> Found:
    for library in Library.objects.all():
        if not library.online:
            continue
        for path in _strays(library.root_path):
            age_s = _age_s(path)
            if age_s is not None and (look.is_quiet or age_s > PART_AGE_S):
                inside = path.relative_to(library.root_path).as_posix()
                said = f"Nobody owns {inside} in the library “{library.name}”."
                yield said, Repair("move it to the trash", partial(set_aside, library, inside))


def _strays(root: Path) -> Iterator[Path]:
    for folder, below, names in os.walk(root):
        if Path(folder) == root and GALLERY_FOLDER in below:
            below.remove(GALLERY_FOLDER)  # what was set aside is there
        for name in names:
            if name.startswith(PART_PREFIX):
                yield Path(folder) / name


def _age_s(path: Path) -> float | None:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return None


def untracked(library: Library) -> Iterator[str]:
    """Yield the files below a library's root that no row names; they are nobody's fault, and stay."""
    if not library.online:
        return
    known = set(MediaFile.objects.filter(library=library).values_list("path", flat=True))
    known |= set(MediaFile.objects.filter(library=library).values_list("moving_from", flat=True))
    root = library.root_path
    for folder, below, names in os.walk(root):
        if Path(folder) == root and GALLERY_FOLDER in below:
            below.remove(GALLERY_FOLDER)
        for name in names:
            inside = (Path(folder) / name).relative_to(root).as_posix()
            if inside not in known and not name.startswith("."):
                yield inside


CHECKS: Final = (
    Check("I3", "Every library answers.", _libraries_answer),
    Check("I3", "No file is between two places.", _moves_are_over),
    Check("I3", "Every picture is where its row says, whole.", _pictures_are_there_and_whole),
    Check("I3", "Names that a share may take for one are one.", _names_are_kept_apart),
    Check("I3", "No half copy lies about.", _no_part_is_left),
)
