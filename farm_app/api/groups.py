"""Job groups: the same picture with other seeds or on several nodes; ask, look, cancel."""

from django.http import HttpRequest
from ninja import Query, Router
from ninja.responses import Status
from pydantic import BaseModel

from farm_app import cancelling
from farm_app.api.entrance import Entrance
from farm_app.api.errors import ErrorAnswer, Refused, require_known
from farm_app.api.jobs import LARGEST_ID, Id, Limit, caller_of
from farm_app.api.placing import place_group
from farm_app.api.schemas import CancelSaid, GroupInFull, GroupPage, GroupPosted
from farm_app.api.showing import group_in_full, groups_said
from farm_app.models import Job, JobRequest
from farm_app.models.requests import Kind
from farm_app.models.states import OPEN_JOBS
from farm_app.models.tokens import May
from farm_app.who import name_of

router = Router(tags=["job groups"])


class GroupFilters(BaseModel):
    """Which groups to list."""

    before: Id | None = None
    limit: Limit = 50


@router.post(
    "",
    auth=Entrance(May.ASK),
    response={201: GroupInFull, 200: GroupInFull, frozenset({409, 413, 415, 422}): ErrorAnswer},
    summary="Ask for a picture several times",
)
def post_group(request: HttpRequest, posted: GroupPosted) -> Status[GroupInFull]:
    """201 when it is new; 200 when the same request came before under the same `idempotency_key`."""
    made, is_new = place_group(posted, caller_of(request))
    return Status(201 if is_new else 200, group_in_full(made))


@router.get(
    "", auth=Entrance(May.READ), response=GroupPage, summary="List job groups, newest first"
)
def list_groups(request: HttpRequest, filters: Query[GroupFilters]) -> GroupPage:
    """With how many children stand where."""
    require_known(request.GET, GroupFilters.model_fields)
    found = JobRequest.objects.filter(kind=Kind.GROUP).order_by("-pk")
    if filters.before is not None:
        found = found.filter(pk__lt=filters.before)
    rows = list(found[: filters.limit + 1])
    page = rows[: filters.limit]
    return GroupPage(items=groups_said(page), next=page[-1].pk if len(rows) > len(page) else None)


@router.get(
    "/{int:pk}",
    auth=Entrance(May.READ),
    response={200: GroupInFull, 404: ErrorAnswer},
    summary="One job group with its children",
)
def get_group(request: HttpRequest, pk: int) -> GroupInFull:
    """Children stand in the order of their seeds."""
    return group_in_full(group_called(pk))


@router.post(
    "/{int:pk}/cancel",
    auth=Entrance(May.ASK),
    response={200: CancelSaid, 404: ErrorAnswer},
    summary="Cancel a job group",
)
def cancel_group(request: HttpRequest, pk: int) -> CancelSaid:
    """Children that have ended stay as they are."""
    actor = name_of(caller_of(request).user)
    open_jobs = Job.objects.filter(group__request=group_called(pk), state__in=OPEN_JOBS)
    ids = open_jobs.order_by("pk").values_list("pk", flat=True)
    return CancelSaid(cancelled=cancelling.cancel(ids, actor=actor))


def group_called(pk: int) -> JobRequest:
    """Return a job group.

    Raises:
        Refused: There is none.
    """
    groups = JobRequest.objects.filter(kind=Kind.GROUP, pk=pk)
    found = groups.first() if pk <= LARGEST_ID else None
    if found is None:
        raise Refused(404, "not_found", f"There is no job group {pk}.")
    return found
