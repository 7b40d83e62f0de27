"""What a server of each profile says about itself."""

import platform
import sys
from typing import Any

from farm_app.demo.spec import NodeSpec, Profile

MAX_UPLOAD_BYTES = 100 * 1024 * 1024
GIBIBYTE = 1024**3
RAM_BYTES = 32 * GIBIBYTE

VERSIONS: dict[Profile, str] = {
    "legacy": "0.3.20",
    "honours_id": "0.3.64",
    "jobs": "0.33.0",
    "dedup_id": "0.34.0",
}
"""``jobs`` and ``honours_id`` are the recorded ones; the others stand for habits, not releases."""


def of(spec: NodeSpec) -> dict[str, Any]:
    """Return the answer to ``GET /features`` and to feature flags."""
    if not spec.modern:
        return {"supports_preview_metadata": True, "max_upload_size": MAX_UPLOAD_BYTES}
    return {
        "supports_preview_metadata": True,
        "supports_model_type_tags": True,
        "max_upload_size": MAX_UPLOAD_BYTES,
        "extension": {"manager": {"supports_v4": True}},
        "node_replacements": True,
        "assets": False,
    }


def system_stats(spec: NodeSpec, used_gb: float) -> dict[str, Any]:
    """Return the answer to ``GET /system_stats``; the device says that it is a demo."""
    vram = int(spec.vram_gb * GIBIBYTE)
    system: dict[str, Any] = {
        "os": "linux" if spec.modern else "posix",
        "ram_total": RAM_BYTES,
        "ram_free": RAM_BYTES // 2,
        "comfyui_version": VERSIONS[spec.profile],
        "required_frontend_version": "1.49.6" if spec.modern else "1.27.10",
        "python_version": f"{platform.python_version()} ({sys.platform})",
        "pytorch_version": "2.13.0+demo",
        "embedded_python": False,
        "argv": ["main.py"],
    }
    if spec.modern:
        system["deploy_environment"] = "demo"
    device = {
        "name": f"cuda:0 NVIDIA GeForce {spec.card} (demo, no GPU)",
        "type": "cuda",
        "index": 0,
        "vram_total": vram,
        "vram_free": vram - int(used_gb * GIBIBYTE),
        "torch_vram_total": 0,
        "torch_vram_free": 0,
    }
    return {"system": system, "devices": [device]}
