"""Tells how the pretend GPU is, in the words of a real node pack; a node without such a pack says nothing."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from farm_app import families
from farm_app.demo.engine import Engine
from farm_app.demo.features import GIBIBYTE
from farm_app.demo.sockets import Sockets, text_message
from farm_app.demo.spec import NodeSpec

EVERY_S: Final = 1.0
IDLE_C, BUSY_C = 41.0, 77.0
IDLE_LOAD, BUSY_LOAD = 2, 97
# How much of the way to its next temperature a card goes in a second.
WARMING: Final = 0.15
# Desktop and CUDA, and the share of a family's memory that its weights take.
BASE_SHARE, WEIGHTS_SHARE = 0.06, 0.62
RENDERING_GB: Final = 1.1


def used_gb(spec: NodeSpec, engine: Engine) -> float:
    """Return the pretend memory in use: what is resident, and some more while it renders."""
    family = families.FAMILIES.get(families.guess(engine.resident or "") or "")
    weights_gb = family.vram_gb * WEIGHTS_SHARE if family else 0.0
    at_work_gb = RENDERING_GB if engine.queue.running is not None else 0.0
    return min(spec.vram_gb * BASE_SHARE + weights_gb + at_work_gb, spec.vram_gb * 0.97)


class Monitor:
    """One node's pretend node pack."""

    def __init__(self, spec: NodeSpec, engine: Engine, sockets: Sockets) -> None:
        """Start with a cool card."""
        self.spec = spec
        self.engine = engine
        self.sockets = sockets
        self.temperature_c = IDLE_C

    async def tell(self) -> None:
        """Tell everybody on the socket once a second, until cancelled."""
        shape = SHAPES.get(self.spec.monitor)
        while shape is not None:
            await asyncio.sleep(EVERY_S)
            is_busy = self.engine.queue.running is not None
            self.temperature_c += WARMING * ((BUSY_C if is_busy else IDLE_C) - self.temperature_c)
            if self.sockets.has_listeners:
                event, data = shape(self, BUSY_LOAD if is_busy else IDLE_LOAD)
                self.sockets.send(text_message(event, data))


def _crystools(monitor: Monitor, load: int) -> tuple[str, dict[str, Any]]:
    total = int(monitor.spec.vram_gb * GIBIBYTE)
    used = int(used_gb(monitor.spec, monitor.engine) * GIBIBYTE)
    gpu = {
        "gpu_utilization": load,
        "gpu_temperature": round(monitor.temperature_c),
        "vram_total": total,
        "vram_used": used,
        "vram_used_percent": 100 * used / total,
    }
    data = {
        "cpu_utilization": 7.5,
        "ram_total": 32 * GIBIBYTE,
        "ram_used": 16 * GIBIBYTE,
        "ram_used_percent": 50.0,
        "hdd_total": -1,
        "hdd_used": -1,
        "hdd_used_percent": -1,
        "device_type": "cuda",
        "gpus": [gpu],
    }
    return "crystools.monitor", data


def _kaytool(monitor: Monitor, load: int) -> tuple[str, dict[str, Any]]:
    used = used_gb(monitor.spec, monitor.engine)
    gpu = {
        "index": 0,
        "name": f"NVIDIA GeForce {monitor.spec.card}",
        "load": float(load),
        "memory_used": used,
        "memory_total": monitor.spec.vram_gb,
        "memory_percent": 100 * used / monitor.spec.vram_gb,
        "temperature": round(monitor.temperature_c, 1),
    }
    data = {
        "cpu_percent": 7.5,
        "cpu_count": 16,
        "cpu_name": "demo",
        "ram_total": 32.0,
        "ram_used": 16.0,
        "ram_percent": 50.0,
        "gpu": [gpu],
    }
    return "kaytool.resources", data


SHAPES: Mapping[str, Callable[[Monitor, int], tuple[str, dict[str, Any]]]] = {
    "crystools": _crystools,
    "kaytool": _kaytool,
}
