import errno
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import pytest
from django.db import connection

from gallery_app import intake as intake_module
from gallery_app.failures import (
    DamagedPicture,
    IntakeError,
    LibraryFull,
    LibraryOffline,
    LibraryReadOnly,
)
from gallery_app.intake import place, release, reserve
from gallery_app.models import Library, MediaFile
from gallery_app.naming import rename_reservation
from tests.gallery.making import files_below, picture, sha256, written

PICTURE = picture()
HASH = sha256(PICTURE)


def part_of(media_file: MediaFile, number: int) -> str:
    return f".eliot-part-{media_file.pk}-{number}"


def test_a_reservation_is_found_again_by_its_uid(library: Library) -> None:
    first = reserve(library, "a.png")
    assert reserve(library, "other.png", uid=first.pk) == first


def test_a_name_is_given_once_whatever_its_case_or_form(library: Library) -> None:
    wanted = ["å.png", "Å.PNG", "a\u030a.png", "å-v2.png"]
    given = [reserve(library, name).path for name in wanted]
    assert given == ["å.png", "Å-v2.PNG", "å-v3.png", "å-v4.png"]


def test_a_stranger_s_file_keeps_its_name(library: Library) -> None:
    written(library.root_path, b"a stranger's", "a.png")
    (library.root_path / "b.png").symlink_to("nowhere")
    assert reserve(library, "a.png").path == "a-v2.png"
    assert reserve(library, "b.png").path == "b-v2.png"


def test_many_at_once_get_different_names(transactional_db: None, library: Library) -> None:
    def reserved(_: int) -> str:
        try:
            return reserve(library, "a.png").path
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(reserved, range(16)))) == 16


def test_placing_twice_is_placing_once(library: Library, spool: Path) -> None:
    reserved = reserve(library, "s/a.png")
    for _ in range(2):
        place(reserved, written(spool, PICTURE), sha256=HASH)
    assert files_below(library.root_path) == ["s/a.png"]
    assert MediaFile.objects.get().placed_at == reserved.placed_at


@pytest.mark.parametrize("left_behind", ["half a part", "a whole part", "the file", "file + part"])
def test_it_goes_on_from_wherever_it_crashed(
    library: Library, spool: Path, left_behind: str
) -> None:
    reserved = reserve(library, "s/a.png")
    folder = library.root_path / "s"
    folder.mkdir()
    if "part" in left_behind:
        written(folder, PICTURE[:50] if "half" in left_behind else PICTURE, part_of(reserved, 0))
    if "file" in left_behind:
        written(folder, PICTURE, "a.png")
    place(reserved, written(spool, PICTURE), sha256=HASH)
    assert files_below(library.root_path) == ["s/a.png"]
    assert MediaFile.objects.get().path == "s/a.png"


def test_a_crash_between_new_name_and_copy_ends_in_one_file(library: Library, spool: Path) -> None:
    reserved = reserve(library, "a.png")
    written(library.root_path, b"a stranger's", "a.png")
    assert rename_reservation(reserved, "a-v2.png")
    place(MediaFile.objects.get(), written(spool, PICTURE), sha256=HASH)
    assert files_below(library.root_path) == ["a-v2.png", "a.png"]


@pytest.mark.parametrize("hard_links", [True, False])
def test_it_never_overwrites_a_stranger(
    library: Library, spool: Path, monkeypatch: pytest.MonkeyPatch, hard_links: bool
) -> None:
    if not hard_links:
        monkeypatch.setattr(os, "link", refusing(errno.EPERM))
    reserved = reserve(library, "a.png")
    written(library.root_path, b"a stranger's", "a.png")
    place(reserved, written(spool, PICTURE), sha256=HASH)
    assert reserved.path == MediaFile.objects.get().path == "a-v2.png"
    assert (library.root_path / "a.png").read_bytes() == b"a stranger's"
    assert reserved.absolute_path.read_bytes() == PICTURE


@pytest.mark.parametrize("hard_links", [True, False])
def test_a_stranger_who_comes_at_the_last_moment_is_spared(
    library: Library, spool: Path, monkeypatch: pytest.MonkeyPatch, hard_links: bool
) -> None:
    reserved = reserve(library, "a.png")
    fill = intake_module._fill

    def fill_slowly(*args: object) -> None:
        fill(*args)  # type: ignore[arg-type]
        if not (library.root_path / "a.png").exists():
            written(library.root_path, b"a stranger's", "a.png")

    monkeypatch.setattr(intake_module, "_fill", fill_slowly)
    if not hard_links:
        monkeypatch.setattr(os, "link", refusing(errno.EOPNOTSUPP))
    place(reserved, written(spool, PICTURE), sha256=HASH)
    assert files_below(library.root_path) == ["a-v2.png", "a.png"]
    assert (library.root_path / "a.png").read_bytes() == b"a stranger's"


def test_a_symlink_on_the_way_is_not_followed(
    library: Library, spool: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    reserved = reserve(library, "s/a.png")
    (library.root_path / "s").symlink_to(outside)
    with pytest.raises(LibraryOffline):
        place(reserved, written(spool, PICTURE), sha256=HASH)
    assert list(outside.iterdir()) == []


def test_two_workers_with_one_picture_leave_one_file(
    transactional_db: None, library: Library, spool: Path
) -> None:
    reserved = reserve(library, "a.png")
    spooled = written(spool, PICTURE)

    def placed(_: int) -> None:
        try:
            place(MediaFile.objects.get(pk=reserved.pk), spooled, sha256=HASH)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(placed, range(6)))
    assert files_below(library.root_path) == ["a.png"]
    assert MediaFile.objects.get().path == "a.png"


@pytest.mark.parametrize(
    ("number", "failure", "said"),
    [
        (errno.ENOSPC, LibraryFull, "is full"),
        (errno.EDQUOT, LibraryFull, "is full"),
        (errno.EROFS, LibraryReadOnly, "read-only"),
        (errno.EACCES, LibraryReadOnly, "permission denied"),
        (errno.EIO, LibraryOffline, "input/output"),
        (errno.ESTALE, LibraryOffline, "stale"),
    ],
)
def test_a_disk_in_trouble_is_named_and_tried_again(
    library: Library,
    spool: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    failure: type[IntakeError],
    said: str,
) -> None:
    reserved, spooled = reserve(library, "a.png"), written(spool, PICTURE)
    monkeypatch.setattr(os, "fsync", refusing(number))
    with pytest.raises(failure, match=said) as raised:
        place(reserved, spooled, sha256=HASH)
    monkeypatch.undo()
    assert raised.value.transient
    assert files_below(library.root_path) == []
    place(reserved, spooled, sha256=HASH)
    assert files_below(library.root_path) == ["a.png"]


@pytest.mark.parametrize("visible", [True, False])
def test_a_share_that_shows_new_names_late_gets_no_second_file(
    library: Library, spool: Path, monkeypatch: pytest.MonkeyPatch, visible: bool
) -> None:
    reserved, spooled, looks = reserve(library, "a.png"), written(spool, PICTURE), [0]
    hash_at = intake_module._hash_at

    def late(folder: int, name: str) -> str | None:
        looks[0] += 1
        return hash_at(folder, name) if visible and looks[0] > 3 else None

    monkeypatch.setattr(intake_module, "_hash_at", late)
    monkeypatch.setattr(intake_module, "_VISIBLE_WITHIN_S", 60 if visible else 0)
    with nullcontext() if visible else pytest.raises(LibraryOffline):
        place(reserved, spooled, sha256=HASH)
    monkeypatch.undo()
    place(reserved, spooled, sha256=HASH)
    assert files_below(library.root_path) == ["a.png"]


def test_a_spool_that_changed_is_not_placed(library: Library, spool: Path) -> None:
    reserved = reserve(library, "a.png")
    for spooled in (written(spool, PICTURE + b"x"), spool / "gone"):
        with pytest.raises(DamagedPicture):
            place(reserved, spooled, sha256=HASH)
    assert files_below(library.root_path) == []


def test_a_library_that_went_offline_gets_nothing(library: Library, spool: Path) -> None:
    reserved = reserve(library, "a.png")
    (library.root_path / ".gallery" / "root.json").unlink()
    with pytest.raises(LibraryOffline):
        place(reserved, written(spool, PICTURE), sha256=HASH)
    assert files_below(library.root_path) == []


def refusing(number: int):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


def test_a_name_that_is_not_needed_is_given_back(library: Library, spool: Path) -> None:
    reserved = reserve(library, "a.png")
    assert release(reserved)
    again = reserve(library, "a.png")
    assert again.path == "a.png"
    place(again, written(spool, PICTURE), sha256=HASH)
    assert not release(again)
    assert MediaFile.objects.get() == again
