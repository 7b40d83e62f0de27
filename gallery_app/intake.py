"""The only way a file enters a library: verify, add the record, reserve a name, place, note facts.

Every step may be repeated after a crash at any instant: the same picture ends as the same one file.
"""

import errno
import hashlib
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone
from PIL import Image

from eliot.failpoints import failpoint
from eliot.statements import Change, Given
from eliot.writing import in_turn, written
from gallery_app import recipe
from gallery_app.containment import (
    BLOCK_BYTES,
    move_without_overwriting,
    open_in_folder,
    opened_folder,
    sha256_of,
    sha256_of_file,
    split,
)
from gallery_app.facts import read_facts, save_facts
from gallery_app.failures import (
    DamagedPicture,
    GalleryError,
    IntakeError,
    LibraryFull,
    LibraryOffline,
    LibraryReadOnly,
    NotAPicture,
    TooLarge,
    storage_errors,
)
from gallery_app.models import Library, MediaFacts, MediaFile, Parentage
from gallery_app.names import legal_path, versions, with_suffix
from gallery_app.naming import release, rename_reservation, reserve
from gallery_app.pictures import SUFFIXES, PictureFacts, verify_picture
from gallery_app.recipe import EliotRecord
from gallery_app.thumbnails import Sketch, make_thumbnail, sketch_of
from gallery_app.trash import set_aside

__all__ = [
    "DamagedPicture",
    "IntakeError",
    "LibraryFull",
    "LibraryOffline",
    "LibraryReadOnly",
    "Looked",
    "NotAPicture",
    "PictureFacts",
    "TooLarge",
    "intake",
    "look_at",
    "place",
    "release",
    "reserve",
    "verify_picture",
]

logger = logging.getLogger(__name__)

_MAX_PARTS = 8
_VISIBLE_WITHIN_S = 5.0
_PLACING_TRIES = 100
_PLACE = ("path", "path_key", "placed_at")
_DATA_FOLDER = "Eliot's data folder"

# Encoding needs no interpreter: a thumbnail is made while its picture is hashed, copied and flushed.
_drawing = ThreadPoolExecutor(2, "thumbnail")

_marking = Change(
    lambda: MediaFile.objects.filter(
        pk=Given("pk", MediaFile._meta.pk),
        path=Given("path", MediaFile._meta.get_field("path")),
        placed_at=None,
    ),
    "placed_at",
)


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look at a spooled picture yields: that it is one, and its thumbnail but for writing it."""

    facts: PictureFacts
    sketch: Sketch | None = None


def look_at(spooled: Path) -> Looked:
    """Verify a spooled picture, and shrink what was decoded for that; see ``verify_picture``."""
    sketches: list[Sketch] = []
    return Looked(verify_picture(spooled, partial(_sketch, sketches)), next(iter(sketches), None))


def _sketch(sketches: list[Sketch], picture: Image.Image) -> None:
    """A picture that cannot be shrunk is sound all the same."""
    try:
        sketches.append(sketch_of(picture))
    except Exception:
        logger.exception("a picture could not be shrunk")


def intake(
    spooled: Path,
    *,
    library: Library,
    wanted_path: str,
    record: EliotRecord,
    sha256_node: str,
    parents: Sequence[MediaFile] = (),
    media_file: MediaFile | None = None,
    looked: Looked | None = None,
) -> MediaFile:
    """Take the spooled picture into the library and return its file.

    The id is ``media_file``'s (a name reserved earlier, its row as it stands now), else the record's
    ``uid``, else new; the first two make a second call return the same file. The spooled file is
    left as it is, and ``sha256_node`` must be its hash. ``looked`` is what ``look_at`` said
    of it a moment ago, which spares decoding it once more. A thumbnail that fails is logged, not
    raised. Call it outside a transaction: what it commits is what a second call builds on.

    Raises:
        IntakeError: One of its kinds; ``transient`` says whether trying again makes sense.
    """
    uid = media_file.pk if media_file else UUID(record.uid) if record.uid else uuid4()
    known = media_file or MediaFile.objects.select_related("library").filter(pk=uid).first()
    if known and known.placed_at:
        return _completed(known, sha256_node, parents)
    looked = _verified(spooled, sha256_node, looked)
    seen = looked.facts
    record = replace(
        record, uid=str(uid), parents=tuple(str(parent.pk) for parent in parents) or record.parents
    )
    with _with_record(spooled, record, seen.mime) as ready:
        sha256_file = sha256_of_file(ready)
        target = known or reserve(library, _truthful(wanted_path, seen.mime), uid=uid)
        _correct_suffix(target, seen.mime)
        facts = MediaFacts(
            media_file=target,
            sha256_file=sha256_file,
            sha256_node=sha256_node,
            size_bytes=ready.stat().st_size,
            mime=seen.mime,
            width=seen.width,
            height=seen.height,
            recipe=record.as_dict(),
            recipe_source=MediaFacts.RecipeSource.ELIOT,
        )
        drawn = _drawing.submit(_try_thumbnail, facts, spooled, looked.sketch)
        note = partial(_note, facts, parents)
        if not _placed(target, ready, sha256_file, drawn.result, note):
            known = MediaFile.objects.with_facts().select_related("library").get(pk=uid)
            return _completed(known, sha256_node, parents)
    return target


def place(media_file: MediaFile, spooled: Path, *, sha256: str) -> None:
    """Copy a spooled file to the name that ``media_file`` has reserved, and mark it placed.

    Never overwrites: at an occupied name an equal file is adopted, else the next version of the
    name is taken. Returns at once if the file was placed before, wherever it is by now.

    Raises:
        DamagedPicture: The spooled file does not have this hash.
        LibraryOffline, LibraryFull, LibraryReadOnly: See ``failures``.
    """
    media_file.refresh_from_db(fields=_PLACE)
    _placed(media_file, spooled, sha256, before=_nothing, note=_nothing)


def _nothing() -> None:
    """What is to be done when nothing is."""


def _placed(
    media_file: MediaFile,
    spooled: Path,
    sha256: str,
    before: Callable[[], None],
    note: Callable[[], None],
) -> bool:
    """See ``place``; False if another call marked it. ``before`` ends before the commit in which ``note`` is written."""
    for _ in range(_PLACING_TRIES):
        if media_file.placed_at is not None:
            return False
        root = media_file.library.require_online()
        path = media_file.path
        with storage_errors(media_file.library.label):
            is_ours = _published(root, path, spooled, sha256, media_file.pk)
        if not is_ours:
            rename_reservation(media_file, next(_later_versions(path)))
            continue
        failpoint("place after")
        before()
        if _mark_placed(media_file, path, note):
            logger.info("placed %s in library %s", media_file.pk, media_file.library.slug)
            return True
        try:
            media_file.refresh_from_db(fields=_PLACE)
        except MediaFile.DoesNotExist:  # given up while this call slept
            set_aside(media_file.library, path)
            raise
    raise LibraryOffline(f"{media_file.library.label} takes no name for “{media_file.name}”.")


def _verified(spooled: Path, sha256_node: str, looked: Looked | None) -> Looked:
    try:
        if sha256_of_file(spooled) != sha256_node:
            raise DamagedPicture("The fetched file changed on its way through the spool.")
        return looked or look_at(spooled)
    except FileNotFoundError as error:
        raise DamagedPicture("The fetched file is no longer in the spool.") from error


@contextmanager
def _with_record(spooled: Path, record: EliotRecord, mime: str) -> Iterator[Path]:
    """Hold a copy with the record beside the spooled file, which is kept for a second call."""
    with (
        storage_errors(_DATA_FOLDER),
        tempfile.TemporaryDirectory(prefix=".record-", dir=spooled.parent) as folder,
    ):
        ready = Path(folder) / "picture"
        recipe.splice(spooled, ready, record, mime=mime)
        yield ready


def _truthful(wanted_path: str, mime: str) -> str:
    return with_suffix(legal_path(wanted_path), SUFFIXES[mime])


def _correct_suffix(media_file: MediaFile, mime: str) -> None:
    """A name reserved before the picture was seen may promise another format."""
    wanted = with_suffix(media_file.path, SUFFIXES[mime])
    if media_file.placed_at is None and wanted != media_file.path:
        rename_reservation(media_file, wanted)


def _later_versions(path: str) -> Iterator[str]:
    names = versions(path)
    next(names)
    return names


def _published(root: Path, path: str, spooled: Path, sha256: str, media_id: UUID) -> bool:
    """Make the file stand at ``path``, whole and durable; False if a stranger's stands there."""
    parent, name = split(path)
    with opened_folder(root, parent, create=True) as folder:
        existing = _hash_at(folder, name)
        if existing is None:
            _publish(folder, name, spooled, sha256, media_id)
            existing = _seen_at(folder, name)
        elif existing == sha256:  # a call before this one got that far
            _sweep(folder, media_id, _MAX_PARTS)
        return existing == sha256


def _publish(folder: int, name: str, spooled: Path, sha256: str, media_id: UUID) -> None:
    """Copy under a part name, then make it visible in one step unless someone else was first."""
    number, handle = _new_part(folder, media_id)
    part = _part_name(media_id, number)
    try:
        _fill(handle, spooled, sha256)
        failpoint("place before")
        move_without_overwriting((folder, part), (folder, name))
    except (FileExistsError, FileNotFoundError):  # a name just taken, or a twin swept our part
        _remove(folder, part)
    except BaseException:
        _remove(folder, part)
        raise
    _sweep(folder, media_id, number)


def _part_name(media_id: UUID, number: int) -> str:
    return f".eliot-part-{media_id}-{number}"  # hidden: no scan shows it


def _new_part(folder: int, media_id: UUID) -> tuple[int, int]:
    """Return the number and descriptor of a part that nobody else writes."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    for number in range(_MAX_PARTS):
        with suppress(FileExistsError):
            return number, os.open(_part_name(media_id, number), flags, 0o644, dir_fd=folder)
    _sweep(folder, media_id, _MAX_PARTS)
    raise OSError(errno.EBUSY, "too many unfinished copies were left; they are cleared now")


def _sweep(folder: int, media_id: UUID, count: int) -> None:
    """Remove parts of calls that died, or of a twin, which will then adopt our file."""
    for number in range(count):
        _remove(folder, _part_name(media_id, number))


def _fill(handle: int, spooled: Path, sha256: str) -> None:
    """Copy, flush to the disk, read back and compare."""
    with os.fdopen(handle, "w+b") as target:
        copied = _copied(spooled, target)
        target.flush()
        os.fsync(target.fileno())
        target.seek(0)
        if copied != sha256 or sha256_of(target) != sha256:
            raise DamagedPicture("The file changed while it was copied into the library.")


def _copied(spooled: Path, target: BinaryIO) -> str:
    digest = hashlib.sha256()
    try:
        source = spooled.open("rb")
    except OSError as error:
        raise DamagedPicture("The file is no longer in the spool.") from error
    with source:
        while block := source.read(BLOCK_BYTES):
            digest.update(block)
            target.write(block)
            failpoint("copy")
    return digest.hexdigest()


def _hash_at(folder: int, name: str) -> str | None:
    """Return the hash of what stands there, None for nothing, '' for what cannot be ours."""
    try:
        with open_in_folder(folder, name) as stream:
            return sha256_of(stream)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EACCES, errno.EPERM):
            return ""
        raise


def _seen_at(folder: int, name: str) -> str:
    """Return the hash of what was just published; a share may show a new name seconds later."""
    deadline = time.monotonic() + _VISIBLE_WITHIN_S
    while (found := _hash_at(folder, name)) is None:
        if time.monotonic() > deadline:
            raise OSError(errno.ESTALE, "a file just written does not appear", name)
        time.sleep(0.05)
    return found


def _remove(folder: int, name: str) -> None:
    with suppress(OSError):
        os.unlink(name, dir_fd=folder)


def _mark_placed(media_file: MediaFile, path: str, note: Callable[[], None]) -> bool:
    now = timezone.now()
    with written(durable=True):
        won = _marking(pk=media_file.pk, path=path, placed_at=now)
        if won:
            note()
    failpoint("mark after")
    if won:
        media_file.placed_at = now
    return bool(won)


def _completed(media_file: MediaFile, sha256_node: str, parents: Sequence[MediaFile]) -> MediaFile:
    """Add what a crash after placing left out; the file in the library is what counts now."""
    if media_file.known_facts is None:
        _note(read_facts(media_file, sha256_node=sha256_node), parents)
    return media_file


def _note(facts: MediaFacts, parents: Sequence[MediaFile]) -> None:
    links = [
        Parentage(child=facts.media_file, parent=parent, place=place)
        for place, parent in enumerate(parents)
    ]
    with in_turn(), transaction.atomic(savepoint=False):
        save_facts(facts)
        Parentage.objects.bulk_create(links, ignore_conflicts=True)


def _try_thumbnail(facts: MediaFacts, spooled: Path, sketch: Sketch | None) -> None:
    """A picture without a thumbnail is still a picture; the first visitor has it drawn."""
    try:
        make_thumbnail(facts, spooled, sketch)
    except (GalleryError, OSError):
        logger.exception("no thumbnail for %s", facts.media_file_id)
