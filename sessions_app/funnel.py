"""The funnel: the stages of a session, from many quick drafts to one final (pure data and arithmetic)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

from farm_app import families

MOST_STAGES: Final = 8
MOST_PICTURES: Final = 500

Kind = Literal["draw", "upscale"]


@dataclass(frozen=True)
class Stage:
    """One stage of the funnel.

    Attributes:
        want: Pictures that the stage makes.
        denoise: How far a picture may move from the one it starts from, 0 to 1; the first stage ignores it.
        kind: ``draw`` makes pictures with a model; ``upscale`` enlarges the kept ones.
    """

    name: str
    want: int
    family: str = ""
    width: int = 512
    height: int = 512
    steps: int = 20
    denoise: float = 1.0
    kind: Kind = "draw"

    @property
    def work(self) -> str:
        """What kind of work it is, for the tiered policy."""
        if self.kind == "upscale":
            return "upscale"
        return "draft" if self.width * self.height <= 512 * 768 else "quality"

    def as_json(self) -> dict[str, Any]:
        """Return it as it is kept in a session's config."""
        return asdict(self)


DEFAULT_STAGES: Final = (
    Stage("Drafts", 20, "sd15", 512, 512, 10),
    Stage("Refined", 8, "sdxl", 1024, 1024, 25, 0.55),
    Stage("Polished", 3, "sdxl", 1024, 1024, 35, 0.45),
    Stage("Final", 1, "sdxl", 1024, 1024, 50, 0.35),
)
UPSCALE_STAGE: Final = Stage("Upscaled", 1, kind="upscale")


def read_stages(config: Mapping[str, Any]) -> tuple[Stage, ...]:
    """Return a session's stages; the default funnel when it has none of its own."""
    kept = config.get("stages")
    return tuple(Stage(**one) for one in kept) if kept else DEFAULT_STAGES


@dataclass(frozen=True)
class Advance:
    """What pressing Continue would do.

    Attributes:
        variations: How many pictures each kept one gets, in the order of the kept ones.
        grows: The stage makes more pictures than it wanted, so it is asked for first.
        problem: Why it cannot be done; empty when it can.
    """

    stage: Stage | None
    variations: tuple[int, ...] = ()
    grows: bool = False
    problem: str = ""

    @property
    def count(self) -> int:
        """Pictures that would be asked for."""
        return sum(self.variations)

    @property
    def detail(self) -> str:
        """Say how the kept ones are shared out."""
        most = max(self.variations, default=0)
        if most <= 1:
            return "one each"
        lucky = sum(1 for one in self.variations if one == most)
        words = {2: "two", 3: "three", 4: "four"}.get(most, str(most))
        if lucky == len(self.variations):
            return f"{words} variations each"
        return f"{lucky} get{'s' if lucky == 1 else ''} {words} variations"


def advance(stages: Sequence[Stage], index: int, kept: int) -> Advance:
    """Work out the step from stage ``index`` with so many kept pictures.

    Fewer than the next stage wants: each gets several variations, the first ones one more. More: the stage
    grows to one picture for each. None: it cannot be done.
    """
    if index + 1 >= len(stages):
        return Advance(None, problem="This is the last stage.")
    following = stages[index + 1]
    if kept == 0:
        return Advance(
            following, problem=f"Keep at least one picture to continue to {following.name}."
        )
    if following.kind == "upscale":
        return Advance(following, (1,) * kept, grows=kept > max(following.want, 1))
    if kept > following.want:
        return Advance(following, (1,) * kept, grows=True)
    each, more = divmod(following.want, kept)
    return Advance(following, tuple(each + (place < more) for place in range(kept)))


_SAID_BY_STAGE: Final = ("family", "width", "height", "steps", "denoise")
_GOES_WITH_FAMILY: Final = ("checkpoint", "cfg", "sampler", "scheduler")


def form_after(form: Mapping[str, Any], before: Stage, after: Stage) -> dict[str, Any]:
    """Return a stage's last form without what the stage itself says differently now."""
    outdated = {name for name in _SAID_BY_STAGE if getattr(before, name) != getattr(after, name)}
    if before.want != after.want:
        outdated.add("count")
    if "family" in outdated:
        outdated.update(_GOES_WITH_FAMILY)
    return {name: value for name, value in form.items() if name not in outdated}


def as_asked(stage: Stage, form: Mapping[str, Any]) -> Stage:
    """Return the stage as its form says it, and as it says itself where the form does not."""
    said = {name: form[name] for name in _SAID_BY_STAGE if form.get(name)}
    return replace(stage, want=form.get("count") or stage.want, **said)


def with_family(stage: Stage, family: str) -> Stage:
    """Return the stage drawing with another family, at that family's own size."""
    known = families.FAMILIES.get(family)
    if known is None or family == stage.family:
        return replace(stage, family=family)
    return replace(stage, family=family, width=known.native[0], height=known.native[1])
