"""Statements that are worded once: they answer as Django's own do, from any thread, and cost no new SQL."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import IntegrityError, connections, transaction
from django.db.models import QuerySet
from django.utils import timezone

from eliot import statements
from eliot.statements import Change, Given, Question, insert
from gallery_app.models import Library, MediaFacts, MediaFile

LIBRARY, PATH = (Given(name, MediaFile._meta.get_field(name)) for name in ("library", "path"))


def below(library: Library, *paths: str) -> list[MediaFile]:
    return [
        MediaFile.objects.create(library=library, path=path, path_key=path, created=timezone.now())
        for path in paths
    ]


def facts_of(file: MediaFile, sha256: str) -> MediaFacts:
    size = {"size_bytes": 1, "width": 1, "height": 1}
    return MediaFacts(media_file=file, sha256_file=sha256, mime="image/png", **size)


def test_a_question_returns_what_its_queryset_would(library: Library) -> None:
    below(library, "a.png", "b.png")
    asked = MediaFile.objects.select_related("library").defer("library__name").order_by("path")
    question = Question(lambda: asked.filter(library=LIBRARY, path=PATH))
    (found,) = question(library=library, path="b.png")
    expected = asked.get(path="b.png")
    assert found.__dict__.keys() == expected.__dict__.keys()
    assert (found, found.created, found.library) == (expected, expected.created, library)
    assert found.library.get_deferred_fields() == {"name"}
    assert question.first(library=library, path="c.png") is None


def test_a_question_may_ask_for_single_columns(library: Library) -> None:
    below(library, "a.png", "b.png")
    files = MediaFile.objects.filter(library=LIBRARY).order_by("path")
    assert Question(lambda: files.values_list("path", flat=True))(library=library) == [
        "a.png",
        "b.png",
    ]
    pairs = Question(lambda: files.values_list("pk", "placed_at")[:1])
    assert pairs(library=library) == list(files_of(library).values_list("pk", "placed_at")[:1])


def files_of(library: Library) -> QuerySet[MediaFile]:
    return MediaFile.objects.filter(library=library).order_by("path")


def test_a_question_is_worded_once_for_all_calls(library: Library) -> None:
    built = []

    def ask() -> QuerySet[MediaFile]:
        built.append(1)
        return MediaFile.objects.filter(path=PATH)

    question = Question(ask)
    below(library, "a.png", "b.png")
    assert [question(path=path)[0].path for path in ("a.png", "b.png")] == ["a.png", "b.png"]
    assert built == [1]


@pytest.mark.django_db(transaction=True)
def test_threads_that_ask_at_once_get_their_own_answers() -> None:
    paths = [f"{number}.png" for number in range(40)]
    below(Library.default(), *paths)
    question = Question(lambda: MediaFile.objects.filter(path=PATH))

    def ask(path: str) -> str:
        try:
            return question(path=path)[0].path
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, paths)) == paths


def test_a_change_meets_only_its_rows_and_says_how_many(library: Library) -> None:
    first, second = below(library, "a.png", "b.png")
    change = Change(lambda: MediaFile.objects.filter(path=PATH), "placed_at", flag="keep")
    now = timezone.now()
    assert change(path="b.png", placed_at=now) == 1
    assert change(path="c.png", placed_at=now) == 0
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.placed_at, first.flag) == (None, "")
    assert (second.placed_at, second.flag) == (now, "keep")


def test_a_change_that_can_meet_nothing_changes_nothing(library: Library) -> None:
    below(library, "a.png")
    assert Change(lambda: MediaFile.objects.filter(path__in=[]), "flag")(flag="drop") == 0
    assert MediaFile.objects.get().flag == ""


def test_a_change_takes_rows_and_nothing_as_values(library: Library) -> None:
    (file,) = below(library, "a.png")
    other = Library.found(slug="other", name="Other", root="other")
    change = Change(lambda: MediaFile.objects.filter(path=PATH), "library", "stars")
    assert change(path="a.png", library=other, stars=None) == 1
    file.refresh_from_db()
    assert (file.library, file.stars) == (other, None)


def test_an_inserted_row_is_as_if_it_were_saved(library: Library) -> None:
    row = MediaFile(id=uuid4(), library=library, path="a.png", path_key="a.png")
    insert(row)
    found = MediaFile.objects.get(pk=row.pk)
    assert (found.path, found.created, found.flag) == ("a.png", row.created, "")
    row.flag = ""
    row.save()
    with pytest.raises(IntegrityError), transaction.atomic():
        insert(MediaFile(id=uuid4(), library=library, path="a.png", path_key="a.png"))
    assert MediaFile.objects.count() == 1


def test_what_is_inserted_over_another_replaces_only_what_it_names(library: Library) -> None:
    (file,) = below(library, "a.png")
    insert(facts_of(file, "1" * 64), over=("sha256_file",))
    again = facts_of(file, "2" * 64)
    again.width = 9
    insert(again, over=("sha256_file",))
    kept = MediaFacts.objects.get()
    assert (kept.sha256_file, kept.width) == ("2" * 64, 1)


def test_all_statements_can_be_worded_beforehand() -> None:
    statements.word_all()
    assert all("_worded" in vars(one) for one in statements._known)
