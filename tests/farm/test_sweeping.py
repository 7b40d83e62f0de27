"""The sweep while its database cannot be written."""

import pytest
from django.db import connection

from farm_app.sweep import Sweeper, hand_over

pytestmark = pytest.mark.django_db(transaction=True)


def set_read_only(*, yes: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA query_only={'ON' if yes else 'OFF'}")


def test_trouble_with_the_database_is_told_when_it_begins_and_when_it_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sweeper = Sweeper()
    try:
        for yes in (False, True, True, True, False, False):
            set_read_only(yes=yes)
            sweeper.do_round()
    finally:
        set_read_only(yes=False)
        hand_over()
    told = [(one.levelname, one.getMessage(), one.exc_info) for one in caplog.records]
    began = (
        "the sweep cannot read or write: attempt to write a readonly database; it goes on trying"
    )
    assert told == [
        ("WARNING", began, None),
        ("WARNING", "the sweep can read and write again", None),
    ]


def test_trouble_in_the_midst_of_a_round_is_told_the_same_way(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def write() -> None:
        set_read_only(yes=True)
        try:
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM farm_app_lease")
        finally:
            set_read_only(yes=False)

    monkeypatch.setattr("farm_app.sweep.DUTIES", (write, lambda: done.append("the rest")))
    Sweeper().do_round()
    hand_over()
    assert [one.levelname for one in caplog.records] == ["WARNING"]
    assert done == ["the rest"]
