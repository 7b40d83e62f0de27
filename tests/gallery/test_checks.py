from pathlib import Path

import pytest
from PIL import features

from gallery_app import checks
from gallery_app.checks import (
    data_is_on_a_local_disk,
    default_library_is_writable,
    file_system_of,
    pillow_writes_webp,
)

MOUNTS = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
30 22 0:41 / {at} rw shared:2 - {kind} server:/x rw
"""


def mounted(tmp_path: Path, at: str, kind: str) -> Path:
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTS.format(at=at, kind=kind))
    return table


def test_a_good_setup_has_nothing_to_say(data: Path) -> None:
    assert not [*default_library_is_writable(), *data_is_on_a_local_disk(), *pillow_writes_webp()]


def test_a_library_that_cannot_be_written_is_an_error(data: Path) -> None:
    (data / "pictures").write_text("a file in the way")
    assert [found.id for found in default_library_is_writable()] == ["gallery.E001"]


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"])
def test_data_on_a_network_disk_is_warned_of(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(checks, "_MOUNTS", mounted(tmp_path, str(data), kind))
    assert [found.id for found in data_is_on_a_local_disk()] == ["gallery.W002"]


def test_the_innermost_mount_counts(tmp_path: Path) -> None:
    spaced = mounted(tmp_path, "/mnt/my\\040share", "cifs")
    assert file_system_of(Path("/mnt/my share/data"), spaced) == "cifs"
    assert file_system_of(Path("/mnt/my share-2"), spaced) == "ext4"
    assert file_system_of(Path("/x"), tmp_path / "not linux") == ""


def test_a_pillow_without_webp_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "check", lambda _: False)
    assert [found.id for found in pillow_writes_webp()] == ["gallery.E003"]
