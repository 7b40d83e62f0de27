"""What the node classes of ComfyUI do for a picture: their phase, their weight, who writes files.

A graph alone does not say which of its nodes are outputs (only the server's ``/object_info``
does), so classes outside the core are judged by their names; the test holds this against the list
of output nodes of ComfyUI 0.33.0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

Phase = Literal["loading", "sampling", "decoding", "saving"]

DEFAULT_STEPS = 20
"""What a sampler is taken for whose steps are not written in the node itself."""

# First match wins. Weights are in sampler steps, roughly as timed on a warm node.
_RULES: tuple[tuple[str, Phase, float], ...] = (
    (r"^(Save|Preview)|VideoCombine|Save(Image)?$|Preview$|Save[A-Z]", "saving", 0.5),
    (r"^KSamplerSelect$|Sampler(Euler|DPM|LCM|LMS|SASolver|ER)|Scheduler$", "loading", 0.1),
    (r"^(KSampler|SamplerCustom)|Sampler|UltimateSDUpscale|Detailer", "sampling", DEFAULT_STEPS),
    (r"UpscaleWithModel|UpscaleImageUsingModel", "decoding", 8.0),
    (r"^VAEDecode|Decode", "decoding", 1.0),
    (r"CheckpointLoader|UNETLoader|UnetLoader|CLIPLoader|LoraLoader", "loading", 1.5),
    (r"^VAEEncode|TextEncode", "loading", 0.5),
    (r"Load|Encode|^Empty|^Image|^Latent|Conditioning|Guidance|ControlNet", "loading", 0.2),
)
_ELSE: tuple[Phase | None, float] = (None, 0.1)
_MODEL_SAVERS = re.compile(
    r"^((Image Only|ImageOnly)?Checkpoint|Lora|CLIP|VAE|Model)Save$|^SaveLoRA$"
)
_NOT_FILES = re.compile(
    r"^(PreviewAny|SaveText|LossGraphNode|ImageCompare|SaveImageWebsocket)$|Dataset|DataSet"
)


@lru_cache(maxsize=4096)
def _rule(class_type: str) -> tuple[Phase | None, float]:
    for pattern, phase, weight in _RULES:
        if re.search(pattern, class_type):
            return phase, weight
    return _ELSE


def phase_of(class_type: str) -> Phase | None:
    """Returns the phase that a node of this class stands for, None where the name tells nothing."""
    return _rule(class_type)[0]


def weight_of(class_type: str, inputs: Mapping[str, Any]) -> float:
    """Returns about how long the node takes, in steps of a sampler."""
    phase, weight = _rule(class_type)
    return float(declared_steps(inputs)) or weight if phase == "sampling" else weight


def declared_steps(inputs: Mapping[str, Any]) -> int:
    """Returns the steps that a sampler's own inputs say, 0 when they stand elsewhere."""
    steps = inputs.get("steps")
    if isinstance(steps, bool) or not isinstance(steps, int) or not 0 < steps <= 10_000:
        return 0
    first, last = inputs.get("start_at_step"), inputs.get("end_at_step")
    if isinstance(first, int) and isinstance(last, int):
        return max(1, min(last, steps) - max(first, 0))
    return steps


def writes_files(class_type: str) -> bool:
    """Says whether the class leaves finished files on the node that /history will list."""
    if _MODEL_SAVERS.search(class_type) or _NOT_FILES.search(class_type):
        return False
    return phase_of(class_type) == "saving" and not shows_preview(class_type)


def shows_preview(class_type: str) -> bool:
    """Says whether the class writes temporary pictures, for looking at only."""
    return "Preview" in class_type and not _NOT_FILES.search(class_type)


def is_known(class_type: str) -> bool:
    """Says whether the rules above say anything about the class."""
    return phase_of(class_type) is not None
