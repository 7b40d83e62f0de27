"""Cameras, and what goes with each: lenses, film stocks and shapes of the frame."""

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel

from farm_app.api.errors import ErrorAnswer, require_known
from farm_app.models.tokens import May
from sessions_app.api.entrance import Entrance
from sessions_app.api.reading import there
from sessions_app.api.schemas import CameraSaid, FittingLens, LensSaid, RatioSaid, StockSaid
from sessions_app.cinema import engine
from sessions_app.cinema.config import LiveAction
from sessions_app.cinema.fitting import lenses_for, shared_mount, stocks_for
from sessions_app.cinema.vocabulary import (
    FORMAT_LABELS,
    MOUNT_LABELS,
    Body,
    Lens,
    Ratio,
    Stock,
    Term,
    vocabularies,
)

MISSING = {404: ErrorAnswer}

router = Router(tags=["cinema"])


class CameraFilters(BaseModel):
    """Which cameras to list."""

    type: Literal["film", "digital"] | None = None


@router.get(
    "",
    auth=Entrance(May.READ),
    response={200: list[CameraSaid], 422: ErrorAnswer},
    summary="List the cameras",
)
def list_cameras(request: HttpRequest, filters: Query[CameraFilters]) -> list[CameraSaid]:
    """In the order of menus."""
    require_known(request.GET, CameraFilters.model_fields)
    found = vocabularies().bodies.values()
    return [camera_said(one) for one in found if filters.type in (None, _type(one))]


@router.get(
    "/{name}", auth=Entrance(May.READ), response={200: CameraSaid, **MISSING}, summary="One camera"
)
def get_camera(request: HttpRequest, name: str) -> CameraSaid:
    """By id, alias or label."""
    return camera_said(_camera(name))


@router.get(
    "/{name}/lenses",
    auth=Entrance(May.READ),
    response={200: list[FittingLens], **MISSING},
    summary="The lenses that a camera takes",
)
def list_lenses(request: HttpRequest, name: str) -> list[FittingLens]:
    """By mount and image circle, each with the mount on which they meet."""
    body = _camera(name)
    return [
        FittingLens(**dict(lens_said(one)), mount=_mount(shared_mount(body, one)))
        for one in lenses_for(body.id)
    ]


@router.get(
    "/{name}/stocks",
    auth=Entrance(May.READ),
    response={200: list[StockSaid], **MISSING},
    summary="The film stocks that a camera runs",
)
def list_stocks(request: HttpRequest, name: str) -> list[StockSaid]:
    """By gauge; none for a digital camera."""
    return [stock_said(one) for one in stocks_for(_camera(name).id)]


@router.get(
    "/{name}/ratios",
    auth=Entrance(May.READ),
    response={200: list[RatioSaid], **MISSING},
    summary="The shapes of the frame that a camera allows",
)
def list_ratios(request: HttpRequest, name: str) -> list[RatioSaid]:
    """As the rules have it, while nothing else is chosen."""
    alone = LiveAction(body=_camera(name).id)
    found = engine.options("ratio", alone, with_repairs=False)
    return [ratio_said(vocabularies().ratios[str(one.value)]) for one in found if one.is_allowed]


def _camera(name: str) -> Body:
    return there(lambda: vocabularies().bodies.find(name))


def _type(body: Body) -> Literal["film", "digital"]:
    return "film" if body.is_film else "digital"


def _mount(name: str | None) -> str:
    return MOUNT_LABELS.get(name or "", name or "")


def _gear(one: Term) -> dict[str, Any]:
    return {"id": one.id, "label": one.label, "line": one.line, "certainty": one.certainty}


def camera_said(one: Body) -> CameraSaid:
    """Return a camera as programs see it."""
    return CameraSaid(
        **_gear(one),
        manufacturer=one.manufacturer,
        type=_type(one),
        format=FORMAT_LABELS[one.format],
        year=one.introduced,
        mounts=[_mount(mount) for mount in one.mounts],
        image_area_mm=one.image_area_mm,
        weight_kg=one.weight_kg,
    )


def lens_said(one: Lens) -> LensSaid:
    """Return a family of lenses as programs see it."""
    return LensSaid(
        **_gear(one),
        manufacturer=one.manufacturer,
        year=one.introduced,
        zoom=one.zoom,
        anamorphic=one.is_anamorphic,
        squeeze=one.squeeze,
        image_circle_mm=one.image_circle_mm,
        focal_lengths_mm=list(one.focal_lengths_mm),
        t_stop=one.t_stop,
        mounts=[_mount(mount) for mount in one.mounts],
    )


def stock_said(one: Stock) -> StockSaid:
    """Return a film stock as programs see it."""
    return StockSaid(
        **_gear(one),
        manufacturer=one.manufacturer,
        code=one.code,
        black_and_white=one.is_black_and_white,
        balance_k=one.balance_k,
        ei_tungsten=one.ei_tungsten,
        ei_daylight=one.ei_daylight,
        formats_mm=list(one.formats_mm),
        since=one.since,
        until=one.until,
    )


def ratio_said(one: Ratio) -> RatioSaid:
    """Return a shape of the frame as programs see it."""
    return RatioSaid(id=one.id, label=one.label, line=one.line, ratio=one.ratio, since=one.since)
