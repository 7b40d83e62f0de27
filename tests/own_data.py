"""A pytest plugin: a data folder of its own for every test process, set before settings are read."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_given = os.environ.get("ELIOT_DATA")
_worker = os.environ.get("PYTEST_XDIST_WORKER", "")

if not _given:
    _given = tempfile.mkdtemp(prefix="eliot-tests-")
    atexit.register(shutil.rmtree, _given, ignore_errors=True)
    os.environ["ELIOT_DATA"] = _given
if _worker and Path(_given).name != _worker:
    # Queue file, spool and thumbnails must not be shared between two workers.
    os.environ["ELIOT_DATA"] = str(Path(_given) / _worker)
# Whoever asks for a page makes the whole application, which looks for the folder of static files.
Path(os.environ["ELIOT_DATA"], "static").mkdir(parents=True, exist_ok=True)
os.environ.setdefault("ELIOT_TIME_PERCENT", "25")
os.environ.setdefault("ELIOT_TIME_ZONE", "UTC")
