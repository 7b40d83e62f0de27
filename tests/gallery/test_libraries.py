import json
import shutil
from pathlib import Path
from threading import Thread
from uuid import UUID

import pytest
from django.conf import LazySettings

from gallery_app.failures import LibraryOffline
from gallery_app.marker import found_marker, read_marker
from gallery_app.models import Library


def marker_of(data: Path) -> Path:
    return data / "pictures" / ".gallery" / "root.json"


def test_it_founds_the_default_library_once(library: Library, data: Path) -> None:
    assert Library.default() == library
    found = json.loads(marker_of(data).read_text())
    assert found == {"v": 1, "uuid": str(library.marker)}
    assert library.online
    assert library.require_online() == data / "pictures"


def test_a_lost_database_adopts_the_marker_that_is_there(library: Library) -> None:
    before = library.marker
    library.delete()
    assert Library.default().marker == before


def test_a_bare_mount_point_is_offline_and_stays_bare(library: Library, data: Path) -> None:
    shutil.rmtree(data / "pictures")
    (data / "pictures").mkdir()
    assert not Library.default().online
    with pytest.raises(LibraryOffline, match="no marker") as offline:
        library.require_online()
    assert offline.value.transient
    assert list((data / "pictures").iterdir()) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (json.dumps({"v": 1, "uuid": "5d7bb5ac-22b2-4d4e-9d59-0c1f6f9a4d10"}), "another library"),
        ("{", "cannot be read"),
        ("[" * 4000, "cannot be read"),
        ("[]", "cannot be read"),
        ('{"uuid": "x"}', "cannot be read"),
        ("\x00", "cannot be read"),
    ],
)
def test_a_wrong_marker_is_offline(library: Library, data: Path, content: str, said: str) -> None:
    marker_of(data).write_text(content)
    assert not library.online
    with pytest.raises(LibraryOffline, match=said):
        library.require_online()
    assert marker_of(data).read_text() == content


def test_the_data_folder_may_move_whole(
    library: Library, data: Path, settings: LazySettings, tmp_path: Path
) -> None:
    settings.ELIOT_DATA = data.rename(tmp_path / "elsewhere")
    assert Library.default().online
    assert library.root_path == tmp_path / "elsewhere" / "pictures"


def test_a_library_may_lie_anywhere(db: None, tmp_path: Path) -> None:
    nas = tmp_path / "nas"
    assert Library.found(slug="nas", name="NAS", root=str(nas)).root_path == nas


def test_two_founders_end_with_one_marker(tmp_path: Path) -> None:
    found: list[UUID] = []
    founders = [Thread(target=lambda: found.append(found_marker(tmp_path))) for _ in range(8)]
    for founder in founders:
        founder.start()
    for founder in founders:
        founder.join()
    assert set(found) == {read_marker(tmp_path)}
    assert [path.name for path in (tmp_path / ".gallery").iterdir()] == ["root.json"]
