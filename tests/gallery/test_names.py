import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery_app.names import (
    MAX_NAME_BYTES,
    MAX_PATH_LENGTH,
    legal_path,
    path_key,
    versions,
    with_suffix,
)

ODD = [*'./\\:*?"<>| aAé\u0301\u202e\u200d\u2003\0\n~🚀\ud800', "con", "COM1", ".png", "x" * 90]
HOSTILE = st.lists(st.sampled_from(ODD) | st.characters(), max_size=400).map("".join)


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        ("sessions/2026-11/x/0001.png", "sessions/2026-11/x/0001.png"),
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("C:\\Windows", "C-Windows"),
        ("\\\\srv\\share", "-srv-share"),
        ("....//x.png", "x.png"),
        (".gallery/root.json", "gallery/root.json"),
        ("a\0b\n.png", "ab.png"),
        ("gnp.\u202epicture.png", "gnp.picture.png"),
        ("CON", "_CON"),
        ("aux.png", "_aux.png"),
        ("com¹.tar.png", "_com¹.tar.png"),
        ("name. . ", "name"),
        ("a.\u2003", "a"),
        ('a<b>c:"d|e?f*.png', "a-b-c-d-e-f-.png"),
        ("", "untitled"),
        ("///..", "untitled"),
        ("e\u0301.png", "\u00e9.png"),
    ],
)
def test_it_makes_any_text_a_name_that_windows_takes(wanted: str, kept: str) -> None:
    assert legal_path(wanted) == kept


@given(HOSTILE)
def test_it_never_leaves_the_root_nor_the_limits(wanted: str) -> None:
    path = legal_path(wanted)
    names = path.split("/")
    assert len(path) <= MAX_PATH_LENGTH
    assert all(0 < len(name.encode()) <= MAX_NAME_BYTES for name in names)
    assert all(name[0] not in " ." and name[-1] not in " ." for name in names)
    assert not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in path)
    assert not set(path) & set('\\:*?"<>|\u202e')


@given(HOSTILE)
def test_it_leaves_a_legal_path_as_it_is(wanted: str) -> None:
    assert legal_path(legal_path(wanted)) == legal_path(wanted)


def test_it_keeps_the_suffix_of_a_name_that_is_too_long() -> None:
    name = legal_path("é" * 300 + ".png")
    assert name.endswith("é.png")
    assert len(name.encode()) <= MAX_NAME_BYTES


def test_it_takes_case_and_normal_form_for_the_same_name() -> None:
    assert path_key("Ångström/A.PNG") == path_key("A\u030angstro\u0308m/a.png")


def test_it_counts_versions_on_from_a_versioned_name() -> None:
    assert [name for name, _ in zip(versions("s/a.png"), range(3), strict=False)] == [
        "s/a.png",
        "s/a-v2.png",
        "s/a-v3.png",
    ]
    again = versions("a-v9.png")
    assert (next(again), next(again)) == ("a-v9.png", "a-v10.png")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("a.png", "a.jpg"),
        ("a.JPEG", "a.JPEG"),
        ("shot 1.5", "shot 1.5.jpg"),
        ("a.html", "a.html.jpg"),
        ("a", "a.jpg"),
    ],
)
def test_it_lets_a_suffix_tell_the_truth(path: str, told: str) -> None:
    assert with_suffix(path, (".jpg", ".jpeg")) == told
