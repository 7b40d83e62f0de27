"""Whether anybody works: the sweep's lease tells every process, every page and whoever asks from outside."""

from datetime import datetime
from typing import Final

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from eliot.live import kept_briefly
from farm_app.models import Job, Lease
from farm_app.timers import SWEEP_LEASE_TTL, SWEEP_S

_KEPT_S: Final = 1.0
_began: Final = timezone.now()


@kept_briefly(_KEPT_S)
def away_since() -> datetime | None:
    """Return since when no workers run; None when some do, or never did on this database.

    A process that has just begun gives its workers a moment.
    """
    now = timezone.now()
    lease = Lease.objects.filter(name="sweep").first()
    if lease is None or (lease.holder and lease.expires > now):
        return None
    since = min(lease.expires, now)
    is_new = now - _began < SWEEP_LEASE_TTL
    is_changing_hands = (now - since).total_seconds() < SWEEP_S
    return None if is_new or is_changing_hands else since


@login_not_required
@never_cache
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Say for monitors how Eliot is: 200 when pages and workers run, 503 when nothing is being done."""
    since = away_since()
    answer = {
        "status": "ok" if since is None else "degraded",
        "version": settings.VERSION,
        "workers": "running" if since is None else "away",
        "workers_away_since": since.isoformat(timespec="seconds") if since else None,
        "open_jobs": Job.objects.open().count(),
    }
    return JsonResponse(answer, status=200 if since is None else 503)
