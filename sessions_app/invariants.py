"""I1 at the table: every press of Generate has exactly the pictures that were asked for in it."""

from typing import Final

from django.db.models import Count, Max, Min

from eliot.soundness import Check, Found, Look
from farm_app.models import Job
from sessions_app.models import Generation, Round


def _rounds_are_whole(look: Look) -> Found:
    """A round's jobs are numbered without a gap, and each is one asked-for picture of that round."""
    asked = dict(Generation.objects.order_by().values_list("round_id").annotate(count=Count("pk")))
    jobs = Count("group__jobs")
    first, last = Min("group__jobs__ordinal"), Max("group__jobs__ordinal")
    for round_ in Round.objects.annotate(jobs=jobs, first=first, last=last):
        numbered = round_.last - round_.first + 1 if round_.jobs else 0
        if not round_.jobs == numbered == asked.get(round_.pk, 0):
            said = f"Round {round_.pk} ({round_}) has {asked.get(round_.pk, 0)} pictures asked for"
            yield f"{said}, {round_.jobs} jobs, and numbers for {numbered}.", None


def _sessions_jobs_are_shown(look: Look) -> Found:
    """What a round asked for is seen on its page."""
    for pk in Job.objects.filter(group__round__isnull=False, generation=None).values_list(
        "pk", flat=True
    ):
        yield f"Job {pk} was asked for in a round, and no page shows it.", None


CHECKS: Final = (
    Check("I1", "Every round has what was asked for in it.", _rounds_are_whole),
    Check("I1", "Every job of a round is shown.", _sessions_jobs_are_shown),
)
