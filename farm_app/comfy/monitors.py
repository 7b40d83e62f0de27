"""Reads what node packs tell of the machine that they run on, several times a second. Touches no socket.

Two are known: ComfyUI-Crystools (``crystools.monitor``: bytes, and -1 for what it cannot tell) and KayTool
(``kaytool.resources``: GiB as floats, and a sentence instead of the list where it knows no GPU). Both tell everybody
on the socket. Of several GPUs the first counts: a ComfyUI renders on one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from farm_app.comfy.untrusted import listing, mapping, number

GIB = 2**30


@dataclass(frozen=True)
class Monitored:
    """How the GPU is now. What is not told is None, never zero."""

    load_percent: float | None = None
    temperature_c: float | None = None
    vram_used_gb: float | None = None
    vram_total_gb: float | None = None
    prompt_id: str | None = None
    """Always None: it belongs to no prompt."""

    @property
    def says_nothing(self) -> bool:
        """Whether nothing of it can be shown."""
        return self == Monitored()


def read_crystools(data: dict[str, Any]) -> Monitored:
    """Reads ``crystools.monitor``."""
    gpu = mapping(next(iter(listing(data.get("gpus"))), None))
    return _monitored(
        load=gpu.get("gpu_utilization"),
        temperature=gpu.get("gpu_temperature"),
        used=gpu.get("vram_used"),
        total=gpu.get("vram_total"),
        unit=GIB,
    )


def read_kaytool(data: dict[str, Any]) -> Monitored:
    """Reads ``kaytool.resources``."""
    gpu = mapping(next(iter(listing(data.get("gpu"))), None))
    return _monitored(
        load=gpu.get("load"),
        temperature=gpu.get("temperature"),
        used=gpu.get("memory_used"),
        total=gpu.get("memory_total"),
        unit=1,
    )


def _monitored(
    *, load: object, temperature: object, used: object, total: object, unit: float
) -> Monitored:
    total_gb = _told(total, above=0.0)
    used_gb = _told(used)
    has_memory = total_gb is not None and used_gb is not None and used_gb <= total_gb
    return Monitored(
        load_percent=_told(load, most=100.0),
        temperature_c=_told(temperature, above=0.0, most=200.0),
        vram_used_gb=used_gb / unit if has_memory and used_gb is not None else None,
        vram_total_gb=total_gb / unit if has_memory and total_gb is not None else None,
    )


def _told(value: object, *, above: float | None = None, most: float = 2.0**60) -> float | None:
    """Returns a number that makes sense, or None: negative ones stand for "cannot tell"."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    found = number(value)
    if found != value or not 0.0 <= found <= most:
        return None
    return None if above is not None and found <= above else found


READERS: dict[str, Callable[[dict[str, Any]], Monitored]] = {
    "crystools.monitor": read_crystools,
    "kaytool.resources": read_kaytool,
}
