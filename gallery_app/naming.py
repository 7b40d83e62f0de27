"""Handing out names in a library: the database decides, a look at the disk spares strangers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

from django.db import IntegrityError
from django.db.models import Q

from eliot.statements import Given, Question, insert
from eliot.writing import written
from gallery_app.containment import stands_at
from gallery_app.failures import IntakeError, storage_errors
from gallery_app.models import Library, MediaFile
from gallery_app.names import legal_path, path_key, versions

_known: Final[Question[MediaFile]] = Question(
    lambda: MediaFile.objects.filter(pk=Given("pk", MediaFile._meta.pk))
)
_taken: Final[Question[Any]] = Question(
    lambda: (
        MediaFile.objects.filter(library=Given("library", MediaFile._meta.get_field("library")))
        .filter(
            Q(path_key=Given("key", MediaFile._meta.get_field("path_key")))
            | Q(moving_from=Given("path", MediaFile._meta.get_field("moving_from")))
        )
        .values_list("pk")[:1]
    )
)


def reserve(library: Library, wanted_path: str, *, uid: UUID | None = None) -> MediaFile:
    """Make the row of a file to come, under the wanted name or the next version that is free.

    ``wanted_path`` may be any text; the name kept is legal on every system and below the root.
    With a ``uid`` that is known already, that row is returned and nothing is reserved. The name is
    safe once the row is committed. It looks at the library's disk, which may hang: inside a
    transaction it would hold the database's write lock for that long.

    Raises:
        LibraryOffline: The marker is not there, or the disk does not answer.
    """
    if uid and (known := _known.first(pk=uid)):
        return known
    root = library.require_online()
    for path in free_names(library, root, legal_path(wanted_path)):
        row = MediaFile(id=uid or uuid4(), library=library, path=path, path_key=path_key(path))
        try:
            with written():
                insert(row)
        except IntegrityError:  # another was faster: at this name, or with this very uid
            if uid and (known := _known.first(pk=uid)):
                return known
        else:
            return row
    raise no_name_left(library, wanted_path)


def release(media_file: MediaFile) -> bool:
    """Give a reserved name back; False, and nothing happens, if the file was placed meanwhile.

    Only for a name whose placing is over or never began: a placing under way would fail.
    """
    count, _ = MediaFile.objects.filter(pk=media_file.pk, placed_at=None).delete()
    return count > 0


def rename_reservation(media_file: MediaFile, wanted_path: str) -> bool:
    """Give a file that is not placed yet another free name; False if it was placed meanwhile."""
    library = media_file.library
    root = library.require_online()
    mine = MediaFile.objects.filter(pk=media_file.pk, path=media_file.path, placed_at=None)
    for path in free_names(library, root, wanted_path):
        try:
            with written(durable=True):
                won = mine.update(path=path, path_key=path_key(path))
        except IntegrityError:
            continue
        media_file.refresh_from_db(fields=("path", "path_key", "placed_at"))
        return bool(won)
    raise no_name_left(library, wanted_path)


def free_names(library: Library, root: Path, wanted: str) -> Iterator[str]:
    """Yield names that neither a row nor a stranger's file has, the wanted one first."""
    for path in versions(wanted):
        if _taken(library=library.pk, key=path_key(path), path=path):
            continue
        with storage_errors(library.label):
            occupied = stands_at(root, path)
        if occupied is None:
            yield path


def no_name_left(library: Library, wanted: str) -> IntakeError:
    """Say that all versions of a name are taken."""
    return IntakeError(f"{library.label} has no free name left for “{wanted}”.")
