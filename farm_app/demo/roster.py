"""Which nodes the demo farm has: plain data, so that describing a farm loads none of what runs one."""

import dataclasses
from pathlib import Path

from farm_app.demo.spec import NodeSpec

SEED_FARM: tuple[NodeSpec, ...] = (
    NodeSpec(
        name="gpu-premium",
        card="RTX 5060 Ti",
        monitor="crystools",
        tier="premium",
        vram_gb=16,
        families=("sd15", "sdxl", "pony", "illustrious", "flux", "upscale"),
        seconds={
            "sd15": 0.5,
            "sdxl": 7.5,
            "pony": 7.5,
            "illustrious": 7.5,
            "flux": 8.0,
            "upscale": 2.0,
        },
        max_resolution=1536,
        max_batch=4,
        layout="folders",
    ),
    NodeSpec(
        name="gpu-quality",
        card="RTX 4060 Ti",
        monitor="kaytool",
        tier="quality",
        vram_gb=8,
        families=("sd15", "sdxl", "pony", "illustrious"),
        seconds={"sd15": 0.8, "sdxl": 8.57, "pony": 8.57, "illustrious": 8.57},
        max_resolution=1024,
        max_batch=4,
        layout="windows",
    ),
    NodeSpec(
        name="gpu-standard",
        card="RTX 3060",
        monitor="crystools",
        tier="standard",
        vram_gb=12,
        families=("sd15", "sdxl", "pony", "illustrious"),
        seconds={"sd15": 1.0, "sdxl": 10.0, "pony": 10.0, "illustrious": 10.0},
        max_resolution=1024,
        max_batch=2,
    ),
    NodeSpec(
        name="gpu-draft",
        card="RTX 3050 Ti",
        tier="draft",
        vram_gb=4,
        families=("sd15",),
        seconds={"sd15": 1.5},
        max_resolution=512,
        max_batch=1,
    ),
)
"""The four cards that the whole console is measured against."""

EXTRA_SPEEDS = (1.3, 0.7, 2.1, 0.9, 1.6)
"""How much slower than its model each invented node is, in turn."""


def demo_farm(count: int, base_port: int, folder: Path, speed: float = 1.0) -> tuple[NodeSpec, ...]:
    """Describe the first ``count`` nodes of a farm.

    Beyond the four real cards, more unequal ones are invented, always the same.

    Args:
        count: how many nodes.
        base_port: the first one's port; the others follow.
        folder: each node gets a folder of its name in it.
        speed: divides all seconds.
    """
    return tuple(
        dataclasses.replace(
            _nth(index).faster(speed), port=base_port + index, folder=folder / _nth(index).name
        )
        for index in range(count)
    )


def _nth(index: int) -> NodeSpec:
    model = SEED_FARM[index % len(SEED_FARM)]
    if index < len(SEED_FARM):
        return model
    slowness = EXTRA_SPEEDS[index % len(EXTRA_SPEEDS)]
    name = f"{model.name}-{index // len(SEED_FARM) + 1}"
    return dataclasses.replace(model.faster(1 / slowness), name=name)
