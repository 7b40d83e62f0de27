"""Settings as a process reads them: safe by default, and ready for a public address."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

SHOW = """
import json
from eliot import settings as s
print(json.dumps({name: value for name in dir(s) if name.isupper()
    for value in [getattr(s, name)] if isinstance(value, (str, int, float, list, dict, type(None)))},
    default=str))
"""


def read(data: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ELIOT_")}
    return subprocess.run(
        [sys.executable, *command],
        env={**clean, "ELIOT_DATA": str(data), **variables},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def shown(data: Path, **variables: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(read(data, "-c", SHOW, **variables).stdout)
    return found


def test_the_defaults_let_in_this_machine_and_show_no_details(tmp_path: Path) -> None:
    found = shown(tmp_path)
    assert found["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]"]
    assert found["DEBUG"] is False
    assert found["ELIOT_PUBLIC_URL"] == ""
    assert found["SECRET_KEY"] == (tmp_path / "secret_key").read_text()
    assert found["SESSION_COOKIE_NAME"].endswith((tmp_path / "install_id").read_text())
    assert found["DATABASES"]["default"]["NAME"] == str(tmp_path / "eliot.sqlite3")
    assert found["HUEY"]["immediate"] is False


def test_two_installs_share_neither_key_nor_cookie(tmp_path: Path) -> None:
    names = ("SECRET_KEY", "SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME")
    first, second = shown(tmp_path / "a"), shown(tmp_path / "b")
    assert all(first[name] != second[name] for name in names)


def test_a_public_address_makes_everything_strict(tmp_path: Path) -> None:
    found = shown(tmp_path, ELIOT_PUBLIC_URL="https://eliot.example.com/")
    assert found["ALLOWED_HOSTS"][-1] == "eliot.example.com"
    assert found["CSRF_TRUSTED_ORIGINS"] == ["https://eliot.example.com"]
    for name in ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT"):
        assert found[name] is True
    assert found["SECURE_HSTS_SECONDS"] > 0


def test_a_wrong_variable_stops_the_start_with_its_name(tmp_path: Path) -> None:
    for name, value in (("ELIOT_WORKERS", "many"), ("ELIOT_DEBUG", "perhaps")):
        failed = read(tmp_path, "-c", "import eliot.settings", **{name: value})
        assert failed.returncode == 1
        assert f"{name} must be" in failed.stderr


def test_the_deployment_check_has_nothing_to_say(tmp_path: Path) -> None:
    strict = ("manage.py", "check", "--deploy", "--fail-level", "WARNING")
    checked = read(tmp_path, *strict, ELIOT_PUBLIC_URL="https://eliot.example.com")
    assert "no issues (0 silenced)" in checked.stdout + checked.stderr
    assert checked.returncode == 0


@pytest.mark.parametrize("command", [("start",), ("load_farm", "x.yaml"), ("dump_farm",)])
def test_a_data_folder_that_is_a_file_is_said_in_one_sentence(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    data = tmp_path / "data"
    data.touch()
    ended = read(data, "manage.py", *command)
    (said,) = ended.stderr.splitlines()
    assert said.startswith(f"Eliot cannot write to its data folder {data} (a file is in its place)")
    assert "set ELIOT_DATA" in said
    assert (ended.returncode, ended.stdout) == (1, "")


def test_generate_tells_it_in_its_object_too(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    ended = read(tmp_path / "data", "manage.py", "generate", "x", "--json")
    found = json.loads(ended.stdout.splitlines()[-1])
    assert found["generations"] == []
    assert found["error"] == ended.stderr.strip()
    assert ended.returncode == 1


def test_a_wrong_variable_is_one_sentence_on_the_command_line(tmp_path: Path) -> None:
    ended = read(tmp_path, "manage.py", "start", ELIOT_WORKERS="many")
    assert ended.stderr == "ELIOT_WORKERS must be a whole number of at least 4, not 'many'.\n"
