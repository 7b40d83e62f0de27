"""A ComfyUI that `start` found on this machine and offers: a note in the data folder, no row until somebody adds it."""

from pathlib import Path
from typing import Final

from django.conf import settings

from farm_app.comfy.client import ComfyClient
from farm_app.comfy.errors import ComfyError
from farm_app.models import GpuNode

USUAL_HOST, USUAL_PORT = "127.0.0.1", 8188
_NOTE: Final = "found-comfyui"


def look_on_this_machine() -> str | None:
    """Return the address of a ComfyUI on the usual port of this machine; note it for the pages, or drop the note."""
    origin = f"http://{USUAL_HOST}:{USUAL_PORT}"
    try:
        with ComfyClient(origin, connect_timeout_s=0.5, read_timeout_s=3.0) as client:
            client.system_stats()
    except ComfyError:
        _note().unlink(missing_ok=True)
        return None
    _note().write_text(origin, encoding="utf-8")
    return origin


def found_node() -> str | None:
    """Return the noted address while no node has it."""
    try:
        origin = _note().read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    is_known = GpuNode.objects.filter(host__in=(USUAL_HOST, "localhost"), port=USUAL_PORT).exists()
    return None if is_known else origin


def _note() -> Path:
    return Path(settings.ELIOT_DATA) / _NOTE
