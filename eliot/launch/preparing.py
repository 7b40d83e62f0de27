"""What must be true before anything runs: tables, a sound set-up, seeds, static files, leases of a dead runner."""

import hashlib
import logging
import tempfile
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.template.loader import get_template
from django.utils import timezone
from PIL import Image

from eliot import statements
from farm_app import dispatch  # noqa: F401 - its statements are worded too
from farm_app.models import Attempt, Lease
from farm_app.seeding import seed_workflows
from farm_app.spool import tidy
from gallery_app.intake import look_at
from gallery_app.models import Library
from gallery_app.trash import finish_pending_moves
from sessions_app.seeding import seed_presets

logger = logging.getLogger(__name__)


def prepare() -> None:
    """Migrate, check, seed, and take up what an earlier runner left; only under the run lock.

    Raises:
        SystemCheckError: The set-up is wrong; names every fault with its hint. Warnings go to stderr.
    """
    call_command("migrate", verbosity=0, interactive=False)
    BaseCommand().check(databases=["default"])
    seed_workflows()
    seed_presets()
    Library.default()
    finish_pending_moves()
    take_over()


def take_over() -> None:
    """End the leases of this host's dead runner at once, and what it had half done: the kernel has freed its lock."""
    Lease.objects.free_host()
    Attempt.objects.filter(store_until__gt=timezone.now()).update(store_until=None)
    tidy(oldest_s=0)


def collect_static() -> None:
    """Collect static files into the data folder, unless they have not changed since the last start."""
    note = Path(settings.STATIC_ROOT) / ".collected"
    stamp = _static_stamp()
    if note.exists() and note.read_text(encoding="utf-8") == stamp:
        return
    call_command("collectstatic", verbosity=0, interactive=False, clear=True)
    note.write_text(stamp, encoding="utf-8")


def warm_up() -> None:
    """Read, word and load now what the first round would wait for, one after the other, while its pictures come."""
    folder = settings.BASE_DIR / "templates"
    for path in sorted(folder.rglob("*.html")):
        get_template(path.relative_to(folder).as_posix())
    statements.word_all()
    with tempfile.TemporaryDirectory(prefix=".warm-", dir=settings.ELIOT_DATA) as spool:
        picture = Path(spool) / "picture"
        Image.new("RGB", (8, 8)).save(picture, "PNG")
        sketch = look_at(picture).sketch
        if sketch is not None:
            sketch.picture.save(picture, "WEBP")


def _static_stamp() -> str:
    digest = hashlib.sha256(settings.VERSION.encode())
    for finder in finders.get_finders():
        for path, storage in finder.list([]):
            found = Path(storage.path(path)).stat()
            digest.update(f"{path} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()
