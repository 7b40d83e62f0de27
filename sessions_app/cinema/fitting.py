"""Which bodies, lenses and stocks go together, nearest first: by mount, image circle, gauge and year."""

from collections.abc import Sequence
from typing import Final

from sessions_app.cinema.vocabulary import Body, Lens, Stock, remembered, vocabularies

COVERAGE_GRACE: Final = 0.95
"""An image circle may be this share of the frame's diagonal: the outermost corner is rarely seen."""
STOCK_GRACE_YEARS: Final = 2
"""Stock keeps in the fridge for about so long after the last batch."""


def shared_mount(body: Body, lens: Lens) -> str | None:
    """Return the mount on which they meet, the body's own before one with an adapter."""
    return next((one for one in (*body.mounts, *body.adapts) if one in lens.mounts), None)


def covers(lens: Lens, body: Body) -> bool:
    """Whether the lens lights the whole frame."""
    return lens.image_circle_mm >= COVERAGE_GRACE * body.diagonal_mm


def fits(body: Body, lens: Lens) -> bool:
    """Whether the lens can be used on this body."""
    return shared_mount(body, lens) is not None and covers(lens, body)


def first_year(stock: Stock, gauge_mm: int | None) -> int:
    """Return since when a stock is made, in a gauge if one is given."""
    return max(stock.since, stock.gauge_from.get(gauge_mm or 0, 0))


def was_made(stock: Stock, year: int | None, gauge_mm: int | None = None) -> bool:
    """Whether a stock could be bought in that year, or at all if none is given."""
    if year is None:
        return True
    last = year if stock.until is None else stock.until + STOCK_GRACE_YEARS
    return first_year(stock, gauge_mm) <= year <= last


@remembered
def lenses_for(body_id: str) -> tuple[Lens, ...]:
    """Return the lenses that fit a body."""
    body = vocabularies().bodies[body_id]
    return tuple(lens for lens in vocabularies().lenses.values() if fits(body, lens))


@remembered
def bodies_for(lens_id: str) -> tuple[str, ...]:
    """Return the ids of the bodies that take a lens."""
    lens = vocabularies().lenses[lens_id]
    return tuple(body.id for body in vocabularies().bodies.values() if fits(body, lens))


@remembered
def stocks_for(body_id: str) -> tuple[Stock, ...]:
    """Return the stocks of a body's gauge; none for a digital one."""
    gauge = vocabularies().bodies[body_id].gauge_mm
    return tuple(one for one in vocabularies().stocks.values() if gauge in one.formats_mm)


@remembered
def film_bodies_for(stock_id: str) -> tuple[str, ...]:
    """Return the ids of the bodies that run a stock."""
    gauges = vocabularies().stocks[stock_id].formats_mm
    return tuple(one.id for one in vocabularies().bodies.values() if one.gauge_mm in gauges)


@remembered
def nearest_lenses(body_id: str, like_id: str | None, year: int | None) -> tuple[Lens, ...]:
    """Return the lenses that fit a body, those of their time first, then those most like another one."""
    like = vocabularies().lenses[like_id] if like_id else None
    return tuple(sorted(lenses_for(body_id), key=lambda lens: _lens_distance(lens, like, year)))


def _lens_distance(lens: Lens, like: Lens | None, year: int | None) -> tuple[float, ...]:
    late = float(year is not None and lens.introduced > year)
    if like is None:
        return late, float(lens.is_anamorphic), float(lens.zoom), -float(lens.introduced)
    return (
        late,
        abs(lens.squeeze - like.squeeze),
        float(lens.zoom != like.zoom),
        float(lens.manufacturer != like.manufacturer),
        abs(lens.introduced - like.introduced),
    )


@remembered
def nearest_bodies(
    among: tuple[str, ...], like_id: str | None, year: int | None, first: tuple[str, ...] = ()
) -> tuple[Body, ...]:
    """Return these bodies: those of their time, then those named first, then those most like another one."""
    bodies = vocabularies().bodies
    like = bodies[like_id] if like_id else None
    found = (bodies[one] for one in among)
    return tuple(sorted(found, key=lambda body: _body_distance(body, like, year, first)))


def _body_distance(
    body: Body, like: Body | None, year: int | None, first: Sequence[str]
) -> tuple[float, ...]:
    late = float(year is not None and body.introduced > year)
    named = float(first.index(body.id) if body.id in first else len(first))
    if like is None:
        return late, named, float(body.is_aircraft), -float(body.introduced)
    return (
        late,
        named,
        float(body.is_aircraft != like.is_aircraft),
        float(body.medium != like.medium),
        abs(body.diagonal_mm - like.diagonal_mm) // 4,
        float(body.manufacturer != like.manufacturer),
        abs(body.introduced - like.introduced),
    )


@remembered
def nearest_stocks(
    body_id: str, like_id: str | None, year: int | None, *, in_color: bool | None = None
) -> tuple[Stock, ...]:
    """Return the stocks that a body runs: those of their time, then those most like another one."""
    like = vocabularies().stocks[like_id] if like_id else None
    gauge = vocabularies().bodies[body_id].gauge_mm

    def distance(stock: Stock) -> tuple[float, ...]:
        return (
            float(not was_made(stock, year, gauge)),
            float(in_color is not None and stock.is_black_and_white == in_color),
            float(like is not None and stock.is_black_and_white != like.is_black_and_white),
            abs((stock.balance_k or 0) - (like.balance_k or 0)) if like else 0.0,
            abs((stock.ei_tungsten or 0) - (like.ei_tungsten or 0)) if like else 0.0,
            -float(stock.since),
        )

    return tuple(sorted(stocks_for(body_id), key=distance))
