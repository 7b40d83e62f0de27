"""Which size would fit where memory has run out: what has worked here before, else half as many pixels."""

from typing import Final

from farm_app.models import Job
from farm_app.models.states import JobState

GRID_PX: Final = 64
SMALLEST_PX: Final = 256
# How many pictures are looked through for one that worked.
LATEST: Final = 500

Size = tuple[int, int]
"""Width and height in pixels."""


def advise_smaller(job: Job) -> str:
    """Say which size to ask for instead of this job's, in one sentence."""
    asked = _size(job.values)
    if asked is None:
        return "Start from a smaller picture."
    worked = _largest_that_worked(job, asked)
    if worked is not None:
        return f"{worked[0]} \u00d7 {worked[1]} has worked with this model here."
    smaller = half_as_many(asked)
    if smaller is None:
        return "Choose a smaller model, or add a node with more video memory."
    return f"Try {smaller[0]} \u00d7 {smaller[1]}: that is half as many pixels."


def half_as_many(size: Size) -> Size | None:
    """Return a size of the same shape with about half the pixels, on ComfyUI's grid; None below what is of use."""
    width, height = (int(side * 0.5**0.5 / GRID_PX + 0.5) * GRID_PX for side in size)
    return (width, height) if min(width, height) >= SMALLEST_PX else None


def _largest_that_worked(job: Job, asked: Size) -> Size | None:
    group = job.group
    alike = Job.objects.filter(
        state=JobState.DONE,
        group__family=group.family,
        group__version__template=group.version.template_id,
    )
    latest = alike.order_by("-pk").values_list("values", flat=True)[:LATEST]
    sizes = {size for values in latest if (size := _size(values)) is not None}
    smaller = [size for size in sizes if _pixels(size) < _pixels(asked)]
    return max(smaller, key=_pixels, default=None)


def _size(values: dict[str, object]) -> Size | None:
    try:
        size = int(str(values["width"])), int(str(values["height"]))
    except (KeyError, ValueError):
        return None
    return size if min(size) > 0 else None


def _pixels(size: Size) -> int:
    return size[0] * size[1]
