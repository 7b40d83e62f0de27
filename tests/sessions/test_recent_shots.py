"""Shots that were looked at in the studio: the latest on top, and no more than somebody would look through."""

import pytest
from django.contrib.auth.models import AnonymousUser, User

from eliot.policy import local_owner
from sessions_app import models
from sessions_app.models import RecentShot
from sessions_app.models.cinema import MOST_RECENT

pytestmark = pytest.mark.django_db


def note(query: str, owner: object = None) -> RecentShot:
    return RecentShot.note(owner=owner, title=f"Shot {query}", query=query, palette=["#06080c"])


def titles(owner: object = None) -> list[str]:
    return [one.title for one in RecentShot.objects.of(owner)]


def test_the_same_shot_moves_to_the_top() -> None:
    for query in ("a", "b", "?a"):
        note(query)
    assert titles() == ["Shot ?a", "Shot b"]
    assert [one.query for one in RecentShot.objects.of(None)] == ["a", "b"]


def test_no_more_than_thirty_are_kept_of_each() -> None:
    mine = local_owner()
    note("mine", mine)
    for number in range(MOST_RECENT + 5):
        note(str(number))
    assert len(titles()) == MOST_RECENT == 30
    assert titles()[-1] == "Shot 5"
    assert titles(mine) == ["Shot mine"]


def test_everybody_has_their_own() -> None:
    other = User.objects.create(username="other")
    note("a", local_owner())
    note("a", other)
    assert (titles(local_owner()), titles(other), titles()) == (["Shot a"], ["Shot a"], [])


def test_whoever_has_no_row_is_nobody() -> None:
    note("a", AnonymousUser())
    assert titles(AnonymousUser()) == titles(None) == ["Shot a"]


def test_the_table_names_its_rows_as_it_did_when_they_were_one_module() -> None:
    old = ("TITLE_LENGTH", "TITLE_WORDS", "Flow", "WorkSession", "Round", "Generation")
    assert all(hasattr(models, name) for name in old)
    assert models.WorkSession._meta.label == "sessions_app.WorkSession"
