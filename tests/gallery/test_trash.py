import errno
import os
from pathlib import Path

import pytest

from gallery_app import trash
from gallery_app.failures import LibraryOffline, LibraryReadOnly, NoPicture
from gallery_app.intake import reserve
from gallery_app.models import Library, MediaFile
from gallery_app.trash import finish_pending_moves
from tests.gallery.making import files_below, taken_in


@pytest.fixture
def taken(library: Library, spool: Path) -> MediaFile:
    return taken_in(library, spool, wanted_path="s/a.png")


def in_trash(media_file: MediaFile) -> str:
    return f".gallery/trash/{media_file.pk}/a.png"


def test_trash_and_restore_leave_everything_as_it_was(library: Library, taken: MediaFile) -> None:
    taken.keep()
    before = MediaFile.objects.values().get()
    taken.trash()
    assert files_below(library.root_path) == [taken.path] == [in_trash(taken)]
    assert taken.trashed_at
    taken.restore()
    assert MediaFile.objects.values().get() == before
    assert files_below(library.root_path) == ["s/a.png"]
    assert not (library.root_path / ".gallery/trash" / str(taken.pk)).exists()


def test_both_may_be_asked_twice(library: Library, taken: MediaFile) -> None:
    taken.trash()
    MediaFile.objects.get().trash()
    assert files_below(library.root_path) == [in_trash(taken)]
    taken.restore()
    MediaFile.objects.get().restore()
    assert files_below(library.root_path) == ["s/a.png"]


def test_the_name_is_free_while_the_file_is_in_the_trash(
    library: Library, spool: Path, taken: MediaFile
) -> None:
    taken.trash()
    other = taken_in(library, spool, wanted_path="s/a.png")
    taken.restore()
    assert (other.path, taken.path) == ("s/a.png", "s/a-v2.png")
    assert files_below(library.root_path) == ["s/a-v2.png", "s/a.png"]


def test_restoring_spares_a_stranger(library: Library, taken: MediaFile) -> None:
    taken.trash()
    (library.root_path / "s/a.png").write_bytes(b"a stranger's")
    taken.restore()
    assert taken.path == "s/a-v2.png"
    assert (library.root_path / "s/a.png").read_bytes() == b"a stranger's"


def test_a_folder_that_is_gone_is_made_again(library: Library, taken: MediaFile) -> None:
    taken.trash()
    (library.root_path / "s").rmdir()
    taken.restore()
    assert files_below(library.root_path) == ["s/a.png"]


@pytest.mark.parametrize("restoring", [False, True])
@pytest.mark.parametrize("crash", ["before the move", "linked, not unlinked", "after the move"])
def test_a_crash_in_the_middle_is_repaired(
    library: Library,
    taken: MediaFile,
    monkeypatch: pytest.MonkeyPatch,
    crash: str,
    restoring: bool,
) -> None:
    if restoring:
        taken.trash()
    crash_in_move(monkeypatch, crash)
    with pytest.raises(KeyboardInterrupt):
        (taken.restore if restoring else taken.trash)()
    monkeypatch.undo()
    assert MediaFile.objects.exclude(moving_from="").count() == 1
    assert finish_pending_moves() == 1
    assert_consistent(library, moved=crash != "before the move", restoring=restoring)
    assert finish_pending_moves() == 0


def crash_in_move(monkeypatch: pytest.MonkeyPatch, crash: str) -> None:
    """Die like a process does: nothing after the given step runs, no tidying either."""
    move = trash._move

    def dying(root: Path, source: str, target: str) -> None:
        if crash == "after the move":
            move(root, source, target)
        elif crash == "linked, not unlinked":
            (root / target).parent.mkdir(parents=True, exist_ok=True)
            os.link(root / source, root / target)
        monkeypatch.setattr(trash, "_settle", lambda *_: None)
        raise KeyboardInterrupt

    monkeypatch.setattr(trash, "_move", dying)


def assert_consistent(library: Library, *, moved: bool, restoring: bool) -> None:
    row = MediaFile.objects.get()
    assert files_below(library.root_path) == [row.path]
    assert row.moving_from == ""
    assert row.missing_since is None
    assert bool(row.trashed_at) == (row.path == in_trash(row)) == (moved != restoring)


def test_a_name_under_way_is_not_given_away(
    library: Library, taken: MediaFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_in_move(monkeypatch, "before the move")
    with pytest.raises(KeyboardInterrupt):
        taken.trash()
    assert reserve(library, "s/a.png").path == "s/a-v2.png"


def test_a_repair_that_comes_between_does_no_harm(
    library: Library, taken: MediaFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = trash._move

    def interrupted(root: Path, source: str, target: str) -> None:
        assert finish_pending_moves() == 1
        move(root, source, target)

    monkeypatch.setattr(trash, "_move", interrupted)
    taken.trash()
    assert_consistent(library, moved=True, restoring=False)


def test_a_disk_that_refuses_changes_nothing(
    library: Library, taken: MediaFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(LibraryReadOnly):
        taken.trash()
    assert_consistent(library, moved=False, restoring=False)


def test_an_offline_library_keeps_its_moves_for_later(
    library: Library, taken: MediaFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_in_move(monkeypatch, "after the move")
    with pytest.raises(KeyboardInterrupt):
        taken.trash()
    monkeypatch.undo()
    marker = library.root_path / ".gallery/root.json"
    content = marker.read_bytes()
    marker.unlink()
    assert finish_pending_moves() == 0
    with pytest.raises(LibraryOffline):
        taken.restore()
    marker.write_bytes(content)
    assert finish_pending_moves() == 1


def test_a_file_that_is_gone_is_called_missing(library: Library, taken: MediaFile) -> None:
    taken.absolute_path.unlink()
    with pytest.raises(NoPicture, match=r"a\.png"):
        taken.trash()
    row = MediaFile.objects.get()
    assert (row.path, row.trashed_at, row.moving_from) == ("s/a.png", None, "")
    assert row.missing_since


def test_a_reserved_name_cannot_be_trashed(library: Library) -> None:
    with pytest.raises(NoPicture):
        reserve(library, "a.png").trash()
