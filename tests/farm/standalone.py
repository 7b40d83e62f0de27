"""Eliot's workers as a process of their own, with their own data folder, so that they can really be killed.

``place NODES COUNT VERBS`` makes the rows first; then of the verbs, with commas between, ``work`` runs workers until
nothing is open, ``tell`` prints what is there.
"""

import json
import os
import sys
import time
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eliot.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402

from eliot.launch.preparing import take_over  # noqa: E402
from farm_app import health  # noqa: E402
from farm_app.models import GpuNode, Job  # noqa: E402
from farm_app.models.states import OPEN_JOBS  # noqa: E402
from farm_app.seeding import seed_workflows  # noqa: E402
from farm_app.workers import Workers  # noqa: E402
from gallery_app.models import Library, MediaFile  # noqa: E402
from sessions_app.models import WorkSession  # noqa: E402
from sessions_app.order import Order, place_round  # noqa: E402
from tests.farm.rig import VALUES, assert_sound  # noqa: E402


def place(nodes: dict[str, int], count: int) -> None:
    """Make the tables, the nodes' rows and a round of drafts."""
    call_command("migrate", verbosity=0)
    seed_workflows()
    Library.default()
    for slug, port in nodes.items():
        node = GpuNode.objects.create(
            slug=slug, host="127.0.0.1", port=port, capabilities=["sd15"], vram_gb=8
        )
        health.probe(node.pk)
    order = Order(
        stage=0, stage_name="Drafts", family="sd15", work="draft", count=count, values=VALUES
    )
    place_round(WorkSession.begin(title="Crash"), order)


def work() -> None:
    """Take over what a dead runner left, as `start` does under its lock, and work until all has ended."""
    take_over()
    workers = Workers()
    workers.start()
    while Job.objects.filter(state__in=OPEN_JOBS).exists():
        time.sleep(0.02)
    workers.stop(grace_s=10)


def tell() -> None:
    """Print what became of it all; the invariants are checked on the way."""
    assert_sound(Path(settings.ELIOT_DATA))
    states = list(Job.objects.values_list("state", flat=True))
    files = sorted(path.name for path in Library.default().root_path.rglob("*.png"))
    won = set(
        MediaFile.objects.filter(made_by__isnull=False).values_list("made_by__job", flat=True)
    )
    found = {"states": states, "files": files, "won": len(won), "rows": MediaFile.objects.count()}
    sys.stdout.write(json.dumps(found) + "\n")


VERBS = {"work": work, "tell": tell}

if __name__ == "__main__":
    if sys.argv[1] == "place":
        place(json.loads(sys.argv[2]), int(sys.argv[3]))
    for verb in sys.argv[-1].split(","):
        VERBS[verb]()
