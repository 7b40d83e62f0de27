"""Leases: who may do a thing now, as rows with an end, so that a dead holder frees it by silence."""

import logging
import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import DatabaseError, IntegrityError, models, transaction
from django.db.models import F, Q
from django.utils import timezone

from eliot.statements import Change, Given, Question
from eliot.writing import in_turn

logger = logging.getLogger(__name__)

HOST = socket.gethostname()


class LeaseQuerySet(models.QuerySet["Lease"]):
    """Verbs on leases."""

    def take(self, name: str, *, ttl: timedelta) -> "Lease | None":
        """Win the lease ``name`` for ``ttl``, or return None because a living holder has it."""
        now = timezone.now()
        if _held(name=name, now=now):  # a look costs no write
            return None
        holder = f"{HOST}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        facts = {"holder": holder, "host": HOST, "expires": now + ttl}
        with in_turn():
            if _taking(name=name, now=now, **facts):
                return _taken.first(name=name, by=holder)
            if self.filter(name=name).exists():
                return None
            try:
                with transaction.atomic():
                    return self.create(name=name, epoch=1, **facts)
            except IntegrityError:
                return None

    def held_now(self) -> "LeaseQuerySet":
        """Return those that a living holder has."""
        return self.filter(expires__gt=timezone.now()).exclude(holder="")

    def nodes_held_now(self) -> set[int]:
        """Return the nodes, by id, that somebody sees to now."""
        names = self.held_now().filter(name__startswith="node:").values_list("name", flat=True)
        return {int(name.partition(":")[2]) for name in names}

    @contextmanager
    def held(self, name: str, *, ttl: timedelta) -> Iterator["Lease | None"]:
        """Hold the lease for a block; yields None when somebody else has it."""
        lease = self.take(name, ttl=ttl)
        try:
            yield lease
        finally:
            if lease is not None:
                lease.release()

    def free_host(self, host: str = HOST) -> int:
        """End every lease of one host; only for the process that holds that host's run lock."""
        return self.filter(host=host).exclude(holder="").update(holder="", expires=timezone.now())


class Lease(models.Model):
    """The right to feed one node (``node:<id>``) or to sweep (``sweep``)."""

    name = models.CharField(max_length=80, unique=True)
    holder = models.CharField(max_length=120, blank=True)
    host = models.CharField(max_length=80, blank=True)
    epoch = models.PositiveBigIntegerField(default=0)
    expires = models.DateTimeField()

    objects = LeaseQuerySet.as_manager()

    def __str__(self) -> str:
        """Name it with its holder."""
        return f"{self.name} held by {self.holder or 'nobody'}"

    def renew(self, *, ttl: timedelta) -> bool:
        """Prolong the lease; False means that it was lost to another holder, who must not be disturbed."""
        with in_turn():
            until = timezone.now() + ttl
            return bool(_renewing(pk=self.pk, by=self.holder, term=self.epoch, expires=until))

    def release(self) -> None:
        """Give it back, if it is still ours. A database that does not take that leaves it to expire."""
        try:
            with in_turn():
                _giving_back(pk=self.pk, by=self.holder, term=self.epoch, expires=timezone.now())
        except DatabaseError:
            logger.warning("the lease %s could not be given back; it expires", self.name)


_name, _now = (
    Given("name", Lease._meta.get_field("name")),
    Given("now", Lease._meta.get_field("expires")),
)
_holder = Given("by", Lease._meta.get_field("holder"))
_held = Question(lambda: Lease.objects.filter(name=_name, expires__gt=_now).exclude(holder=""))
_taken = Question(lambda: Lease.objects.filter(name=_name, holder=_holder))
_taking = Change(
    lambda: Lease.objects.filter(Q(expires__lte=_now) | Q(holder=""), name=_name),
    "holder",
    "host",
    "expires",
    epoch=F("epoch") + 1,
)


def _mine() -> LeaseQuerySet:
    """Return the lease as its holder took it: another one may have it since."""
    key, term = Given("pk", Lease._meta.pk), Given("term", Lease._meta.get_field("epoch"))
    return Lease.objects.filter(pk=key, holder=_holder, epoch=term)


_renewing = Change(_mine, "expires")
_giving_back = Change(_mine, "expires", holder="")
