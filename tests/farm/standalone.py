"""Eliot's workers as a process of their own, with their own data folder, so that they can really be killed.

``place NODES COUNT VERBS`` makes the rows first; then of the verbs, with commas between, ``work`` runs workers until
nothing is open, ``tell`` prints what is there. ``begin`` runs workers until something renders and leaves them running,
``doze`` lets three seconds count as a standstill of its own, ``cancel`` cancels all that is open, ``more`` asks for one
more picture, ``prefer`` for one that would rather be made on the first node, ``first`` and ``last`` for one that only
the first or the last node may make, ``refine`` for one from the first that is done, ``pages`` serves pages alone,
``huey`` works until told to stop, ``upgrade`` migrates.
"""

import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eliot.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402

from eliot.failpoints import Failed  # noqa: E402
from eliot.launch.preparing import take_over  # noqa: E402
from farm_app import follow, health  # noqa: E402
from farm_app.models import Attempt, GpuNode, Job  # noqa: E402
from farm_app.models.jobs import NodeMode  # noqa: E402
from farm_app.models.states import OPEN_JOBS, AttemptState  # noqa: E402
from farm_app.seeding import seed_workflows  # noqa: E402
from farm_app.workers import Workers  # noqa: E402
from gallery_app.models import Library, MediaFile  # noqa: E402
from sessions_app import takes  # noqa: E402
from sessions_app.models import Generation, WorkSession  # noqa: E402
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
    WorkSession.begin(title="Crash")
    if count:
        more(count)


def more(count: int = 1, **choice: Any) -> None:
    """Ask for so many drafts."""
    order = Order(
        stage=0,
        stage_name="Drafts",
        family="sd15",
        work="draft",
        count=count,
        values=VALUES,
        **choice,
    )
    place_round(WorkSession.objects.get(), order)


def prefer() -> None:
    """Ask for one more draft, best made on the first node."""
    more(node_mode=NodeMode.PREFER, node=GpuNode.objects.earliest("pk"))


def first() -> None:
    """Ask for one more draft, made on the first node or not at all."""
    more(node_mode=NodeMode.ONLY, node=GpuNode.objects.earliest("pk"))


def last() -> None:
    """Ask for one likewise, on the last node."""
    more(node_mode=NodeMode.ONLY, node=GpuNode.objects.latest("pk"))


def refine() -> None:
    """Ask for a picture that starts from another one, which must be uploaded first."""
    done = Generation.objects.filter(job__winner__isnull=False)[0]
    assert done.job.output is not None
    values = {**VALUES, "denoise": 0.5}
    order = Order(
        stage=1,
        stage_name="Refined",
        family="sd15",
        work="standard",
        count=1,
        values=values,
        sources=[done.job.output],
    )
    place_round(WorkSession.objects.get(), order)


def doze() -> None:
    """Scale what counts as a standstill of Eliot's own, as all times of drills are."""
    follow.OWN_LAG_S = 3.0  # type: ignore[misc]


_workers: list[Workers] = []


def begin() -> None:
    """Take over what a dead runner left, as `start` does under its lock, and work until something renders."""
    take_over()
    _workers.append(Workers())
    _workers[0].start()
    while not Attempt.objects.filter(state=AttemptState.RUNNING).exists():
        time.sleep(0.005)


def cancel() -> None:
    """Cancel all that is open; where that fails, press again as people do."""
    while there := list(Generation.objects.filter(job__state__in=OPEN_JOBS)):
        with suppress(Failed):
            takes.cancel(there)
            return


def work() -> None:
    """Take over, unless that is done, and work until all has ended."""
    if not _workers:
        take_over()
        _workers.append(Workers())
        _workers[0].start()
    while Job.objects.filter(state__in=OPEN_JOBS).exists():
        time.sleep(0.02)
    _workers.pop().stop(grace_s=10)


def tell() -> None:
    """Print what became of it all; the invariants are checked on the way.

    Where two nodes made the same picture and both are home, the second is in the library's trash, and does not count.
    """
    assert_sound(Path(settings.ELIOT_DATA))
    states = list(Job.objects.values_list("state", flat=True))
    root = Library.default().root_path
    files = sorted(path.name for path in root.rglob("*.png") if "trash" not in path.parts)
    won = set(
        MediaFile.objects.filter(made_by__isnull=False).values_list("made_by__job", flat=True)
    )
    attempts = Attempt.objects.order_by("job", "fence").values_list("job", "node__slug", "state")
    failures = list(Job.objects.order_by("pk").values_list("failures", flat=True))
    found = {"states": states, "files": files, "won": len(won)}
    found |= {"rows": MediaFile.objects.filter(trashed_at__isnull=True).count()}
    found |= {"attempts": list(attempts), "failures": failures}
    found |= {"fetches": list(Attempt.objects.values_list("fetches", flat=True))}
    sys.stdout.write(json.dumps(found) + "\n")


def huey() -> None:
    """Work as one of several: `manage.py run_huey`."""
    call_command("run_huey")


def upgrade() -> None:
    """Bring the tables up to date."""
    call_command("migrate", verbosity=0)


def pages() -> None:
    """Serve pages without workers, as where Eliot runs on many machines; prints its address."""
    import daphne.server  # noqa: F401 - before anything that imports a reactor

    from eliot.launch.serving import open_socket, serve

    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}  # nothing is collected here
    listener = open_socket("127.0.0.1", 0)
    port = listener.getsockname()[1]

    def say() -> None:
        sys.stdout.write(json.dumps(f"http://127.0.0.1:{port}") + "\n")
        sys.stdout.flush()

    serve(listener, say)


VERBS = {
    "work": work,
    "tell": tell,
    "doze": doze,
    "begin": begin,
    "cancel": cancel,
    "more": more,
    "prefer": prefer,
    "first": first,
    "last": last,
    "refine": refine,
    "huey": huey,
    "pages": pages,
    "upgrade": upgrade,
}


def main(words: list[str]) -> None:
    """Do what the command line says."""
    if words[0] == "place":
        place(json.loads(words[1]), int(words[2]))
    for verb in words[-1].split(","):
        VERBS[verb]()


if __name__ == "__main__":
    main(sys.argv[1:])
