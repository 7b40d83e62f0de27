"""Measuring on an empty Eliot: in a process of its own, with a folder of its own that is gone afterwards."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.conf import settings

from eliot.bench.process import BenchFailed

LIMIT_S: Final = 300

Figures = Mapping[str, float]


def measured_elsewhere(module: str, *words: object) -> dict[str, float]:
    """Return what a module of ours measures when it is run with these words; it ends with `measure_here`.

    Raises:
        BenchFailed: The process did not end well.
    """
    with tempfile.TemporaryDirectory(prefix="eliot-bench-") as folder:
        env = {**os.environ, "ELIOT_DATA": folder, "DJANGO_SETTINGS_MODULE": "eliot.settings"}
        ended = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", module, *map(str, words)],
            cwd=settings.BASE_DIR,
            env={**env, "ELIOT_LOG_LEVEL": "ERROR"},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
    if ended.returncode:
        raise BenchFailed(ended.stderr.strip()[-2000:])
    figures: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return figures


def measure_here(measure: Callable[..., Figures]) -> None:
    """Set Eliot up in this process, measure with the words of the command line, and print the figures."""
    import django

    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}  # nothing is collected here
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    sys.stdout.write(json.dumps(measure(*sys.argv[1:])) + "\n")


def expect_page(reply: Any) -> None:
    """Refuse an answer that is not what was asked for.

    Raises:
        BenchFailed: It is something else.
    """
    if reply.status_code != 200:
        msg = f"{reply.request['PATH_INFO']} answered {reply.status_code}"
        raise BenchFailed(msg)
