"""Rules of drawn, built and computed pictures."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from sessions_app.cinema.config import Animation, Changes
from sessions_app.cinema.looks import look_of
from sessions_app.cinema.rules.terms import Broken, Rule, hard, rule, warning
from sessions_app.cinema.vocabulary import vocabularies

Chosen = Mapping[str, tuple[str, ...]]

MONOCHROME: Final = ("monochrome", "monochrome_ink")
STILL_CAMERAS: Final = ("locked", "motion_comic")
STEPPED: Final = ("limited", "twos", "threes")


def _clash(
    rule_id: str,
    field: str,
    why: Broken,
    when: Chosen,
    unless: Chosen | None = None,
    instead: Chosen | None = None,
) -> Rule:
    """Return a rule against fields that hold these values while another one does not hold those.

    Args:
        when: By field: any of these values.
        unless: By field: it is chosen and holds none of these values.
        instead: By field: values that would mend it; by default those of ``unless``.
    """
    absent = unless or {}

    def check(config: Animation) -> Broken | None:
        if not all(config.has(name, *ids) for name, ids in when.items()):
            return None
        if all(
            getattr(config, name) and not config.has(name, *ids) for name, ids in absent.items()
        ):
            return why
        return None

    def mend(config: Animation) -> Iterable[Changes]:
        for name, ids in (instead or absent).items():
            many = config.FIELDS[name].most > 1
            yield from ({name: (one,) if many else one} for one in ids)
        yield {field: config.FIELDS[field].empty}

    reads = " ".join({*when, *absent})
    return rule(rule_id, field, reads, check, mend)


def _avoided(rule_id: str, field: str, ids_of: Callable[[Any], tuple[str, ...]]) -> Rule:
    def check(config: Animation) -> Broken | None:
        look = look_of(config.preset)
        value = getattr(config, field)
        if look and value in ids_of(look):
            label = config.FIELDS[field].vocabulary[value].label.lower()
            return warning(f"{look.label} does without this: {label}.")
        return None

    def mend(config: Animation) -> Iterable[Changes]:
        look = look_of(config.preset)
        if look:
            yield {field: getattr(look, field)}

    return rule(rule_id, field, f"preset {field}", check, mend)


def _black_and_white() -> tuple[str, ...]:
    return tuple(one.id for one in vocabularies().tones.values() if one.black_and_white)


def _monochrome_anime(config: Animation) -> Broken | None:
    if config.domain == "anime" and config.tone in _black_and_white():
        return warning("In anime, black and white usually tells of the past.")
    return None


def _in_color(_: Animation) -> Iterable[Changes]:
    yield {"tone": "neutral_saturated"}


ANIMATION_RULES: Final[tuple[Rule, ...]] = (
    _clash(
        "ANIM_MANGA_REQUIRES_2D",
        "medium",
        hard("Manga is drawn: its medium is 2D."),
        {"domain": ("manga",)},
        {"medium": ("2d",)},
    ),
    _clash(
        "ANIM_MANGA_NO_MOTION",
        "motion",
        hard("The panels of manga do not move."),
        {"domain": ("manga",)},
        {"motion": ("none",)},
    ),
    _clash(
        "ANIM_MANGA_MONOCHROME",
        "color",
        warning("Manga is printed in one color, except for its color pages."),
        {"domain": ("manga",)},
        {"color": MONOCHROME[::-1]},
    ),
    _clash(
        "ANIM_MANGA_LOCKED_CAMERA",
        "camera",
        warning("A printed panel does not move; a motion comic pans over it."),
        {"domain": ("manga",)},
        {"camera": STILL_CAMERAS},
    ),
    _clash(
        "ANIM_MANGA_GRAPHIC_LIGHT",
        "lighting",
        warning("Manga shades with ink and screen tone, in graphic or symbolic light."),
        {"domain": ("manga",)},
        {"lighting": ("graphic", "symbolic", "minimal", "flat_light", "dramatic")},
    ),
    _clash(
        "ANIM_ILLUSTRATION_STATIC",
        "motion",
        hard("An illustration is one picture: nothing moves."),
        {"domain": ("illustration",)},
        {"motion": ("none",)},
    ),
    _clash(
        "ANIM_ILLUSTRATION_LOCKED_CAMERA",
        "camera",
        warning("Over one picture the camera can only drift: locked, parallax or motion comic."),
        {"domain": ("illustration",)},
        {"camera": (*STILL_CAMERAS, "parallax")},
    ),
    _clash(
        "ANIM_2D_NO_FREE3D",
        "camera",
        hard("Flat layers cannot be orbited; a hybrid of 2D and 3D can."),
        {"medium": ("2d",), "camera": ("free_3d",)},
        instead={"medium": ("hybrid",), "camera": ("parallax", "digital_pan")},
    ),
    _clash(
        "ANIM_3D_NO_FLAT_LIGHT",
        "lighting",
        warning("Surfaces in 3D take light; flat shading is a look of its own."),
        {"medium": ("3d",), "lighting": ("minimal", "flat_light")},
        instead={"lighting": ("naturalistic_simulated", "cinematic")},
    ),
    _clash(
        "ANIM_HYBRID_REQUIRES_3D_CAMERA",
        "camera",
        warning("A hybrid shows its depth with a free camera, or at least a parallax."),
        {"medium": ("hybrid",)},
        {"camera": ("free_3d", "parallax", "digital_pan", "simulated_handheld")},
    ),
    _clash(
        "ANIM_NO_MOTION_NO_CAMERA",
        "camera",
        warning("Where nothing moves, the camera can only drift over the still."),
        {"motion": ("none",)},
        {"camera": (*STILL_CAMERAS, "parallax", "digital_pan", "digital_zoom")},
    ),
    _clash(
        "ANIM_ANIME_NO_PHOTOREAL",
        "surface",
        warning("Photoreal surfaces in simulated daylight no longer read as anime."),
        {
            "domain": ("anime",),
            "surface": ("photoreal",),
            "lighting": ("naturalistic_simulated", "physically_accurate"),
        },
        instead={"surface": ("painterly", "smooth")},
    ),
    _clash(
        "ANIM_PHOTOREAL_LIMITED_WARN",
        "motion",
        warning("Stepped motion looks wrong on photoreal surfaces."),
        {"surface": ("photoreal",), "motion": STEPPED},
        instead={"motion": ("full", "smooth")},
    ),
    _clash(
        "ANIM_SATURATED_GLOOMY_WARN",
        "tone",
        warning("Saturated color works against a gloomy mood."),
        {
            "domain": ("anime",),
            "tone": ("warm_saturated", "cool_saturated", "neutral_saturated"),
            "moods": ("gloomy",),
        },
        instead={"tone": ("cool_desaturated", "neutral_desaturated")},
    ),
    _clash(
        "ANIM_MANGA_CLEAN_MENACING_WARN",
        "line",
        warning("Menace is carried by heavier ink than a clean line."),
        {"domain": ("manga",), "line": ("clean",), "moods": ("menacing",)},
        instead={"line": ("inked", "variable")},
    ),
    rule("ANIM_ANIME_MONOCHROME_WARN", "tone", "domain tone", _monochrome_anime, _in_color),
    _clash(
        "ANIM_ANIME_NO_SIMULATED_HANDHELD",
        "camera",
        warning("Anime frames tend to be controlled; a handheld camera is a modern exception."),
        {"domain": ("anime",), "camera": ("simulated_handheld",)},
        instead={"camera": ("digital_pan", "parallax")},
    ),
    _clash(
        "ANIM_DREAMLIKE_HARSH_CONTRAST_WARN",
        "tone",
        warning("Hard black and white works against a dreamlike mood."),
        {"tone": ("high_contrast_bw",), "moods": ("dreamlike",)},
        instead={"tone": ("low_contrast_bw",)},
    ),
    _avoided("PRESET_DISALLOWED_CAMERA", "camera", lambda look: look.disallowed_cameras),
    _avoided("PRESET_DISALLOWED_MOTION", "motion", lambda look: look.disallowed_motion),
)

DROPPED: Final[Mapping[str, str]] = {
    "ANIM_3D_REQUIRES_CAMERA_OR_MOTION": "A still in 3D is fine.",
    "ANIM_FULL_ANIMATION_NEEDS_COLOR": "There are features drawn in ink alone.",
    "ANIM_3D_RIM_CHEERFUL_WARN": "A rim of light says nothing about the mood.",
    "ANIM_SKETCHY_FULL_WARN": "What drawing costs plays no part when a model draws.",
    "ANIM_ILLUSTRATION_DYNAMIC_STATIC_WARN": "It would speak for every still with a diagonal.",
}
"""Rules of older consoles that are wrong, and why."""
