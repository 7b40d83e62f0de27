"""What can go wrong with a file or its library, each with a sentence for the person at the browser."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


class GalleryError(Exception):
    """The top of the tree: ``sentence`` is shown as it stands."""

    def __init__(self, sentence: str) -> None:
        """Keep the sentence."""
        super().__init__(sentence)
        self.sentence = sentence


class IntakeError(GalleryError):
    """A file did not enter a library.

    ``transient``: the same step may succeed later without anyone changing the request. For a
    ``DamagedPicture`` that step is fetching the file again, for a library it is placing again.
    """

    transient: ClassVar[bool] = False


class NotAPicture(IntakeError):
    """The content is none of the accepted formats, whatever the file is called."""


class DamagedPicture(IntakeError):
    """A picture by its first bytes, but cut, flipped or not decodable."""

    transient = True


class TooLarge(IntakeError):
    """More pixels or bytes than Eliot decodes."""


class LibraryOffline(IntakeError):
    """The library's marker is missing or another one's, or its disk does not answer."""

    transient = True


class LibraryFull(IntakeError):
    """No space left where the file should go."""

    transient = True


class LibraryReadOnly(IntakeError):
    """The disk or its rights forbid writing."""

    transient = True


class NoPicture(GalleryError):
    """There is nothing to judge or to move: the file was never placed, or it is gone."""


@contextmanager
def storage_errors(place: str) -> Iterator[None]:
    """Turn an ``OSError`` into the failure that says what to do about ``place``."""
    try:
        yield
    except OSError as error:
        raise storage_failure(error, place) from error


def storage_failure(error: OSError, place: str) -> IntakeError:
    """Classify by errno; what is neither full nor read-only counts as offline."""
    if error.errno in _FULL:
        return LibraryFull(f"{place} is full. Free some space; Eliot goes on by itself.")
    if error.errno in _READ_ONLY:
        return LibraryReadOnly(f"{place} cannot be written: {_reason(error)}.")
    return LibraryOffline(f"{place} does not answer: {_reason(error)}.")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
