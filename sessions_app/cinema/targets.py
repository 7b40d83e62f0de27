"""The models that a prompt can be written for: what each reads, how long, and in which shapes.

The facts and their sources are in `data/targets.yaml`; the menu and the compilers use the same ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from math import log, sqrt
from typing import Any, Final, Literal

from sessions_app.cinema.vocabulary import ReadOnce, read_file

Medium = Literal["image", "video"]
Form = Literal["tags", "prose", "motion", "edit"]
TextEncoder = Literal["clip", "t5", "llm", "none"]
Weights = Literal["emphasis", "weak", "literal", "none"]
Strength = Literal["strong", "weak", "none"]

_NEAR_IN_SIZE: Final = 0.25
"""How much a wrong area counts against a wrong shape when a size is sought."""
_MOST_IN_A_RATIO: Final = 100
"""Ratios are told in hundredths at the finest: 2.39:1 is 239:100."""


class UnknownTarget(LookupError):
    """No target has this name; the message lists those that look like it."""


@dataclass(frozen=True)
class Budget:
    """How much text a target reads. None where it sets no bound that we know."""

    tokens: int | None
    """Tokens of its encoder after which it reads no more, or only faintly."""
    words: tuple[int, int] | None
    """The fewest and the most words that it was trained on or that its maker advises."""
    chunk: int | None
    """Tokens of one of CLIP's windows."""


@dataclass(frozen=True)
class Negative:
    """What a target makes of a negative prompt."""

    strength: Strength
    photographed: tuple[str, ...]
    """What to keep out of a live-action picture by default."""
    drawn: tuple[str, ...]
    """What to keep out of a drawn or animated picture by default."""
    syntax: str
    """How it is written into the prompt itself, with `{words}`; empty if it has a field."""


@dataclass(frozen=True)
class Shapes:
    """How a target is told the shape of its picture. All empty if it cannot be told."""

    syntax: str
    """Written into the prompt, with `{w}` and `{h}`."""
    buckets: tuple[tuple[int, int], ...]
    """Width and height in pixels, the preferred first."""
    multiple: int | None
    """What both sides are a multiple of, in pixels."""
    pixels: int
    """The area to aim at where there are no buckets."""
    named: tuple[str, ...]
    """The ratios that the service's menu offers, such as "16:9"."""


@dataclass(frozen=True)
class Target:
    """One model or service, with everything a compiler needs to write for it."""

    id: str
    aliases: tuple[str, ...]
    label: str
    line: str
    medium: Medium
    form: Form
    family: str | None
    """The family of the farm whose files it runs; None if the farm has no template for it."""
    prefix: tuple[str, ...]
    """Quality tags that come first."""
    suffix: tuple[str, ...]
    """Quality tags that come last."""
    count_tag: bool
    encoder: TextEncoder
    budget: Budget
    weights: Weights
    weight_max: float
    """The heaviest weight that still draws cleanly; 1.0 where weights are not written."""
    escapes_parentheses: bool
    negative: Negative
    ratio: Shapes
    names_gear: bool
    sources: str
    certainty: Literal["high", "medium", "low"]

    @property
    def is_still(self) -> bool:
        """Whether it makes single pictures."""
        return self.medium == "image"

    @property
    def writes_weights(self) -> bool:
        """Whether `(word:1.2)` does what its writer wants."""
        return self.weights == "emphasis"


def find_target(name: str) -> Target:
    """Returns the target of an id or an alias, whatever its capitals and spaces.

    Raises:
        UnknownTarget: if there is none, with the nearest names in the message.
    """
    found = _NAMES.get(_key(name))
    if found is None:
        near = get_close_matches(_key(name), _NAMES, n=6, cutoff=0.5)
        likely = ", ".join(dict.fromkeys(_NAMES[key] for key in near))
        hint = f"Did you mean {likely}?" if likely else f"There are {', '.join(TARGETS)}."
        raise UnknownTarget(f"No target is called “{name}”. {hint}")
    return TARGETS[found]


def size_for(target: Target, ratio: float) -> tuple[int, int] | None:
    """Returns the width and height in pixels that come nearest to a ratio of width to height.

    None where the target's size is not ours to choose.

    Raises:
        ValueError: if the ratio is not positive.
    """
    _require_positive(ratio)
    shapes = target.ratio
    if shapes.buckets:
        return min(shapes.buckets, key=lambda size: _distance(size[0] / size[1], ratio))
    if shapes.multiple:
        return _free_size(ratio, shapes.multiple, shapes.pixels)
    return None


def ratio_words(target: Target, ratio: float) -> str:
    """Returns what tells the target a ratio: a parameter, one of its own names, or nothing.

    Raises:
        ValueError: if the ratio is not positive.
    """
    _require_positive(ratio)
    shapes = target.ratio
    if shapes.syntax:
        width, height = _whole(ratio)
        return shapes.syntax.format(w=width, h=height)
    return min(shapes.named, key=lambda name: _distance(_of_name(name), ratio), default="")


def _require_positive(ratio: float) -> None:
    if not 0 < ratio < float("inf"):
        raise ValueError(f"A ratio is a positive number, not {ratio}.")


def _distance(one: float, other: float) -> float:
    """How unlike two ratios are; 2:1 is as far from 1:1 as 1:2 is."""
    return abs(log(one / other))


def _free_size(ratio: float, multiple: int, pixels: int) -> tuple[int, int]:
    """The sides on the multiple that fit both the shape and the area best."""
    ideal = sqrt(pixels / ratio) / multiple
    heights = range(max(1, int(ideal * 0.85)), int(ideal * 1.15) + 2)
    sizes = [(max(1, round(h * ratio)) * multiple, h * multiple) for h in heights]
    return min(sizes, key=lambda size: _misfit(size, ratio, pixels))


def _misfit(size: tuple[int, int], ratio: float, pixels: int) -> float:
    width, height = size
    return _distance(width / height, ratio) + _NEAR_IN_SIZE * abs(log(width * height / pixels))


def _whole(ratio: float) -> tuple[int, int]:
    """A ratio in whole numbers: 16:9 where it is one of the plain ones, else in hundredths."""
    if ratio < 1:
        height, width = _whole(1 / ratio)
        return width, height
    hundredths = Fraction(round(ratio * _MOST_IN_A_RATIO), _MOST_IN_A_RATIO)
    for plain in (Fraction(16, 9), Fraction(4, 3), Fraction(5, 3), Fraction(7, 3)):
        if abs(ratio - plain) < 1 / (2 * _MOST_IN_A_RATIO):
            return plain.numerator, plain.denominator
    return hundredths.numerator, hundredths.denominator


def _of_name(name: str) -> float:
    width, _, height = name.partition(":")
    return float(width) / float(height)


# --- Reading -------------------------------------------------------------------------------------


def _key(name: str) -> str:
    return name.strip().casefold().replace("_", " ").replace("-", " ")


def _read() -> Mapping[str, Target]:
    entries = read_file("targets")["targets"]
    targets = [_target(entry) for entry in entries]
    found = {target.id: target for target in targets}
    if len(found) != len(targets):
        raise ValueError("targets.yaml has two targets of one id.")
    return found


def _target(entry: Mapping[str, Any]) -> Target:
    plain = {key: value for key, value in entry.items() if key not in _STRUCTURED}
    return Target(
        **plain,
        aliases=tuple(entry["aliases"]),
        prefix=tuple(entry["quality"]["prefix"]),
        suffix=tuple(entry["quality"]["suffix"]),
        budget=_budget(entry["budget"]),
        weight_max=float(entry.get("weight_max", 1.0)),
        negative=_negative(entry["negative"]),
        ratio=_shapes(entry["ratio"]),
    )


_STRUCTURED: Final = frozenset({"aliases", "quality", "budget", "weight_max", "negative", "ratio"})


def _budget(entry: Mapping[str, Any]) -> Budget:
    words = entry["words"]
    return Budget(entry["tokens"], (words[0], words[1]) if words else None, entry["chunk"])


def _negative(entry: Mapping[str, Any]) -> Negative:
    return Negative(
        strength=entry["strength"],
        photographed=tuple(entry.get("photographed", ())),
        drawn=tuple(entry.get("drawn", ())),
        syntax=entry.get("syntax", ""),
    )


def _shapes(entry: Mapping[str, Any]) -> Shapes:
    return Shapes(
        syntax=entry.get("syntax", ""),
        buckets=tuple((width, height) for width, height in entry.get("buckets", ())),
        multiple=entry.get("multiple"),
        pixels=entry.get("pixels", 1024 * 1024),
        named=tuple(entry.get("named", ())),
    )


def _names(targets: Iterable[Target]) -> dict[str, str]:
    """Every id and alias, as it is looked up, with the id it stands for."""
    names: dict[str, str] = {}
    for target in targets:
        for name in dict.fromkeys(map(_key, (target.id, target.label, *target.aliases))):
            if name in names:
                raise ValueError(f"Both {names[name]} and {target.id} are called “{name}”.")
            names[name] = target.id
    return names


TARGETS: Final[Mapping[str, Target]] = ReadOnce(_read)
"""By id, in the order of the menu."""
_NAMES: Final[Mapping[str, str]] = ReadOnce(lambda: _names(TARGETS.values()))
