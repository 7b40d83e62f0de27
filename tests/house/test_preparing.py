"""What a start looks at before anything runs."""

import os
import subprocess
import sys
from pathlib import Path

from django.conf import settings


def start(data: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a start that is expected to end by itself."""
    return subprocess.run(
        [sys.executable, "manage.py", "start", "--port", "0", "--no-demo", *arguments],
        cwd=settings.BASE_DIR,
        env={**os.environ, "ELIOT_DATA": str(data), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_start_says_which_set_up_is_wrong_and_how_to_mend_it(tmp_path: Path) -> None:
    (tmp_path / "pictures").write_text("in the way of the pictures' folder")
    reply = start(tmp_path)
    assert reply.returncode == 1
    assert "gallery.E001" in reply.stderr
    assert "HINT: Give the user that runs Eliot the right to write there" in reply.stderr
    assert "Traceback" not in reply.stderr


def test_plain_check_looks_at_the_database_too(tmp_path: Path) -> None:
    deferred = (
        "import sys, runpy; from eliot import settings;"
        "settings.DATABASES['default']['OPTIONS']['transaction_mode'] = 'DEFERRED';"
        "sys.argv = ['manage.py', 'check']; runpy.run_path('manage.py', run_name='__main__')"
    )
    reply = subprocess.run(
        [sys.executable, "-c", deferred],
        cwd=settings.BASE_DIR,
        env={**os.environ, "ELIOT_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert reply.returncode == 1
    assert "farm.E002" in reply.stderr
