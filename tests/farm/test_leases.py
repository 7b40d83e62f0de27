"""Leases: one holder at a time, an end for the dead, and no harm from one who wakes up late."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from farm_app.models import Lease

pytestmark = pytest.mark.django_db
TTL = timedelta(seconds=30)


def expire(name: str = "node:1") -> None:
    Lease.objects.filter(name=name).update(expires=timezone.now() - timedelta(seconds=1))


def test_one_takes_it_and_the_next_does_not() -> None:
    assert Lease.objects.take("node:1", ttl=TTL) is not None
    assert Lease.objects.take("node:1", ttl=TTL) is None
    assert Lease.objects.take("node:2", ttl=TTL) is not None


def test_what_is_given_back_can_be_taken_at_once() -> None:
    with Lease.objects.held("node:1", ttl=TTL) as lease:
        assert lease is not None
        with Lease.objects.held("node:1", ttl=TTL) as second:
            assert second is None
    assert Lease.objects.take("node:1", ttl=TTL) is not None


def test_a_dead_holder_frees_it_by_silence() -> None:
    first = Lease.objects.take("node:1", ttl=TTL)
    expire()
    second = Lease.objects.take("node:1", ttl=TTL)
    assert first is not None
    assert second is not None
    assert second.epoch == first.epoch + 1


def test_one_who_wakes_up_late_can_neither_renew_nor_release_it() -> None:
    late = Lease.objects.take("node:1", ttl=TTL)
    expire()
    now = Lease.objects.take("node:1", ttl=TTL)
    assert late is not None
    assert now is not None
    assert not late.renew(ttl=TTL)
    late.release()
    assert Lease.objects.held_now().get() == now
    assert now.renew(ttl=TTL)


def test_a_holder_that_paused_and_was_not_replaced_goes_on() -> None:
    lease = Lease.objects.take("node:1", ttl=TTL)
    expire()
    assert lease is not None
    assert lease.renew(ttl=TTL)
    assert Lease.objects.take("node:1", ttl=TTL) is None


def test_the_next_runner_of_a_host_frees_what_the_dead_one_had() -> None:
    mine = Lease.objects.take("node:1", ttl=TTL)
    Lease.objects.take("node:2", ttl=TTL)
    Lease.objects.filter(name="node:2").update(host="elsewhere")
    assert Lease.objects.free_host() == 1
    assert Lease.objects.take("node:1", ttl=TTL) is not None
    assert Lease.objects.take("node:2", ttl=TTL) is None
    assert mine is not None
    assert not mine.renew(ttl=TTL)


def test_looking_at_a_taken_lease_writes_nothing() -> None:
    Lease.objects.take("node:1", ttl=TTL)
    with CaptureQueriesContext(
        connection,
    ) as seen:
        Lease.objects.take("node:1", ttl=TTL)
    assert [query["sql"].split()[0] for query in seen] == ["SELECT"]
