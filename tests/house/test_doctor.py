"""`manage.py doctor` from outside: what it says and with which code it ends, alone and beside a running Eliot."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eliot.management import database
from tests.house.household import Household

SOME = ("--demo", "1", "--demo-speed", "20")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    """An Eliot that runs and has two pictures."""
    with Household(tmp_path_factory.mktemp("doctor") / "data") as found:
        found.start(*SOME).done(found.press(2))
        yield found


def told(house: Household, *options: str) -> tuple[int, dict[str, Any]]:
    ended = house.run("doctor", "--json", *options)
    return ended.returncode, json.loads(ended.stdout.splitlines()[-1])


def change(house: Household, sql: str) -> None:
    with closing(sqlite3.connect(house.data / "eliot.sqlite3", timeout=10)) as link:
        link.execute(sql)
        link.commit()


@pytest.mark.drill
def test_beside_a_running_eliot_it_finds_nothing(house: Household) -> None:
    code, found = told(house)
    assert (code, found["is_clean"], found["findings"]) == (0, True, [])


@pytest.mark.drill
def test_while_pictures_are_made_it_finds_nothing(house: Household) -> None:
    session = house.press(12)
    assert told(house)[0] == 0
    house.done(session)


@pytest.mark.drill
def test_what_is_wrong_is_grouped_offered_and_left_alone(house: Household) -> None:
    lost, path = house.pictures()[0], str(house.pictures()[0].name)
    content = lost.read_bytes()
    lost.unlink()
    try:
        ended = house.run("doctor")
    finally:
        lost.write_bytes(content)
    assert ended.returncode == 1
    head, what, offer, *_, last = ended.stdout.splitlines()
    assert head == "I3, files and rows agree:"
    assert path in what
    assert offer == "    --fix would note since when it is missing."
    assert last == "`manage.py doctor --fix` does what is offered here."
    assert told(house)[0] == 0


@pytest.mark.drill
def test_a_repair_is_said_and_can_be_undone_and_what_is_left_is_told(house: Household) -> None:
    change(house, "delete from farm_app_joboutput where job_id = 1")
    change(house, "update farm_app_job set fence = fence + 1 where id = 2")
    code, found = told(house, "--fix")
    assert code == 1
    assert [(one["check"], one["is_mended"]) for one in found["findings"]] == [
        ("I2", False),
        ("I2", True),
    ]
    (copy,) = (house.data / "doctor").rglob("eliot.sqlite3")
    assert str(copy) in found["undo"]
    with closing(sqlite3.connect(copy)) as link:
        assert link.execute("select job_id from farm_app_joboutput").fetchall() != []
        assert link.execute("select 1 from farm_app_joboutput where job_id = 1").fetchall() == []
    kept = json.loads(copy.with_name("repairs.json").read_text())
    assert kept["findings"] == found["findings"]
    change(house, "update farm_app_job set fence = fence - 1 where id = 2")
    assert told(house)[0] == 0


def test_where_nothing_is_it_cannot_look(tmp_path: Path) -> None:
    code, found = told(Household(tmp_path / "data"))
    assert (code, found["is_clean"]) == (2, False)
    assert found["error"].startswith("There is no database here yet.")


@pytest.mark.drill
def test_a_damaged_database_is_told(house: Household, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    file = data / "eliot.sqlite3"
    with closing(sqlite3.connect(house.data / "eliot.sqlite3")) as link:
        link.execute("vacuum into ?", [str(file)])
    content = bytearray(file.read_bytes())
    for place in range(len(content) - 4096 * 3, len(content) - 64, 64):
        content[place] ^= 0xFF
    file.write_bytes(content)
    code, found = told(Household(data), "--fix")
    assert code == 1
    assert {one["check"] for one in found["findings"]} == {"DB"}


def test_an_old_sqlite_is_worth_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlite3.sqlite_version_info", (3, 51, 2))
    assert "Before 3.51.3" in database.note_on_version()
    monkeypatch.setattr("sqlite3.sqlite_version_info", (3, 51, 3))
    assert database.note_on_version() == ""
