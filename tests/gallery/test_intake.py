from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from gallery_app import recipe
from gallery_app.failures import DamagedPicture, LibraryOffline, NotAPicture
from gallery_app.intake import intake, reserve
from gallery_app.models import Library, MediaFacts, MediaFile
from gallery_app.recipe import EliotRecord
from tests.gallery.making import files_below, picture, sha256, taken_in, written


def test_a_picture_enters_with_its_record_facts_and_thumbnail(
    library: Library, spool: Path, data: Path
) -> None:
    taken = taken_in(library, spool, content=(content := picture()))
    placed = taken.absolute_path.read_bytes()
    facts = MediaFile.objects.with_facts().get().facts
    assert files_below(data / "pictures") == ["a/0001.png"]
    assert (facts.sha256_node, facts.sha256_file) == (sha256(content), sha256(placed))
    assert (facts.mime, facts.width, facts.height) == ("image/png", 64, 48)
    assert (facts.size_bytes, facts.recipe_source) == (len(placed), "eliot")
    record = recipe.read(taken.absolute_path)
    assert record is not None
    assert (record.uid, record.prompt) == (str(taken.pk), "a lighthouse keeper")
    assert facts.recipe == record.as_dict()
    assert facts.thumb_version == 1
    assert facts.thumb_s is not None
    assert (data / f"thumbs/{str(taken.pk)[:2]}/{taken.pk}-{sha256(placed)[:12]}.webp").is_file()


def test_the_spooled_file_is_left_as_it_was(library: Library, spool: Path) -> None:
    taken_in(library, spool, content=picture())
    assert [path.read_bytes() for path in spool.iterdir()] == [picture()]


def test_the_same_uid_twice_is_one_file(library: Library, spool: Path) -> None:
    uid = uuid4()
    first = taken_in(library, spool, uid=uid)
    again = taken_in(library, spool, uid=uid, content=picture(size=(9, 9)), wanted_path="b.png")
    assert again == first
    assert MediaFile.objects.count() == 1
    assert files_below(library.root_path) == ["a/0001.png"]


def test_a_name_reserved_before_is_used(library: Library, spool: Path) -> None:
    reserved = reserve(library, "shots/1a.png")
    taken = taken_in(library, spool, media_file=reserved, wanted_path="ignored.png")
    assert (taken.pk, taken.path) == (reserved.pk, "shots/1a.png")
    assert MediaFile.objects.count() == 1


def test_it_names_a_file_by_what_it_is(library: Library, spool: Path) -> None:
    jpeg, webp = picture(kind="JPEG"), picture(kind="WEBP")
    reserved = reserve(library, "reserved.png")
    assert taken_in(library, spool, content=jpeg, wanted_path="a.png").path == "a.jpg"
    assert taken_in(library, spool, content=webp, media_file=reserved).path == "reserved.webp"


def test_parents_are_kept_in_order(library: Library, spool: Path) -> None:
    parents = [taken_in(library, spool) for _ in range(3)][::-1]
    child = taken_in(library, spool, parents=parents)
    links = child.parentages.order_by("place").values_list("parent", flat=True)
    assert list(links) == [parent.pk for parent in parents]
    assert child.facts.recipe["parents"] == [str(parent.pk) for parent in parents]
    assert parents[0].children.get() == child


def test_a_record_without_an_id_gets_the_file_s(library: Library, spool: Path) -> None:
    content = picture()
    taken = intake(
        written(spool, content),
        library=library,
        wanted_path="x.png",
        record=EliotRecord(prompt="x"),
        sha256_node=sha256(content),
    )
    assert taken.facts.recipe == replace(EliotRecord(prompt="x"), uid=str(taken.pk)).as_dict()


@pytest.mark.parametrize(
    ("content", "failure"),
    [(b"<html>", NotAPicture), (b"", NotAPicture), (picture()[:-30], DamagedPicture)],
)
def test_what_is_no_picture_leaves_no_trace(
    library: Library, spool: Path, content: bytes, failure: type[Exception]
) -> None:
    path = written(spool, content)
    with pytest.raises(failure):
        intake(
            path,
            library=library,
            wanted_path="x.png",
            record=EliotRecord(),
            sha256_node=sha256(content),
        )
    assert (files_below(library.root_path), MediaFile.objects.count()) == ([], 0)


def test_a_spool_that_rotted_is_fetched_again(library: Library, spool: Path) -> None:
    for path in (written(spool, picture()), spool / "gone"):
        with pytest.raises(DamagedPicture, match="spool") as refusal:
            intake(
                path,
                library=library,
                wanted_path="x.png",
                record=EliotRecord(),
                sha256_node="0" * 64,
            )
        assert refusal.value.transient


def test_facts_lost_in_a_crash_are_read_off_the_placed_file(library: Library, spool: Path) -> None:
    uid = uuid4()
    first = taken_in(library, spool, uid=uid)
    before = MediaFacts.objects.values_list("sha256_file", "sha256_node", "recipe").get()
    MediaFacts.objects.all().delete()
    assert taken_in(library, spool, uid=uid) == first
    assert MediaFacts.objects.values_list("sha256_file", "sha256_node", "recipe").get() == before


def test_a_thumbnail_that_fails_does_not_lose_the_picture(
    library: Library, spool: Path, data: Path
) -> None:
    (data / "thumbs").write_text("in the way")
    taken = taken_in(library, spool)
    assert taken.placed_at
    assert MediaFacts.objects.get().thumb_version == 0


def test_nothing_enters_a_library_that_is_offline(library: Library, spool: Path) -> None:
    (library.root_path / ".gallery" / "root.json").unlink()
    with pytest.raises(LibraryOffline):
        taken_in(library, spool)
    assert files_below(library.root_path) == []
