"""What a running job shows between two rows: phase, step and the latest preview, in the cache only."""

import time
from dataclasses import dataclass
from typing import Final

from django.core.cache import cache

from eliot import live
from farm_app.comfy.progress import Progress
from farm_app.models.jobs import FARM_GROUP, Job, share_group
from farm_app.timers import LAST_FRAME_S, PREVIEW_S, PROGRESS_S

KEPT_S: Final = 900
PARTING_S: Final = 5
STRIPS_S: Final = 0.2


@dataclass(frozen=True)
class Glimpse:
    """The latest known progress of one job on one node."""

    node_name: str
    phase: str
    step: int
    steps: int
    fraction: float
    is_cold: bool
    frame: int
    eta_s: float | None
    at: float

    @property
    def percent(self) -> int:
        """Whole percent, 0 to 100."""
        return round(self.fraction * 100)

    @property
    def left_s(self) -> float | None:
        """Seconds left by now, when the plan had an idea of the whole."""
        return None if self.eta_s is None else max(0.0, self.eta_s - (time.time() - self.at))


@dataclass(frozen=True)
class Frame:
    """One preview frame."""

    number: int
    mime: str
    data: bytes


def glimpses(job_ids: list[int]) -> dict[int, Glimpse]:
    """Return what is known of these jobs, by job id."""
    found = cache.get_many([f"progress:{one}" for one in job_ids])
    return {int(key.partition(":")[2]): value for key, value in found.items()}


def frame(job_id: int) -> Frame | None:
    """Return the latest preview of a job."""
    kept: Frame | None = cache.get(f"preview:{job_id}")
    return kept


def forget(job_id: int) -> None:
    """Drop what a job showed while it ran; a page that was just told of a frame may still ask for it."""
    cache.delete(f"progress:{job_id}")
    cache.touch(f"preview:{job_id}", PARTING_S)


_strips_told: float = 0.0


def _tell_strips(moment: float) -> None:
    """Nudge the strips, a few times a second for all nodes together."""
    global _strips_told
    if moment - _strips_told > STRIPS_S:
        _strips_told = moment
        live.publish(FARM_GROUP, "page.around")


class Teller:
    """Tells pages how one attempt gets on, at most four times a second and two previews a second."""

    def __init__(
        self, job: Job, node_name: str, expected_s: float | None, *, is_cold: bool
    ) -> None:
        """Start telling about ``job``; ``expected_s`` counts from now, ``is_cold`` means a model is loaded first."""
        self.is_cold = is_cold
        self.job_id = job.pk
        self.group = share_group(job.group.share_key)
        self.node_name = node_name
        self.ends_at = None if expected_s is None else time.time() + expected_s
        self.frame_number = 0
        self.is_quiet = False
        self._told = 0.0
        # The first frames are noise: a picture that is there sooner needs none.
        self._framed = time.time()

    def tell(self, progress: Progress, *, now: bool = False) -> None:
        """Keep the latest progress and nudge the pages, unless they were nudged a moment ago."""
        moment = time.time()
        if self.is_quiet or (not now and moment - self._told < PROGRESS_S):
            return
        self._told = moment
        eta_s = None if self.ends_at is None else max(0.0, self.ends_at - moment)
        glimpse = Glimpse(
            node_name=self.node_name,
            phase=progress.phase,
            step=progress.step,
            steps=progress.steps,
            fraction=progress.fraction,
            is_cold=self.is_cold,
            frame=self.frame_number,
            eta_s=eta_s,
            at=moment,
        )
        cache.set(f"progress:{self.job_id}", glimpse, KEPT_S)
        live.publish(self.group, "page.progress", [self.job_id])
        _tell_strips(moment)

    def lasts(self, left_s: float) -> None:
        """Take note that it will take so long from now at least: by its pace it ends later than was expected."""
        ends_at = time.time() + left_s
        self.ends_at = ends_at if self.ends_at is None else max(self.ends_at, ends_at)

    def fall_silent(self) -> None:
        """Leave the telling to another node, which renders a copy and is nearer to the end."""
        self.is_quiet = True

    def show(self, mime: str, data: bytes) -> None:
        """Keep a preview frame; frames that come too fast are left out."""
        moment = time.time()
        is_soon = moment - self._framed < PREVIEW_S
        if self.is_quiet or is_soon or self._is_nearly_there(moment):
            return
        self._framed = moment
        self.frame_number += 1
        cache.set(f"preview:{self.job_id}", Frame(self.frame_number, mime, data), KEPT_S)

    def _is_nearly_there(self, moment: float) -> bool:
        """Say whether the picture itself comes first; one that is late goes on to show frames."""
        return self.ends_at is not None and 0 < self.ends_at - moment < LAST_FRAME_S
