"""The documents name what there is."""

import re
from pathlib import Path

import pytest
from django.conf import settings

CODE = ("eliot", "storyboard_app", "sessions_app", "farm_app", "gallery_app", "scripts")
READ = re.compile(r"""(?:env\.\w+\(|environ\.get\(|environ\[)\s*["'](ELIOT_\w+)["']""")
ROW = re.compile(r"^\| `(ELIOT_\w+)` \|", re.MULTILINE)
PATH = re.compile(
    r"`((?:eliot|sessions_app|farm_app|gallery_app|templates|static|tests|docs)/[\w/.-]+)"
)


def sources() -> list[Path]:
    return [path for folder in CODE for path in (settings.BASE_DIR / folder).rglob("*.py")]


def test_every_variable_that_is_read_is_in_the_table_of_settings() -> None:
    read = {name for path in sources() for name in READ.findall(path.read_text(encoding="utf-8"))}
    table = (settings.BASE_DIR / "docs" / "settings.md").read_text(encoding="utf-8")
    assert sorted(ROW.findall(table)) == sorted(read)


@pytest.mark.parametrize(
    "document", ["README.md", "CONTRIBUTING.md", "docs/walk.md", "docs/api.md"]
)
def test_every_file_that_is_named_is_there(document: str) -> None:
    named = PATH.findall((settings.BASE_DIR / document).read_text(encoding="utf-8"))
    assert [path for path in named if not (settings.BASE_DIR / path).exists()] == []
