"""Rules of bodies, stocks, ratios and lenses."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from sessions_app.cinema import fitting
from sessions_app.cinema.config import Changes, LiveAction
from sessions_app.cinema.films import film_of
from sessions_app.cinema.rules.terms import Broken, Rule, hard, info, rule, warning
from sessions_app.cinema.vocabulary import MOUNT_LABELS, vocabularies

FEW: Final = 8
"""So many ways out are tried, the nearest first."""

CLOSE: Final = frozenset({"mcu", "cu", "bcu", "ecu", "italian"})
WIDE: Final = frozenset({"ews", "ws"})
WIDE_VIEW_DEG: Final = 42.0
"""A 32 mm lens on Super 35: from here on, faces stretch when the camera is close."""
LONG_VIEW_DEG: Final = 16.5
"""An 85 mm lens on Super 35."""
VINTAGE_BEFORE: Final = 1980
SHARP_FROM_K: Final = 6.0
IMAX_RATIOS: Final = ("1.43:1", "1.90:1")
ULTRA_PANAVISION_RATIO: Final = "2.76:1"
ULTRA_PANAVISION_SQUEEZE: Final = 1.25


def _first_cameras(config: LiveAction) -> tuple[str, ...]:
    film = film_of(config.preset)
    return film.cameras if film else ()


def other_bodies(config: LiveAction, among: Iterable[str]) -> Iterable[Changes]:
    """Yield bodies of these, the nearest to what is chosen first; those of the film before all others."""
    near = fitting.nearest_bodies(tuple(among), config.body, config.year, _first_cameras(config))
    return ({"body": body.id} for body in islice(near, FEW))


def _digital_has_no_stock(config: LiveAction) -> Broken | None:
    body = config.the_body
    if body and config.stock and not body.is_film:
        return hard(f"{body.label} exposes a sensor, so there is no emulsion to choose.")
    return None


def _let_stock_go(config: LiveAction) -> Iterable[Changes]:
    yield {"stock": None}
    if config.stock:
        yield from other_bodies(config, fitting.film_bodies_for(config.stock))


def _film_needs_stock(config: LiveAction) -> Broken | None:
    body = config.the_body
    if body and body.is_film and not config.stock:
        return hard(f"{body.label} runs film, which needs a stock.")
    return None


def _load_stock(config: LiveAction) -> Iterable[Changes]:
    body = config.the_body
    if body is None:
        return
    tone = vocabularies().tones[config.tone] if config.tone else None
    in_color = None if tone is None else not tone.black_and_white
    stocks = fitting.nearest_stocks(body.id, config.stock, config.year, in_color=in_color)
    yield from ({"stock": one.id} for one in islice(stocks, FEW))
    if not body.is_film or config.year is not None:
        yield from other_bodies(
            config, (one.id for one in vocabularies().bodies.values() if not one.is_film)
        )


def _gauge(config: LiveAction) -> Broken | None:
    body, stock = config.the_body, config.the_stock
    if body and stock and body.gauge_mm and body.gauge_mm not in stock.formats_mm:
        made = " and ".join(f"{one} mm" for one in stock.formats_mm)
        return hard(f"{stock.label} was made in {made}; {body.label} runs {body.gauge_mm} mm.")
    return None


def _change_stock_or_body(config: LiveAction) -> Iterable[Changes]:
    body = config.the_body
    if body:
        stocks = fitting.nearest_stocks(body.id, config.stock, config.year)
        yield from ({"stock": one.id} for one in islice(stocks, FEW))
    if config.stock:
        yield from other_bodies(config, fitting.film_bodies_for(config.stock))


def _stock_years(config: LiveAction) -> Broken | None:
    stock, year = config.the_stock, config.year
    gauge = config.the_body.gauge_mm if config.the_body else None
    if stock is None or year is None or fitting.was_made(stock, year, gauge):
        return None
    first = fitting.first_year(stock, gauge)
    if year < first:
        of_gauge = f" in {gauge} mm" if first > stock.since else ""
        return hard(f"{stock.label} came{of_gauge} in {first}; the scene looks like {year}.")
    return hard(f"{stock.label} was made until {stock.until}; the scene looks like {year}.")


def _other_stock_or_year(config: LiveAction) -> Iterable[Changes]:
    body = config.the_body
    if body:
        near = fitting.nearest_stocks(body.id, config.stock, config.year)
        fresh = (one for one in near if fitting.was_made(one, config.year, body.gauge_mm))
        yield from ({"stock": one.id} for one in islice(fresh, FEW))
    yield {"year": None}


def _camera_year(config: LiveAction) -> Broken | None:
    body, year = config.the_body, config.year
    if body and year and body.introduced > year:
        return hard(f"{body.label} came in {body.introduced}; the scene looks like {year}.")
    return None


def _let_year_go(config: LiveAction) -> Iterable[Changes]:
    yield {"year": None}
    if config.the_body and config.year:
        year = config.year
        older = (one.id for one in vocabularies().bodies.values() if one.introduced <= year)
        yield from other_bodies(config, older)


def _film_year(config: LiveAction) -> Broken | None:
    film, body = film_of(config.preset), config.the_body
    if film and body and config.year is None and body.introduced > film.year:
        return info(f"{body.label} came in {body.introduced}, the film in {film.year}.")
    return None


def _lens_year(config: LiveAction) -> Broken | None:
    lens, year = config.the_lens, config.year
    if lens and year and lens.introduced > year:
        return warning(f"{lens.label} came in {lens.introduced}; the scene looks like {year}.")
    return None


def _older_lens(config: LiveAction) -> Iterable[Changes]:
    if config.body and config.year:
        near = fitting.nearest_lenses(config.body, config.lens, config.year)
        year = config.year
        yield from ({"lens": one.id} for one in near if one.introduced <= year)
    yield {"year": None}


def _mount(config: LiveAction) -> Broken | None:
    body, lens = config.the_body, config.the_lens
    if body is None or lens is None or fitting.shared_mount(body, lens):
        return None
    if "fixed" in body.mounts:
        return None  # a rule of its own says it better
    return hard(
        f"{lens.label} has {_mounts(lens.mounts)}; {body.label} takes {_mounts(body.mounts)}."
    )


def _mounts(found: Sequence[str]) -> str:
    names = [MOUNT_LABELS.get(one, one.upper()) for one in found]
    return f"the {' or '.join(names)} mount"


def _lens_or_body(config: LiveAction) -> Iterable[Changes]:
    if config.body:
        near = fitting.nearest_lenses(config.body, config.lens, config.year)
        yield from ({"lens": one.id} for one in islice(near, FEW))
    if config.lens:
        yield from other_bodies(config, fitting.bodies_for(config.lens))


def _fixed_lens(config: LiveAction) -> Broken | None:
    body, lens = config.the_body, config.the_lens
    if body and lens and "fixed" in body.mounts and "fixed" not in lens.mounts:
        return hard(f"{body.label} has a lens of its own that cannot be changed.")
    return None


def _coverage(config: LiveAction) -> Broken | None:
    body, lens = config.the_body, config.the_lens
    if body and lens and fitting.shared_mount(body, lens) and not fitting.covers(lens, body):
        return hard(
            f"{lens.label} lights a circle of {lens.image_circle_mm:g} mm; the frame of {body.label}"
            f" measures {body.diagonal_mm:g} mm across, so its corners stay dark."
        )
    return None


def _panavision_body(config: LiveAction) -> Broken | None:
    body, lens = config.the_body, config.the_lens
    if body is None or lens is None or "Panavision" in lens.manufacturer:
        return None
    if body.manufacturer == "Panavision" and fitting.shared_mount(body, lens):
        return warning(f"{lens.label} on {body.label} has to be rehoused for Panavision's mount.")
    return None


def _panavision_lens(config: LiveAction) -> Broken | None:
    body, lens = config.the_body, config.the_lens
    if body is None or lens is None or body.manufacturer in ("Panavision", "IMAX"):
        return None
    if "Panavision" in lens.manufacturer and fitting.shared_mount(body, lens):
        return warning(
            f"Panavision rents its lenses only: {body.label} has to come from there too."
        )
    return None


def _vintage_on_sharp(config: LiveAction) -> Broken | None:
    body, lens = config.the_body, config.the_lens
    if body is None or lens is None or (body.photosites_k or 0) < SHARP_FROM_K:
        return None
    if lens.introduced < VINTAGE_BEFORE:
        return warning(
            f"{lens.label} draws softer than the {body.photosites_k:g}K of {body.label}."
        )
    return None


def _anamorphic(config: LiveAction) -> Broken | None:
    lens = config.the_lens
    if lens and lens.is_anamorphic:
        return info(
            f"{lens.label} squeezes {lens.squeeze:g}×: the picture is stretched back when it is shown."
        )
    return None


def _wide_close(config: LiveAction) -> Broken | None:
    view = config.angle_of_view_deg
    if view and view > WIDE_VIEW_DEG and config.size in CLOSE:
        return warning(
            f"{config.focal_mm:g} mm sees {view:.0f}° here; that close, it stretches a face."
        )
    return None


def _long_wide(config: LiveAction) -> Broken | None:
    view = config.angle_of_view_deg
    if view and view < LONG_VIEW_DEG and config.size in WIDE:
        return warning(
            f"{config.focal_mm:g} mm sees {view:.0f}° here; a wide shot gets flat with it."
        )
    return None


FOCALS_MM: Final = (14, 18, 21, 25, 28, 32, 35, 40, 50, 65, 75, 85, 100, 135)


def suits_size(config: LiveAction) -> bool:
    """Whether the focal length suits the shot size."""
    return _wide_close(config) is None and _long_wide(config) is None


def _other_focal(config: LiveAction) -> Iterable[Changes]:
    """Yield focal lengths at which neither rule of views speaks, the nearest first."""
    now = config.focal_mm or 0
    for focal in sorted(FOCALS_MM, key=lambda one: abs(one - now)):
        view = config.changed({"focal_mm": focal}).angle_of_view_deg
        if view and LONG_VIEW_DEG <= view <= WIDE_VIEW_DEG:
            yield {"focal_mm": focal}


def _focal_made(config: LiveAction) -> Broken | None:
    lens, focal = config.the_lens, config.focal_mm
    if lens is None or not focal or not lens.focal_lengths_mm:
        return None
    made = lens.focal_lengths_mm
    if lens.zoom and made[0] <= focal <= made[-1]:
        return None
    if focal in made or min(abs(focal - one) for one in made) <= focal * 0.04:
        return None
    return info(f"Our list of {lens.label} has no {focal:g} mm.")


def _nearest_focal(config: LiveAction) -> Iterable[Changes]:
    lens, focal = config.the_lens, config.focal_mm
    if lens and focal:
        yield {"focal_mm": min(lens.focal_lengths_mm, key=lambda one: abs(one - focal))}


def _ultra_panavision(config: LiveAction) -> Broken | None:
    if config.body == "ultra_panavision_70" and config.ratio not in (None, ULTRA_PANAVISION_RATIO):
        return warning("Ultra Panavision 70 opens to 2.76:1; any other shape is a crop.")
    return None


def _276(config: LiveAction) -> Broken | None:
    if config.ratio != ULTRA_PANAVISION_RATIO or config.body in (None, "ultra_panavision_70"):
        return None
    if config.squeeze != ULTRA_PANAVISION_SQUEEZE:
        return warning("2.76:1 comes from lenses with a squeeze of 1.25; here it is a crop.")
    return None


def _use_276(_: LiveAction) -> Iterable[Changes]:
    yield {"ratio": ULTRA_PANAVISION_RATIO}


def _scope(config: LiveAction) -> Iterable[Changes]:
    yield {"ratio": "2.39:1"}


def _imax(config: LiveAction) -> Broken | None:
    body = config.the_body
    if body and body.format == "imax_15_70" and config.ratio not in (None, *IMAX_RATIOS):
        return warning("The frame of fifteen perforations is 1.43:1; any other shape is a crop.")
    return None


def _use_imax_ratio(_: LiveAction) -> Iterable[Changes]:
    yield from ({"ratio": one} for one in IMAX_RATIOS)


def _claimed(field: str) -> Rule:
    """Return the rule that holds what a program said of derived fields against the body or the lens."""
    names = {"body": "MANUFACTURER_CONSISTENT", "lens": "ANAMORPHIC_CONSISTENT"}

    def check(config: LiveAction) -> Broken | None:
        for name, told in config.claims:
            if config.CLAIMS[name] == field and told not in _derived(config, name):
                part = name.rpartition(".")[2].replace("_", " ")
                true = _derived(config, name)[0]
                return hard(f"The {part} follows from the {field}: it is {true}, not {told}.")
        return None

    def mend(config: LiveAction) -> Iterable[Changes]:
        yield {"claims": tuple(one for one in config.claims if config.CLAIMS[one[0]] != field)}

    absorbs = ("FORMAT_CONSISTENT",) if field == "body" else ()
    return rule(names[field], field, "claims", check, mend, absorbs=absorbs)


def _derived(config: LiveAction, name: str) -> Sequence[str]:
    """Return how a derived field may be written, the words for people first."""
    body, lens = config.the_body, config.the_lens
    if name.startswith("lens.") and lens:
        return {
            "lens.manufacturer": (lens.manufacturer, lens.manufacturer.lower()),
            "lens.is_anamorphic": ("yes", "true", "1")
            if lens.is_anamorphic
            else ("no", "false", "0"),
            "lens.squeeze": (f"{lens.squeeze:g}", f"{lens.squeeze:.1f}", f"{lens.squeeze:.2f}"),
        }[name]
    if name.startswith("camera.") and body:
        weight = body.weight_class.replace(" ", "_")
        return {
            "camera.manufacturer": (body.manufacturer, body.manufacturer.lower()),
            "camera.camera_type": (body.medium,),
            "camera.sensor": (config.sensor, body.format, config.sensor.lower()),
            "camera.weight_class": (body.weight_class, weight, weight.replace("_", "")),
        }[name]
    return ("unknown", dict(config.claims)[name])  # nothing to hold it against


CAMERA_RULES: Final = (
    # Years before mounts: once the year is let go, a newer lens may be the nearest.
    rule("CAMERA_YEAR", "body", "body year", _camera_year, _let_year_go),
    rule("FIXED_LENS_BODY", "lens", "body lens", _fixed_lens, _lens_or_body),
    rule("MOUNT_MATCH", "lens", "body lens", _mount, _lens_or_body),
    rule(
        "COVERAGE_MATCH",
        "lens",
        "body lens",
        _coverage,
        _lens_or_body,
        absorbs=("LA_ALEXA65_LENS_RESTRICT", "LA_LF_NO_S35_LENS"),
    ),
    rule("LA_DIGITAL_NO_FILM_STOCK", "stock", "body stock", _digital_has_no_stock, _let_stock_go),
    rule("LA_FILM_REQUIRES_STOCK", "stock", "body stock tone year", _film_needs_stock, _load_stock),
    rule(
        "GAUGE_MATCH",
        "stock",
        "body stock",
        _gauge,
        _change_stock_or_body,
        absorbs=("LA_65MM_STOCK_REQUIRES_65MM_CAMERA", "LA_IMAX_STOCK_REQUIRES_IMAX"),
    ),
    rule("STOCK_YEARS", "stock", "body stock year", _stock_years, _other_stock_or_year),
    rule("FILM_YEAR", "body", "body year preset", _film_year),
    rule("LENS_YEAR", "lens", "lens year", _lens_year, _older_lens),
    _claimed("body"),
    _claimed("lens"),
    rule("LA_PANAVISION_CLOSED_ECOSYSTEM", "lens", "body lens", _panavision_body),
    rule("LA_PANAVISION_LENS_REQUIRES_PV_CAMERA", "lens", "body lens", _panavision_lens),
    rule("LA_VINTAGE_HIGHRES_WARN", "lens", "body lens", _vintage_on_sharp),
    rule("LA_ANAMORPHIC_INFO", "lens", "lens", _anamorphic),
    rule("FOCAL_MADE", "focal_mm", "lens focal_mm", _focal_made, _nearest_focal),
    rule(
        "LA_WIDE_LENS_CU_WARN",
        "focal_mm",
        "body lens focal_mm ratio size",
        _wide_close,
        _other_focal,
    ),
    rule(
        "LA_LONG_LENS_WIDE_WARN",
        "focal_mm",
        "body lens focal_mm ratio size",
        _long_wide,
        _other_focal,
    ),
    rule("LA_ULTRA_PANAVISION_ASPECT", "ratio", "body ratio", _ultra_panavision, _use_276),
    rule("LA_276_REQUIRES_ULTRA_PV70", "ratio", "body lens ratio", _276, _scope),
    rule("LA_IMAX_1570_ASPECT", "ratio", "body ratio", _imax, _use_imax_ratio),
)
