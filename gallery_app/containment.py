"""Opening and moving files below a root, one component at a time, never through a symbolic link."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO

BLOCK_BYTES = 1 << 20
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# File systems without hard links say one of these (SMB, exFAT, FUSE).
_NO_HARD_LINKS = frozenset(
    {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL}
)


@contextmanager
def opened_folder(root: Path, relative: str, *, create: bool = False) -> Iterator[int]:
    """Hold a descriptor of the folder ``relative`` below ``root`` ('' is the root itself).

    The root may be a link, for it is the administrator's choice; what lies below may not.

    Raises:
        OSError: A component is missing, a link, no folder, or not a plain name.
    """
    folder = os.open(root, _FOLDER)
    try:
        for name in _components(relative):
            below = _step(folder, name, create=create)
            os.close(folder)
            folder = below
        yield folder
    finally:
        os.close(folder)


def open_regular(root: Path, relative: str) -> BinaryIO:
    """Open a plain file for reading; links, pipes and devices are refused unopened.

    Raises:
        OSError: Nothing is there, or something that is no plain file.
    """
    parent, name = split(relative)
    with opened_folder(root, parent) as folder:
        return open_in_folder(folder, name)


def open_in_folder(folder: int, name: str) -> BinaryIO:
    """Open a plain file of an opened folder; see ``open_regular``."""
    _require_regular(os.stat(name, dir_fd=folder, follow_symlinks=False), name)
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    handle = os.open(name, flags, dir_fd=folder)
    try:
        _require_regular(os.fstat(handle), name)  # it may have been swapped since the first look
    except OSError:
        os.close(handle)
        raise
    return os.fdopen(handle, "rb")


def stands_at(root: Path, relative: str) -> os.stat_result | None:
    """Return what occupies a name, link or not, or None if the name is free."""
    parent, name = split(relative)
    try:
        with opened_folder(root, parent) as folder:
            return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None


def move_without_overwriting(source: tuple[int, str], target: tuple[int, str]) -> None:
    """Move (folder, name) to (folder, name) of one volume and make both folders durable.

    A hard link refuses an occupied name atomically. Where there are none, a look before the
    rename must do: the database hands out the names, so only a stranger could slip in between.

    Raises:
        FileExistsError: The target's name is taken; nothing was changed.
    """
    try:
        os.link(
            source[1], target[1], src_dir_fd=source[0], dst_dir_fd=target[0], follow_symlinks=False
        )
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        _rename_to_free_name(source, target)
    else:
        os.unlink(source[1], dir_fd=source[0])
    for folder in {source[0], target[0]}:
        make_durable(folder)


def make_durable(folder: int) -> None:
    """Flush a folder's entries; some network file systems cannot, and need not."""
    with suppress(OSError):
        os.fsync(folder)


def sha256_of(stream: BinaryIO) -> str:
    """Return the hex digest of what is left of the stream."""
    digest = hashlib.sha256()
    while block := stream.read(BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()


def sha256_of_file(path: Path) -> str:
    """Return the hex digest of a local file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def split(relative: str) -> tuple[str, str]:
    """Split a relative path into its folder ('' for the root) and its name."""
    parent, _, name = relative.rpartition("/")
    return parent, name


def _components(relative: str) -> tuple[str, ...]:
    pure = PurePosixPath(relative)
    if pure.is_absolute() or ".." in pure.parts or "\0" in relative:
        raise OSError(errno.EINVAL, "not a path below the root", relative)
    return pure.parts


def _step(folder: int, name: str, *, create: bool) -> int:
    with suppress(FileNotFoundError):
        return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
    if not create:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    with suppress(FileExistsError):
        os.mkdir(name, dir_fd=folder)
        make_durable(folder)
    return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)


def _require_regular(found: os.stat_result, name: str) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.ELOOP, "not a plain file", name)


def _rename_to_free_name(source: tuple[int, str], target: tuple[int, str]) -> None:
    try:
        os.stat(target[1], dir_fd=target[0], follow_symlinks=False)
    except FileNotFoundError:
        os.rename(source[1], target[1], src_dir_fd=source[0], dst_dir_fd=target[0])
    else:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target[1])
