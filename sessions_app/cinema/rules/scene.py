"""Rules of movement, light, framing and mood."""

from collections.abc import Callable, Iterable
from typing import Final

from sessions_app.cinema import fitting
from sessions_app.cinema.config import Changes, LiveAction
from sessions_app.cinema.films import film_of
from sessions_app.cinema.rules.camera import CLOSE, FEW, WIDE, other_bodies
from sessions_app.cinema.rules.terms import Broken, Rule, hard, info, rule, warning
from sessions_app.cinema.vocabulary import Body, Carrier, vocabularies

DOLLY_ZOOMS: Final = ("dolly_zoom", "push_pull")
NO_SUN: Final = ("night", "blue_hour", "dusk", "magic_hour")
MOONLESS: Final = ("morning", "afternoon", "golden_hour")
NEON_SIGNS_YEAR: Final = 1923
FAST: Final = ("fast", "whip_fast")
OPERATED: Final = ("handheld", "shoulder_rig")
NEEDS_MACHINE: Final = ("crane_up", "crane_down", "boom_up", "boom_down", "orbit")
WEIGHT_RULES: Final = {
    "handheld": "LA_HEAVY_NO_HANDHELD",
    "gimbal": "LA_HEAVY_NO_GIMBAL",
    "drone": "LA_HEAVY_NO_DRONE",
}
MOVE_RULES: Final = {
    "jib": "LA_JIB_MOVEMENT_RESTRICT",
    "drone": "LA_DRONE_MOVEMENT_RESTRICT",
    "static": "STATIC_MOVES",
}


def _weight(is_ours: Callable[[str], bool]) -> Callable[[LiveAction], Broken | None]:
    """Return the check of what weighs too much for carriers of which this is true."""

    def check(config: LiveAction) -> Broken | None:
        body, carrier = config.the_body, config.the_carrier
        if body is None or carrier is None or not is_ours(carrier.id):
            return None
        said = f"{body.label} weighs {body.weight_kg:g} kg ready to shoot"
        if carrier.block_above_kg is not None and body.weight_kg > carrier.block_above_kg:
            return hard(f"{said}; {carrier.label.lower()} carries {carrier.block_above_kg:g} kg.")
        if carrier.warn_above_kg is not None and body.weight_kg > carrier.warn_above_kg:
            return warning(f"{said}, which is a strain: {carrier.label.lower()}.")
        return None

    return check


def _lighter(config: LiveAction) -> Iterable[Changes]:
    body = config.the_body
    if body is None:
        return
    for carrier in vocabularies().carriers.values():
        limit = carrier.warn_above_kg
        if (limit is None or body.weight_kg <= limit) and carrier.carrier != "aircraft":
            yield {"equipment": carrier.id}
    limit = config.the_carrier.block_above_kg if config.the_carrier else None
    bodies = vocabularies().bodies.values()
    yield from other_bodies(config, (one.id for one in bodies if one.weight_kg <= (limit or 1000)))


def _aircraft(config: LiveAction) -> Broken | None:
    body = config.the_body
    if body and body.is_aircraft and config.equipment not in (None, "drone"):
        return hard(f"{body.label} is an aircraft; it only flies.")
    return None


def _fly_or_land(config: LiveAction) -> Iterable[Changes]:
    yield {"equipment": "drone"}
    bodies = vocabularies().bodies.values()
    yield from other_bodies(config, (one.id for one in bodies if not one.is_aircraft))


def _moves(carrier_id: str) -> Callable[[LiveAction], Broken | None]:
    def check(config: LiveAction) -> Broken | None:
        if config.equipment != carrier_id:
            return None
        return _move_out_of_reach(config, hard)

    return check


def _other_moves(config: LiveAction) -> Broken | None:
    if config.equipment in MOVE_RULES or config.has("movement", *DOLLY_ZOOMS):
        return None
    if config.equipment in OPERATED and config.has("movement", *NEEDS_MACHINE):
        return None  # a rule of its own says it better
    return _move_out_of_reach(config, warning)


def _move_out_of_reach(config: LiveAction, how_bad: Callable[[str], Broken]) -> Broken | None:
    carrier, move = config.the_carrier, config.the_move
    if carrier is None or move is None or move.id in carrier.movements:
        return None
    if carrier.id == "static":
        return how_bad(f"A camera that stands cannot do this: {move.label.lower()}.")
    return how_bad(
        f"This is not a move of its kind ({carrier.label.lower()}): {move.label.lower()}."
    )


def _carrier_for_move(config: LiveAction) -> Iterable[Changes]:
    body = config.the_body
    for carrier in vocabularies().carriers.values():
        if config.movement in carrier.movements and _may_carry(carrier, body):
            yield {"equipment": carrier.id}
    if config.the_carrier and config.the_carrier.movements:
        yield {"movement": config.the_carrier.movements[0]}
    yield {"movement": None}


def _may_carry(carrier: Carrier, body: Body | None) -> bool:
    if body is None:
        return carrier.carrier != "aircraft"
    if body.is_aircraft or carrier.carrier == "aircraft":
        return body.is_aircraft and carrier.carrier == "aircraft"
    return carrier.warn_above_kg is None or body.weight_kg <= carrier.warn_above_kg


def _dolly_zoom(config: LiveAction) -> Broken | None:
    carrier = config.the_carrier
    if (
        carrier
        and config.has("movement", *DOLLY_ZOOMS)
        and config.movement not in carrier.movements
    ):
        return hard(
            "For a dolly zoom the camera travels while the lens zooms: wheels, rails or wings."
        )
    return None


def _dolly_zoom_timing(config: LiveAction) -> Broken | None:
    if config.has("movement", *DOLLY_ZOOMS) and config.has("timing", *FAST):
        return warning("A fast dolly zoom disorients.")
    return None


def _slowly(_: LiveAction) -> Iterable[Changes]:
    yield {"timing": "slow"}


def _static_timing(config: LiveAction) -> Broken | None:
    if config.movement is None or config.timing is None:
        return None
    if (config.movement == "static") != (config.timing == "static"):
        return warning("A camera that holds still has no speed, and one that moves has one.")
    return None


def _same_stillness(config: LiveAction) -> Iterable[Changes]:
    yield {"timing": "static" if config.movement == "static" else "slow"}


def _handheld_crane(config: LiveAction) -> Broken | None:
    if config.has("equipment", *OPERATED) and config.has("movement", *NEEDS_MACHINE):
        return warning("An operator on foot cannot do this; it takes a machine.")
    return None


def _snorricam(config: LiveAction) -> Broken | None:
    if config.equipment == "snorricam" and config.size in WIDE:
        return warning("The rig is worn by the actor, so the frame cannot be wide.")
    return None


def _close_up(_: LiveAction) -> Iterable[Changes]:
    yield from ({"size": one} for one in ("cu", "mcu"))


def _sun_at(rule_id: str, times: tuple[str, ...], why: str) -> Rule:
    def check(config: LiveAction) -> Broken | None:
        if config.time in times and "sun" in config.sources:
            return hard(why)
        return None

    return rule(rule_id, "sources", "time sources", check, _no_sun)


def _no_sun(config: LiveAction) -> Iterable[Changes]:
    yield _without(config, "sources", "sun")
    if config.time == "night":
        yield {"time": "day_for_night"}
    yield {"time": "afternoon"}


def _without(config: LiveAction, field: str, term: str) -> Changes:
    return {field: tuple(one for one in getattr(config, field) if one != term)}


def _midday_moon(config: LiveAction) -> Broken | None:
    if config.time == "midday" and "moon" in config.sources:
        return hard("At noon the moon lights nothing.")
    return None


def _no_moon(config: LiveAction) -> Iterable[Changes]:
    yield _without(config, "sources", "moon")
    yield {"time": "night"}


def _moon_by_day(config: LiveAction) -> Broken | None:
    if config.time in MOONLESS and "moon" in config.sources:
        return warning("By day the moon is no key light.")
    return None


def _midday_low_key(config: LiveAction) -> Broken | None:
    if config.time == "midday" and config.place == "exterior" and "low_key" in config.styles:
        return warning("Outdoors at noon, the high sun and the sky fill every shadow.")
    return None


def _indoors(config: LiveAction) -> Iterable[Changes]:
    yield {"place": "interior"}
    yield _without(config, "styles", "low_key")


def _sun_indoors(config: LiveAction) -> Broken | None:
    if config.place == "interior" and "sun" in config.sources:
        return info("Indoors the sun comes through an opening: name the window.")
    return None


def _source_year(rule_id: str, which: Callable[[str], bool]) -> Rule:
    def check(config: LiveAction) -> Broken | None:
        if config.year is None:
            return None
        for one in config.sources:
            first = _first_year(one)
            if which(one) and config.year < first:
                label = vocabularies().sources[one].label
                return hard(
                    f"{label}: not on a set before {first}; the scene looks like {config.year}."
                )
        return None

    def mend(config: LiveAction) -> Iterable[Changes]:
        late = [
            one for one in config.sources if which(one) and (config.year or 0) < _first_year(one)
        ]
        yield {"sources": tuple(one for one in config.sources if one not in late)}
        yield {"sources": _then(config, late)}
        yield {"year": None}

    return rule(rule_id, "sources", "year sources", check, mend)


def _then(config: LiveAction, late: list[str]) -> tuple[str, ...]:
    """Return the sources with tungsten, or daylight before there was any, in place of what came later."""
    instead = "tungsten" if (config.year or 0) >= _first_year("tungsten") else "carbon_arc"
    return tuple(dict.fromkeys(instead if one in late else one for one in config.sources))


def _first_year(source: str) -> int:
    return NEON_SIGNS_YEAR if source == "neon" else vocabularies().sources[source].first_year


def _avoided_source(config: LiveAction) -> Broken | None:
    film = film_of(config.preset)
    if film is None or config.year is not None:
        return None
    for one in config.sources:
        if _first_year(one) > film.year:
            label = vocabularies().sources[one].label
            return warning(f"{label} came in {_first_year(one)}, {film.title} in {film.year}.")
    return None


def _avoided_mood(config: LiveAction) -> Broken | None:
    film = film_of(config.preset)
    for mood in config.moods if film else ():
        if film and mood in film.avoids_moods:
            label = vocabularies().moods[mood].label.lower()
            return warning(f"{film.title} is not {label}: the look breaks.")
    return None


def _mend_mood(config: LiveAction) -> Iterable[Changes]:
    film = film_of(config.preset)
    if film:
        yield {"moods": tuple(one for one in config.moods if one not in film.avoids_moods)}
        yield {"moods": film.look.moods}


def _tone_of_stock(config: LiveAction) -> Broken | None:
    stock = config.the_stock
    tone = vocabularies().tones[config.tone] if config.tone else None
    if stock is None or tone is None or stock.is_black_and_white == tone.black_and_white:
        return None
    if stock.is_black_and_white:
        return warning(f"{stock.label} records no color.")
    return warning(f"{stock.label} records color; black and white is made afterwards.")


def _stock_for_tone(config: LiveAction) -> Iterable[Changes]:
    stock, tone = config.the_stock, vocabularies().tones[config.tone or "monochrome"]
    if stock and stock.is_black_and_white:
        yield {"tone": "monochrome"}
    if config.body:
        near = fitting.nearest_stocks(
            config.body, None, config.year, in_color=not tone.black_and_white
        )
        yield from ({"stock": one.id} for one in near[:FEW])
    yield {"tone": None}


def _pairing(
    rule_id: str, mood: str, style: str, how_bad: Callable[[str], Broken], why: str
) -> Rule:
    def check(config: LiveAction) -> Broken | None:
        return how_bad(why) if mood in config.moods and style in config.styles else None

    def mend(config: LiveAction) -> Iterable[Changes]:
        yield _without(config, "styles", style)
        yield _without(config, "moods", mood)

    return rule(rule_id, "styles", "moods styles", check, mend)


def _frame(rule_id: str, composition: str, sizes: Iterable[str], why: str) -> Rule:
    refused = frozenset(sizes)

    def check(config: LiveAction) -> Broken | None:
        if config.composition == composition and config.size in refused:
            return warning(why)
        return None

    def mend(_: LiveAction) -> Iterable[Changes]:
        yield {"composition": None}
        yield from ({"size": one} for one in ("ms", "ws", "cu") if one not in refused)

    return rule(rule_id, "composition", "composition size", check, mend)


SCENE_RULES: Final = (
    rule("DRONE_BODY", "equipment", "body equipment", _aircraft, _fly_or_land),
    *(
        rule(
            rule_id,
            "equipment",
            "body equipment",
            _weight(carrier_id.__eq__),
            _lighter,
            absorbs=("LA_MEDIUM_HANDHELD_WARN",) if carrier_id == "handheld" else (),
        )
        for carrier_id, rule_id in WEIGHT_RULES.items()
    ),
    rule(
        "CARRIER_WEIGHT",
        "equipment",
        "body equipment",
        _weight(lambda one: one not in WEIGHT_RULES),
        _lighter,
    ),
    *(
        rule(rule_id, "movement", "body equipment movement", _moves(one), _carrier_for_move)
        for one, rule_id in MOVE_RULES.items()
    ),
    rule("CARRIER_MOVES", "movement", "body equipment movement", _other_moves, _carrier_for_move),
    rule(
        "LA_DOLLYZOOM_REQUIRES_DOLLY",
        "equipment",
        "body equipment movement",
        _dolly_zoom,
        _carrier_for_move,
    ),
    rule("LA_DOLLYZOOM_TIMING_WARN", "timing", "movement timing", _dolly_zoom_timing, _slowly),
    rule("STATIC_TIMING", "timing", "movement timing", _static_timing, _same_stillness),
    rule(
        "HANDHELD_CRANE", "movement", "body equipment movement", _handheld_crane, _carrier_for_move
    ),
    rule("SNORRICAM_SUBJECT", "size", "equipment size", _snorricam, _close_up),
    _sun_at("LA_NIGHT_NO_SUN", ("night",), "At night there is no sun."),
    _sun_at("LA_BLUEHOUR_NO_SUN", NO_SUN[1:], "The sun is below the horizon by then."),
    rule("LA_MIDDAY_NO_MOON", "sources", "time sources", _midday_moon, _no_moon),
    rule("MOON_NIGHT_ONLY", "sources", "time sources", _moon_by_day, _no_moon),
    rule("LA_MIDDAY_NO_LOWKEY", "styles", "time place styles", _midday_low_key, _indoors),
    rule("MAGENTA_SUN_INTERIOR", "sources", "place sources", _sun_indoors),
    _source_year("LA_ERA_HMI_ANACHRONISM", "hmi".__eq__),
    _source_year("LA_ERA_KINO_ANACHRONISM", "kino_flo".__eq__),
    _source_year("LA_ERA_LED_ANACHRONISM", "led".__eq__),
    _source_year("NEON_YEAR", "neon".__eq__),
    _source_year("SOURCE_YEAR", lambda one: one not in ("hmi", "kino_flo", "led", "neon")),
    rule("PRESET_DISALLOWED_SOURCE", "sources", "preset year sources", _avoided_source),
    rule("PRESET_DISALLOWED_MOOD", "moods", "preset moods", _avoided_mood, _mend_mood),
    rule("STOCK_COLOUR_TONE", "tone", "stock tone body year", _tone_of_stock, _stock_for_tone),
    _pairing(
        "LA_CHEERFUL_LOWKEY_WARN",
        "cheerful",
        "low_key",
        warning,
        "Cheerful scenes and low-key light read against each other.",
    ),
    _pairing(
        "LA_ROMANTIC_LOWKEY_INFO",
        "romantic",
        "low_key",
        info,
        "Romance in low-key light is a customary pairing.",
    ),
    _pairing(
        "LA_GLOOMY_HIGHKEY_WARN",
        "gloomy",
        "high_key",
        warning,
        "Gloom in high-key light is an unusual pairing.",
    ),
    _pairing(
        "LA_HOPEFUL_LOWKEY_WARN",
        "hopeful",
        "low_key",
        warning,
        "Hope in low-key light is an unusual pairing.",
    ),
    _frame(
        "LA_LEADING_LINES_CU_WARN",
        "leading_lines",
        CLOSE,
        "Leading lines need surroundings; this frame is too close for them.",
    ),
    _frame(
        "LA_NEGATIVE_SPACE_ECU_WARN",
        "negative_space",
        ("ecu", "italian"),
        "The subject fills the frame, so no space is left empty.",
    ),
    _frame(
        "LA_FRAME_WITHIN_FRAME_EWS_WARN",
        "frame_within_frame",
        ("ews",),
        "From this far the inner frame gets very small.",
    ),
    _frame(
        "LA_FILL_FRAME_WIDE_WARN",
        "fill_the_frame",
        WIDE,
        "A wide shot cannot be filled by its subject.",
    ),
    _frame(
        "LA_DEPTH_LAYERING_ECU_WARN",
        "depth_layering",
        ("ecu", "bcu", "italian"),
        "So close there are no planes to stack.",
    ),
)
