"""Jobs: ask for one, look, cancel."""

from typing import Annotated

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from ninja import Query, Router
from ninja.responses import Status
from pydantic import BaseModel, Field

from farm_app import cancelling
from farm_app.api.entrance import Caller, Entrance
from farm_app.api.errors import ErrorAnswer, Fault, Refused, invalid, require_known
from farm_app.api.placing import place_job
from farm_app.api.schemas import CancelSaid, JobInFull, JobPage, JobPosted
from farm_app.api.showing import job_in_full, jobs_said, with_all
from farm_app.models import GpuNode, Job, JobRequest
from farm_app.models.requests import Kind
from farm_app.models.states import LIVE, JobState
from farm_app.models.tokens import May
from farm_app.who import name_of

LARGEST_ID = 2**63 - 1
Id = Annotated[int, Field(ge=1, le=LARGEST_ID)]
Limit = Annotated[int, Field(ge=1, le=200)]

router = Router(tags=["jobs"])


class JobFilters(BaseModel):
    """Which jobs to list."""

    state: list[str] = Field([], description="Any of these states; may be repeated.")
    node: str | None = Field(None, description="Made by this node, or being made there.")
    group: Id | None = Field(None, description="Children of this job group.")
    before: Id | None = Field(None, description="Older than this one: `next` of the page before.")
    limit: Limit = 50

    def rows(self) -> QuerySet[Job]:
        """Return what they let through, newest first.

        Raises:
            Refused: No such state or node.
        """
        found = Job.objects.order_by("-pk")
        if self.state:
            found = found.filter(state__in=self._states())
        if self.node is not None:
            found = found.filter(self._on_node(self.node)).distinct()
        if self.group is not None:
            found = found.filter(group__request=self.group, group__request__kind=Kind.GROUP)
        return found if self.before is None else found.filter(pk__lt=self.before)

    def _states(self) -> list[str]:
        known = set(JobState.values)
        if strange := [one for one in self.state if one not in known]:
            said = f"There is no state {strange[0][:30]}; there are {', '.join(JobState.values)}."
            raise invalid([Fault("state", said)])
        return self.state

    @staticmethod
    def _on_node(slug: str) -> Q:
        node = GpuNode.objects.filter(slug=slug).values_list("pk", flat=True).first()
        if node is None:
            raise invalid([Fault("node", f"There is no node {slug[:60]}.")])
        return Q(winner__node=node) | Q(attempts__node=node, attempts__state__in=LIVE)


def caller_of(request: HttpRequest) -> Caller:
    """Return whom the entrance let in."""
    caller: Caller = getattr(request, "auth")  # noqa: B009 - the library puts it there
    return caller


def job_of(request: JobRequest) -> Job:
    """Return the job that a request for one job made."""
    return with_all(Job.objects.filter(group__request=request)).get()


@router.post(
    "",
    auth=Entrance(May.ASK),
    response={201: JobInFull, 200: JobInFull, frozenset({409, 413, 415, 422}): ErrorAnswer},
    summary="Ask for one picture",
)
def post_job(request: HttpRequest, posted: JobPosted) -> Status[JobInFull]:
    """201 when it is new; 200 when the same request came before under the same `idempotency_key`."""
    made, is_new = place_job(posted, caller_of(request))
    return Status(201 if is_new else 200, job_in_full(job_of(made)))


@router.get("", auth=Entrance(May.READ), response=JobPage, summary="List jobs, the newest first")
def list_jobs(request: HttpRequest, filters: Query[JobFilters]) -> JobPage:
    """All jobs of the farm, those that pages asked for too."""
    require_known(request.GET, JobFilters.model_fields)
    rows = list(with_all(filters.rows())[: filters.limit + 1])
    page = rows[: filters.limit]
    return JobPage(items=jobs_said(page), next=page[-1].pk if len(rows) > len(page) else None)


@router.get(
    "/{int:pk}",
    auth=Entrance(May.READ),
    response={200: JobInFull, 404: ErrorAnswer},
    summary="One job with its story",
)
def get_job(request: HttpRequest, pk: int) -> JobInFull:
    """State, reason and advice, progress, attempts, events, and outputs with addresses."""
    return job_in_full(_job(pk))


@router.post(
    "/{int:pk}/cancel",
    auth=Entrance(May.ASK),
    response={200: CancelSaid, 404: ErrorAnswer},
    summary="Cancel one job",
)
def cancel_job(request: HttpRequest, pk: int) -> CancelSaid:
    """What has ended stays as it is, and 0 were cancelled."""
    actor = name_of(caller_of(request).user)
    return CancelSaid(cancelled=cancelling.cancel([_job(pk).pk], actor=actor))


def _job(pk: int) -> Job:
    found = with_all(Job.objects.filter(pk=pk)).first() if pk <= LARGEST_ID else None
    if found is None:
        raise Refused(404, "not_found", f"There is no job {pk}.")
    return found
