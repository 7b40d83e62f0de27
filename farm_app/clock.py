"""The wall clock set back: moments in rows that then lie further ahead than Eliot ever puts one would freeze work."""

from datetime import timedelta
from typing import Final

from django.utils import timezone

from eliot.writing import written
from farm_app.models import Attempt, GpuNode, Job, Lease
from farm_app.timers import BACKOFF_LAST_S, LEASE_TTL, REST_LAST_S, STORE_TTL

# Retry-After is read up to five minutes.
_NODE_REST: Final = timedelta(seconds=max(REST_LAST_S, 300.0))


def thaw() -> None:
    """Let go on what waits for a moment that no pause of Eliot's can reach (for the sweep)."""
    now = timezone.now()
    jobs = Job.objects.queued().filter(not_before__gt=now + timedelta(seconds=2 * BACKOFF_LAST_S))
    stores = Attempt.objects.coming_home().filter(store_until__gt=now + 2 * STORE_TTL)
    nodes = GpuNode.objects.filter(health_checked_at__gt=now + 2 * _NODE_REST)
    leases = Lease.objects.filter(expires__gt=now + 2 * LEASE_TTL)
    if not any(found.exists() for found in (jobs, stores, nodes, leases)):
        return
    with written():
        jobs.update(not_before=None)
        stores.update(store_until=None)
        nodes.update(health_checked_at=None)
        leases.update(expires=now + LEASE_TTL)
