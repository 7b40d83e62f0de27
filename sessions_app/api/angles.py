"""The 144 camera angles."""

from functools import partial

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel, Field

from farm_app.api.errors import ErrorAnswer, require_known
from farm_app.models.tokens import May
from sessions_app.api.entrance import Entrance
from sessions_app.api.reading import known
from sessions_app.api.schemas import AngleSaid, Name
from sessions_app.cinema.angles import Angle, find_angles
from sessions_app.cinema.vocabulary import vocabularies

router = Router(tags=["cinema"])


class AngleFilters(BaseModel):
    """Which angles to list; ids, aliases or labels."""

    direction: Name | None = None
    height: Name | None = None
    distance: Name | None = None
    has_token: bool | None = Field(None, description="Whether the multi-angle LoRA knows it.")


@router.get(
    "/angles",
    auth=Entrance(May.READ),
    response={200: list[AngleSaid], 422: ErrorAnswer},
    summary="List the camera angles",
)
def list_angles(request: HttpRequest, filters: Query[AngleFilters]) -> list[AngleSaid]:
    """Around the subject, from low to high, from near to far."""
    require_known(request.GET, AngleFilters.model_fields)
    words = vocabularies()
    parts = {
        "direction": (words.directions, filters.direction),
        "height": (words.heights, filters.height),
        "distance": (words.distances, filters.distance),
    }
    for name, (vocabulary, told) in parts.items():
        if told:
            known(partial(vocabulary.find, told), name)
    found = find_angles(**{name: told for name, (_, told) in parts.items()})
    return [_angle(one) for one in found if filters.has_token in (None, bool(one.token))]


def _angle(one: Angle) -> AngleSaid:
    return AngleSaid(
        id=one.id,
        label=one.label,
        prose=one.prose,
        token=one.token,
        direction=one.direction.id,
        height=one.height.id,
        distance=one.distance.id,
    )
