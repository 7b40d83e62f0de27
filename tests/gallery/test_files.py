from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from gallery_app.facts import rebuild_facts
from gallery_app.failures import NoPicture
from gallery_app.intake import reserve
from gallery_app.models import Library, MediaFacts, MediaFile
from tests.gallery.making import taken_in


def test_a_verdict_is_kept_and_taken_back(library: Library, spool: Path) -> None:
    taken = taken_in(library, spool)
    for judge, flag in ((taken.keep, "keep"), (taken.drop, "drop"), (taken.clear_flag, "")):
        judge()
        assert MediaFile.objects.get(pk=taken.pk).flag == flag


def test_without_a_picture_there_is_no_verdict(library: Library) -> None:
    reserved = reserve(library, "a.png")
    with pytest.raises(NoPicture, match="no picture"):
        reserved.keep()
    assert MediaFile.objects.get().flag == ""


@pytest.mark.parametrize(
    "nonsense",
    [
        {"flag": "maybe"},
        {"stars": 6},
        {"placed_at": None, "stars": 3},
        {"placed_at": None, "flag": "keep"},
        {"trashed_from": "a.png"},
    ],
)
def test_the_database_forbids_nonsense(
    library: Library, spool: Path, nonsense: dict[str, object]
) -> None:
    taken_in(library, spool)
    with pytest.raises(IntegrityError), transaction.atomic():
        MediaFile.objects.update(**nonsense)


def test_only_placed_files_are_shown(library: Library, spool: Path) -> None:
    reserve(library, "reserved.png")
    kept, trashed = taken_in(library, spool), taken_in(library, spool)
    kept.keep()
    trashed.trash()
    assert list(MediaFile.objects.shown()) == [kept]
    assert list(MediaFile.objects.shown().flagged("keep")) == [kept]
    assert not MediaFile.objects.shown().flagged("drop").exists()


def test_addresses_change_with_the_content(library: Library, spool: Path) -> None:
    taken = taken_in(library, spool)
    version = taken.facts.sha256_file[:12]
    assert taken.thumb_url == f"/media/thumb/{taken.pk}.webp?v={version}"
    assert taken.url == f"/media/file/{taken.pk}?v={version}"
    taken.facts.delete()
    assert MediaFile.objects.get().url == f"/media/file/{taken.pk}"


def test_a_page_of_addresses_costs_one_query(
    library: Library, spool: Path, django_assert_num_queries
) -> None:
    for _ in range(3):
        taken_in(library, spool)
    reserve(library, "reserved.png")
    with django_assert_num_queries(1):
        assert len({found.thumb_url for found in MediaFile.objects.with_facts()}) == 4


def test_dropped_facts_come_back_from_the_file(library: Library, spool: Path) -> None:
    taken = taken_in(library, spool)
    before = MediaFacts.objects.values().get()
    MediaFacts.objects.update(width=1, mime="", recipe={}, recipe_source="", sha256_file="0")
    rebuild_facts(MediaFile.objects.get())
    assert MediaFacts.objects.values().get() == before
    MediaFacts.objects.all().delete()
    rebuild_facts(MediaFile.objects.get())
    assert MediaFacts.objects.get().recipe == before["recipe"]
    assert MediaFacts.objects.get().recipe["uid"] == str(taken.pk)


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (MediaFile.objects.shown().order_by("-created", "id"), "gallery_shown_newest_first"),
        (
            MediaFile.objects.shown().flagged("keep").order_by("-created"),
            "gallery_judged_newest_first",
        ),
        (MediaFile.objects.filter(trashed_at__isnull=False), "gallery_trash_by_age"),
        (MediaFile.objects.exclude(moving_from=""), "gallery_pending_moves"),
    ],
)
def test_each_partial_index_serves_its_query(db: None, query, index: str) -> None:
    plan = query.explain()
    assert index in plan
    assert "TEMP B-TREE" not in plan
