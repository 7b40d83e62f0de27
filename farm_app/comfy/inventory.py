"""Reads what a node says that it is and has: /system_stats and /object_info. Touches no socket.

Shapes as recorded from ComfyUI 0.33.0 and 0.3.64; both mix two forms of option lists.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from farm_app.comfy.untrusted import listing, mapping, number, text

MOST_CHOICES = 20_000
"""So many files of a folder are read; a node with more is not searched by name anyway."""
LONGEST_NAME = 400
_HARMLESS = (
    *("--cpu", "--disable-metadata", "--disable-smart-memory", "--enable-assets", "--fast"),
    *("--fp16-vae", "--fp32-vae", "--gpu-only", "--highvram", "--listen", "--lowvram"),
    *("--multi-user", "--normalvram", "--novram", "--preview-method"),
)
"""Command line switches that are told on: without their values, which may hold paths."""

_FOLDERS: dict[str, tuple[tuple[str, str], ...]] = {
    "checkpoints": (
        ("CheckpointLoaderSimple", "ckpt_name"),
        ("CheckpointLoader", "ckpt_name"),
        ("ImageOnlyCheckpointLoader", "ckpt_name"),
        ("unCLIPCheckpointLoader", "ckpt_name"),
    ),
    "loras": (("LoraLoader", "lora_name"), ("LoraLoaderModelOnly", "lora_name")),
    "vae": (("VAELoader", "vae_name"),),
    "upscale_models": (("UpscaleModelLoader", "model_name"),),
    "diffusion_models": (("UNETLoader", "unet_name"), ("UnetLoaderGGUF", "unet_name")),
    "text_encoders": (
        ("CLIPLoader", "clip_name"),
        ("DualCLIPLoader", "clip_name1"),
        ("DualCLIPLoader", "clip_name2"),
        ("CLIPLoaderGGUF", "clip_name"),
    ),
    "clip_vision": (("CLIPVisionLoader", "clip_name"),),
    "controlnet": (("ControlNetLoader", "control_net_name"),),
    "style_models": (("StyleModelLoader", "style_model_name"),),
    "ipadapter": (("IPAdapterModelLoader", "ipadapter_file"),),
}
"""Where each folder's files can be read: the same folder whatever the server calls it (``unet``
became ``diffusion_models`` and ``clip`` became ``text_encoders``)."""


@dataclass(frozen=True)
class SystemStats:
    """What the machine is. Sizes in GiB; a node without a GPU tells its RAM as VRAM."""

    version: str
    """ComfyUI's version; empty on servers older than that field."""
    os: str
    device: str
    device_type: str
    vram_total_gb: float | None
    vram_free_gb: float | None
    """None where it does not tell."""
    argv_known: tuple[str, ...]
    """The harmless ones of its command line switches, without values."""


@dataclass(frozen=True)
class Inventory:
    """What graphs may name on this node, spelled as the node spells it."""

    node_classes: frozenset[str]
    models: Mapping[str, tuple[str, ...]]
    """By folder: checkpoints, loras, vae, upscale_models, diffusion_models, text_encoders,
    clip_vision, controlnet, style_models, ipadapter. A folder without a loader is empty."""
    samplers: tuple[str, ...]
    schedulers: tuple[str, ...]


def read_system_stats(answer: object) -> SystemStats:
    """Reads /system_stats, which is also how a ComfyUI is told from any other web server.

    Raises:
        ValueError: not a ComfyUI.
    """
    found = mapping(answer)
    system, devices = found.get("system"), found.get("devices")
    if not isinstance(system, dict) or not isinstance(devices, list) or "os" not in system:
        raise ValueError("no system and devices")
    device = mapping(devices[0]) if devices else {}
    argv = {item.split("=")[0] for item in listing(system.get("argv")) if isinstance(item, str)}
    return SystemStats(
        version=text(system.get("comfyui_version"), 50),
        os=text(system.get("os"), 50),
        device=text(device.get("name"), 200),
        device_type=text(device.get("type"), 50),
        vram_total_gb=_gib(device.get("vram_total")),
        vram_free_gb=_gib(device.get("vram_free")),
        argv_known=tuple(switch for switch in _HARMLESS if switch in argv),
    )


def _gib(size_bytes: object) -> float | None:
    if not isinstance(size_bytes, int | float) or isinstance(size_bytes, bool):
        return None
    return round(max(0.0, number(size_bytes)) / 2**30, 2)


def read_inventory(answer: object) -> Inventory:
    """Reads /object_info.

    Raises:
        ValueError: not an object of node classes.
    """
    if not isinstance(answer, dict) or not all(isinstance(item, dict) for item in answer.values()):
        raise ValueError("not an object of node classes")
    # Believed, an answer of another kind would say that all models are gone.
    if not any(isinstance(item.get("input"), dict) for item in answer.values()):
        raise ValueError("not one of the node classes says what it takes")
    return Inventory(
        node_classes=frozenset(text(name, 300) for name in answer),
        models={folder: _files(answer, inputs) for folder, inputs in _FOLDERS.items()},
        samplers=options(answer, "KSampler", "sampler_name"),
        schedulers=options(answer, "KSampler", "scheduler"),
    )


def _files(answer: Mapping[str, Any], inputs: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    names = (name for class_type, given in inputs for name in options(answer, class_type, given))
    return tuple(dict.fromkeys(names))


def options(answer: Mapping[str, Any], class_type: str, input_name: str) -> tuple[str, ...]:
    """Returns the choices of one input of a node class, in the server's order; empty if none."""
    inputs = mapping(mapping(answer.get(class_type)).get("input"))
    for group in ("required", "optional"):
        if input_name in mapping(inputs.get(group)):
            return tuple(_choices(inputs[group][input_name]))
    return ()


def _choices(spec: object) -> Iterator[str]:
    """Yields the choices of ``[["a", "b"], {…}]`` or of ``["COMBO", {"options": ["a", "b"]}]``.

    A name that UTF-8 cannot hold is left out: no row could keep it, no request could name it.
    """
    form = [*listing(spec), None, None]
    items = form[0] if isinstance(form[0], list) else mapping(form[1]).get("options")
    for item in listing(items)[:MOST_CHOICES]:
        if isinstance(item, str) and 0 < len(item) <= LONGEST_NAME and text(item) == item:
            yield item
