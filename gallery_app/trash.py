"""The trash of a library: a move within the volume that a crash can neither lose nor double.

The row first says where the file goes and whence, then the file moves, then the row is settled by
looking at both ends. Whoever finds an unsettled row does the last step again.
"""

import os
from contextlib import suppress
from pathlib import Path

from django.db import IntegrityError
from django.utils import timezone

from eliot.writing import written
from gallery_app import recipe
from gallery_app.containment import (
    move_without_overwriting,
    open_regular,
    opened_folder,
    split,
    stands_at,
)
from gallery_app.failures import GalleryError, NoPicture, storage_errors
from gallery_app.marker import GALLERY_FOLDER
from gallery_app.media.rows import forget
from gallery_app.models import Library, MediaFile
from gallery_app.names import path_key
from gallery_app.naming import free_names, no_name_left

_TRASH = f"{GALLERY_FOLDER}/trash"


def trash(media_file: MediaFile) -> None:
    """Move the file into ``.gallery/trash/<id>/``; its name is free from then on.

    A file in the trash already stays there. Call it outside a transaction.

    Raises:
        NoPicture: It was never placed, or is gone.
        LibraryOffline, LibraryReadOnly, LibraryFull: Nothing has changed.
    """
    media_file.refresh_from_db()
    if media_file.placed_at is None:
        raise NoPicture("There is no picture here yet, so there is nothing to remove.")
    if media_file.trashed_at is not None:
        return
    media_file.library.require_online()
    target = f"{_TRASH}/{media_file.pk}/{media_file.name}"
    if _claim(media_file, target, trashed_from=media_file.path, trashed_at=timezone.now()):
        _carry_out(media_file)


def restore(media_file: MediaFile) -> None:
    """Move the file back to where it was, or to the next version of that name if it is taken.

    A file that is not in the trash stays where it is. Call it outside a transaction.

    Raises:
        NoPicture: The file is gone.
        LibraryOffline, LibraryReadOnly, LibraryFull: Nothing has changed.
    """
    media_file.refresh_from_db()
    if media_file.trashed_at is None:
        return
    root = media_file.library.require_online()
    # from the row, never from the disk: a stranger's note must not choose the place
    for target in free_names(media_file.library, root, media_file.trashed_from):
        try:
            won = _claim(media_file, target)
        except IntegrityError:
            continue
        if won:
            _carry_out(media_file)
            _remove_empty_folder(root, media_file)
        return
    raise no_name_left(media_file.library, media_file.trashed_from)


def finish_pending_moves() -> int:
    """Settle the moves that a crash interrupted; return how many. Offline libraries must wait.

    Safe beside a live move: that one looks again after its rename, and what it writes wins.
    """
    pending = MediaFile.objects.exclude(moving_from="").select_related("library")
    return sum(_settle(row, by_repair=True) for row in pending if row.library.online)


def set_aside(library: Library, relative: str) -> bool:
    """Move a file that no row leads to into the library's trash, under its own path; nothing is overwritten."""
    root = library.require_online()
    stamp = timezone.now().strftime("aside-%Y%m%d-%H%M%S-%f")
    parent, name = split(relative)
    target, _ = split(f"{_TRASH}/{stamp}/{relative}")
    try:
        with (
            opened_folder(root, parent) as here,
            opened_folder(root, target, create=True) as there,
        ):
            move_without_overwriting((here, name), (there, name))
    except FileNotFoundError:
        return False
    return True


def set_aside_unplaced(media_file: MediaFile) -> bool:
    """Move what stands under a name that was only reserved into the trash, if it is this very picture.

    So it is when its placing was broken off before it was written down, and nobody wants it any more.
    """
    library = media_file.library
    try:
        with open_regular(library.root_path, media_file.path) as stream:
            record = recipe.read_stream(stream)
    except (OSError, GalleryError):
        return False
    if record is None or record.uid != str(media_file.pk):
        return False
    return set_aside(library, media_file.path)


def _claim(media_file: MediaFile, target: str, **facts: object) -> bool:
    """Write the move down before it happens; False if another move of this file is under way."""
    here = media_file.path
    mine = MediaFile.objects.filter(
        pk=media_file.pk, path=here, moving_from="", trashed_at=media_file.trashed_at
    )
    with written(durable=True):
        won = mine.update(path=target, path_key=path_key(target), moving_from=here, **facts)
    # not read back: a repair may have changed the row already, and the move below goes on
    for name, value in {"path": target, "moving_from": here, **facts}.items():
        setattr(media_file, name, value)
    forget(media_file.pk)
    return bool(won)


def _carry_out(media_file: MediaFile) -> None:
    root = media_file.library.root_path
    with storage_errors(media_file.library.label):
        try:
            _move(root, media_file.moving_from, media_file.path)
        finally:
            _settle(media_file)
    if media_file.missing_since is not None:
        raise NoPicture(f"“{media_file.name}” is not on the disk any more.")


def _move(root: Path, source: str, target: str) -> None:
    source_folder, source_name = split(source)
    target_folder, target_name = split(target)
    with (
        suppress(FileNotFoundError),  # settling looks which end it is missing from
        opened_folder(root, source_folder) as here,
        opened_folder(root, target_folder, create=True) as there,
    ):
        move_without_overwriting((here, source_name), (there, target_name))


def _settle(media_file: MediaFile, *, by_repair: bool = False) -> bool:
    """Write down where the file really is; a repair yields to whoever settled meanwhile."""
    source, target = media_file.moving_from, media_file.path
    with storage_errors(media_file.library.label):
        arrived, missing = _look(media_file.library.root_path, source, target)
    path = target if arrived else source
    in_trash = path.startswith(f"{_TRASH}/")
    facts: dict[str, object] = {
        "path": path,
        "path_key": path_key(path),
        "moving_from": "",
        "trashed_at": media_file.trashed_at if in_trash else None,
        "trashed_from": media_file.trashed_from if in_trash else "",
    }
    if missing:
        facts["missing_since"] = timezone.now()
    rows = MediaFile.objects.filter(pk=media_file.pk)
    if by_repair:
        rows = rows.filter(path=target, moving_from=source)
    with written(durable=True):
        won = rows.update(**facts)
    forget(media_file.pk)
    media_file.refresh_from_db()
    return bool(won)


def _look(root: Path, source: str, target: str) -> tuple[bool, bool]:
    """Return whether the file arrived, and whether it is at neither end."""
    here, there = stands_at(root, source), stands_at(root, target)
    if here and there and os.path.samestat(here, there):  # linked, not yet unlinked
        _unlink(root, source)
        return True, False
    return (there is not None and here is None), (there is None and here is None)


def _unlink(root: Path, relative: str) -> None:
    parent, name = split(relative)
    with opened_folder(root, parent) as folder:
        os.unlink(name, dir_fd=folder)


def _remove_empty_folder(root: Path, media_file: MediaFile) -> None:
    with suppress(OSError), opened_folder(root, _TRASH) as folder:
        os.rmdir(str(media_file.pk), dir_fd=folder)
