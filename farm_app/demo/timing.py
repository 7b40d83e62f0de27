"""How long each step should take, and how long it did: nominal seconds, overruns, the log of both."""

import asyncio
from collections import deque
from dataclasses import dataclass

from farm_app.demo.spec import NodeSpec

SAMPLER_FIXED, SAMPLER_WORK, DECODE, SAVE = 0.03, 0.92, 0.03, 0.02
"""Shares of a family's nominal seconds; they add up to 1 at the reference."""

OVERRUN_TOLERANCE_S = 0.02
"""Lateness above this counts as an overrun and spoils a bench run."""


READING_S, READING_SHARE = 0.1, 0.2
"""How long a node reads words before it draws, and at most which share of its shortest time."""


@dataclass(frozen=True)
class Reference:
    """The size and steps at which a family's nominal seconds hold."""

    pixels: int
    steps: int


REFERENCES = {
    "sd15": Reference(512 * 512, 10),
    "sdxl": Reference(1024 * 1024, 25),
    "pony": Reference(1024 * 1024, 25),
    "illustrious": Reference(1024 * 1024, 25),
    "flux": Reference(1024 * 1024, 20),
    "upscale": Reference(1024 * 1024, 1),
}


@dataclass(frozen=True)
class Cost:
    """Seconds of one node, and what is left over for saving at the end of the prompt."""

    node_s: float = 0.0
    tail_s: float = 0.0


FREE = Cost()


def reading_s(spec: NodeSpec) -> float:
    """Seconds before drawing begins.

    A real node has its words encoded then. Here that leaves the machine, which draws in the place of a GPU, to who
    fetches the picture before: the two always come at once.
    """
    shortest = min((spec.seconds_for(family) for family in spec.families), default=0.0)
    return min(READING_S, READING_SHARE * shortest)


def sampling(spec: NodeSpec, family: str, *, steps: float, pixels: int, batch: int) -> Cost:
    """Seconds of one sampler: a fixed part, and one that grows with the steps that it really runs.

    The denoise is no factor: ComfyUI's KSampler runs all its steps whatever it is.
    """
    reference = REFERENCES.get(family, REFERENCES["sd15"])
    work = (steps / reference.steps) * (pixels / reference.pixels) * batch
    return Cost(spec.seconds_for(family) * (SAMPLER_FIXED + SAMPLER_WORK * work))


def decoding(spec: NodeSpec, family: str, *, pixels: int, batch: int) -> Cost:
    """Seconds of one VAE decode, and of saving what comes out."""
    reference = REFERENCES.get(family, REFERENCES["sd15"])
    seconds = spec.seconds_for(family) * pixels * batch / reference.pixels
    return Cost(seconds * DECODE, seconds * SAVE)


def upscaling(spec: NodeSpec, *, pixels: int, batch: int) -> Cost:
    """Seconds of one upscale model over ``pixels`` source pixels."""
    seconds = spec.seconds_for("upscale") * pixels * batch / REFERENCES["upscale"].pixels
    return Cost(seconds * (1 - SAVE), seconds * SAVE)


async def sleep_until(deadline: float) -> None:
    """Wait for an absolute time of the running loop; at once if it has passed."""
    delay = deadline - asyncio.get_running_loop().time()
    if delay > 0:
        await asyncio.sleep(delay)


@dataclass(frozen=True)
class Timing:
    """How one prompt went; all in milliseconds."""

    prompt_id: str
    status: str
    nominal_ms: float
    actual_ms: float
    drawing_ms: float

    @property
    def overrun_ms(self) -> float:
        """How much later than nominal it ended; 0 within the tolerance, or if it was cut short."""
        late = self.actual_ms - self.nominal_ms
        return late if self.status == "success" and late > OVERRUN_TOLERANCE_S * 1000 else 0.0

    def to_json(self) -> dict[str, object]:
        """Return the row of ``GET /demo/status``."""
        return {
            "prompt_id": self.prompt_id,
            "status": self.status,
            "nominal_ms": round(self.nominal_ms, 1),
            "actual_ms": round(self.actual_ms, 1),
            "drawing_ms": round(self.drawing_ms, 1),
            "overrun_ms": round(self.overrun_ms, 1),
        }


class TimingLog:
    """The last thousand prompts, and how many of all overran."""

    def __init__(self) -> None:
        """Start empty."""
        self.rows: deque[Timing] = deque(maxlen=1000)
        self.executed = 0
        self.overruns = 0

    def add(self, timing: Timing) -> None:
        """Append one finished prompt."""
        self.rows.append(timing)
        self.executed += 1
        self.overruns += timing.overrun_ms > 0
