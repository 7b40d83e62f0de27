"""Settings from the environment: what is read, and how loudly a wrong one fails."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from eliot import env


@pytest.fixture
def name(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("ELIOT_TEST", raising=False)
    return "ELIOT_TEST"


def test_a_text_is_stripped_and_has_a_default(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert env.text(name) == ""
    assert env.text(name, "here") == "here"
    monkeypatch.setenv(name, "  there\n")
    assert env.text(name, "here") == "there"


@pytest.mark.parametrize("value", ["1", "true", "YES", " on "])
def test_yes_has_many_names(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert env.flag(name) is True


@pytest.mark.parametrize("value", ["0", "False", "no", "OFF", ""])
def test_so_has_no(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert env.flag(name, default=True) is False


@pytest.mark.parametrize("value", ["2", "maybe", "ja", "truee"])
def test_what_is_neither_fails_with_the_variables_name(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match="ELIOT_TEST must be yes or no"):
        env.flag(name)


@pytest.mark.parametrize("default", [True, False])
def test_an_unset_flag_has_its_default(name: str, default: bool) -> None:
    assert env.flag(name, default=default) is default


def test_a_choice_is_one_of_its_words_in_any_case(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert env.choice(name, "INFO", "DEBUG") == "INFO"
    monkeypatch.setenv(name, " debug ")
    assert env.choice(name, "INFO", "DEBUG") == "DEBUG"
    monkeypatch.setenv(name, "chatty")
    with pytest.raises(ImproperlyConfigured, match="ELIOT_TEST must be one of INFO, DEBUG, not"):
        env.choice(name, "INFO", "DEBUG")


@given(number=st.integers(-(10**30), 10**30))
def test_a_whole_number_is_read_if_it_is_large_enough(number: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ELIOT_TEST", f" {number} ")
        assert env.number("ELIOT_TEST", 3, minimum=-(10**30)) == number
        if number < 4:
            with pytest.raises(ImproperlyConfigured, match="at least 4"):
                env.number("ELIOT_TEST", 3, minimum=4)


@pytest.mark.parametrize("value", ["", "x", "1.5", "--5", "+5", "1e3", "1_0", "\u0661\u0662", "-"])
def test_what_is_no_whole_number_fails_with_the_variables_name(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match="ELIOT_TEST must be a whole number"):
        env.number(name, 3, minimum=-100)


@pytest.mark.parametrize("value", ["Mars/Olympus", "Europe", "/etc/localtime", "../UTC", "CET-1"])
def test_what_is_no_time_zone_fails_with_the_variables_name(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match="ELIOT_TEST must be a time zone"):
        env.time_zone(name)


def test_a_named_time_zone_goes_before_this_machines_own(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", ":Europe/Berlin")
    assert env.time_zone(name) == "Europe/Berlin"
    monkeypatch.setenv(name, "Asia/Tokyo")
    assert env.time_zone(name) == "Asia/Tokyo"


@pytest.mark.parametrize("said", [None, "", "CET-1CEST,M3.5.0,M10.5.0/3"])
def test_this_machines_own_zone_is_where_its_clock_points(
    name: str, said: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("TZ") if said is None else monkeypatch.setenv("TZ", said)
    link = tmp_path / "localtime"
    link.symlink_to("/usr/share/zoneinfo/America/Argentina/Ushuaia")
    monkeypatch.setattr(env, "_LOCAL_TIME", link)
    assert env.time_zone(name) == "America/Argentina/Ushuaia"


def test_a_machine_that_cannot_tell_its_zone_has_utc(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("TZ", raising=False)
    monkeypatch.setattr(env, "_LOCAL_TIME", tmp_path / "gone")
    assert env.time_zone(name) == "UTC"


def test_a_secret_is_made_once_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    secret = env.kept_secret(path)
    assert len(secret) > 60
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert env.kept_secret(path) == secret == path.read_text()
    assert env.kept_secret(tmp_path / "other") != secret


def test_processes_that_start_together_share_one_secret(tmp_path: Path) -> None:
    for round_number in range(20):
        path = tmp_path / str(round_number)
        with ThreadPoolExecutor(8) as pool:
            found = set(pool.map(env.kept_secret, [path] * 8))
        assert found == {path.read_text()}
        assert "" not in found


def test_an_empty_secret_fails_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(env, "PATIENCE_S", 0.05)
    path = tmp_path / "secret"
    path.touch()
    with pytest.raises(ImproperlyConfigured, match=r"is empty\. Delete it"):
        env.kept_secret(path)


def test_a_secret_that_cannot_be_read_fails_and_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"cannot be read .* delete it"):
        env.kept_secret(tmp_path)


def test_a_data_folder_is_made_and_left_empty(tmp_path: Path) -> None:
    folder = env.data_folder(tmp_path / "new" / "data")
    assert folder == tmp_path / "new" / "data"
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["file", "file/within", "ring", "ring/within", "long" * 100])
def test_a_data_folder_that_cannot_be_made_fails_with_its_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "ring").symlink_to(tmp_path / "ring")
    with pytest.raises(ImproperlyConfigured, match="cannot write to its data folder") as caught:
        env.data_folder(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


def test_a_data_folder_that_takes_no_files_fails_with_its_name() -> None:
    with pytest.raises(ImproperlyConfigured, match="cannot write to its data folder /proc "):
        env.data_folder(Path("/proc"))


def test_a_disk_without_room_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env, "LEAST_FREE", 10**18)
    with pytest.raises(ImproperlyConfigured, match=r"MB free and needs .* Make room"):
        env.data_folder(tmp_path)
