"""The demo farm's child process, and its nodes as rows."""

import hashlib
import json
import logging
import select
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from django.conf import settings

from farm_app.demo.roster import demo_farm
from farm_app.demo.spec import NodeSpec
from farm_app.models import GpuNode

logger = logging.getLogger(__name__)

PORTS: Final = range(18200, 28200, 20)
READY_S: Final = 20
STOP_S: Final = 3
# As weak as `nice 5`: pretend GPUs take from this machine only what nobody else wants.
SESSION_NICE: Final = 5
_TOO_SLOW: Final = "they do not listen yet, and were ended."


class DemoFarmFailed(Exception):
    """The demo nodes did not start."""


def _folder() -> Path:
    return Path(settings.ELIOT_DATA) / "demo"


def base_port(count: int) -> int:
    """Return the first of ``count`` free ports: always the same for one data folder, as long as they are free.

    Addresses must not change from start to start: open attempts remember them.
    """
    note = _folder() / "base-port"
    digest = hashlib.sha256(str(settings.ELIOT_DATA).encode()).digest()
    first = int.from_bytes(digest[:4], "big") % len(PORTS)
    candidates = [PORTS[(first + step) % len(PORTS)] for step in range(len(PORTS))]
    if note.exists() and (kept := note.read_text().strip()).isdecimal():
        candidates.insert(0, int(kept))
    for port in candidates:
        if all(_is_free(port + place) for place in range(count)):
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(str(port))
            return port
    msg = "No free ports for the demo nodes on this machine."
    raise DemoFarmFailed(msg)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _last_words() -> str:
    said = (_folder() / "farm.log").read_text(encoding="utf-8").strip().splitlines()
    return said[-1] if said else "no reason was given"


def _step_back(session: int) -> None:
    """Let a session compute when no other one wants to.

    Linux shares processors among sessions first, so what its threads say of themselves counts among these only.
    """
    with suppress(OSError):  # other systems, and kernels that do not share that way
        Path(f"/proc/{session}/autogroup").write_text(str(SESSION_NICE))


class DemoFarm:
    """Demo nodes in one child process without Django; they die with their parent."""

    def __init__(self, count: int, speed: float) -> None:
        """Describe ``count`` nodes that work ``speed`` times as fast as their cards."""
        self.specs: Sequence[NodeSpec] = demo_farm(count, base_port(count), _folder(), speed)
        self._child: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the child and wait until all its nodes listen.

        Raises:
            DemoFarmFailed: It ended instead, or they did not listen in time; says why.
        """
        file = _folder() / "farm.json"
        file.write_text(json.dumps([spec.to_json() for spec in self.specs]), encoding="utf-8")
        command = [sys.executable, "-m", "farm_app.demo", "--specs", str(file)]
        log = (_folder() / "farm.log").open("w", encoding="utf-8")
        with log:
            self._child = subprocess.Popen(  # noqa: S603 - our own module
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=settings.BASE_DIR,
                start_new_session=True,
            )
        _step_back(self._child.pid)
        line = self._first_line()
        if line is None or not line.startswith("{"):
            self.stop()
            why = _TOO_SLOW if line is None else _last_words()
            msg = f"The demo nodes did not start: {why}"
            raise DemoFarmFailed(msg)

    def _first_line(self) -> str | None:
        """Return what the child says first: nothing if it ends instead, None if that takes too long."""
        if self._child is None or self._child.stdout is None:
            return None
        said, _, _ = select.select([self._child.stdout], [], [], READY_S)
        return self._child.stdout.readline() if said else None

    def stop(self) -> None:
        """End the child; it also ends by itself when its parent dies."""
        if self._child is None:
            return
        with self._child as child:  # which closes its pipes
            child.terminate()
            try:
                child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()


def register(specs: Sequence[NodeSpec]) -> None:
    """Make rows of demo nodes; rows of demo nodes that do not run now are switched off.

    A row is known by its address, since people rename nodes. A real one at that address is left as it is.
    """
    shown: list[int] = []
    for spec in specs:
        facts = {
            "card": spec.card,
            "host": "127.0.0.1",
            "port": spec.port,
            "tier": spec.tier,
            "vram_gb": spec.vram_gb,
            "capabilities": [*spec.families],
            "max_resolution": spec.max_resolution,
            "max_batch": spec.max_batch,
            "is_enabled": True,
            "health_checked_at": None,
        }
        node = _row_of(spec)
        if node is None or node.is_demo:
            slug = _free_name(spec.name) if node is None else node.slug
            row, _ = GpuNode.objects.update_or_create(
                slug=slug, defaults={**facts, "is_demo": True}
            )
            shown.append(row.pk)
    GpuNode.objects.filter(is_demo=True).exclude(pk__in=shown).update(is_enabled=False)


def _row_of(spec: NodeSpec) -> GpuNode | None:
    """Return the row at its address, or else the demo node of its name, which had another port."""
    there = GpuNode.objects.filter(host="127.0.0.1", port=spec.port).first()
    names = (spec.name, f"demo-{spec.name}")
    return there or GpuNode.objects.filter(is_demo=True, slug__in=names).first()


def _free_name(name: str) -> str:
    """Return a name for a new row; a real node may have the usual one."""
    return f"demo-{name}" if GpuNode.objects.filter(slug=name).exists() else name


def switch_off() -> None:
    """Switch the rows of demo nodes off: real ones do the work."""
    GpuNode.objects.filter(is_demo=True).update(is_enabled=False)
