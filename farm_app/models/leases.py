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

from eliot.writing import in_turn

logger = logging.getLogger(__name__)

HOST = socket.gethostname()


class LeaseQuerySet(models.QuerySet["Lease"]):
    """Verbs on leases."""

    def take(self, name: str, *, ttl: timedelta) -> "Lease | None":
        """Win the lease ``name`` for ``ttl``, or return None because a living holder has it."""
        now = timezone.now()
        if self.held_now().filter(name=name).exists():  # a look costs no write
            return None
        holder = f"{HOST}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        free = self.filter(name=name).filter(Q(expires__lte=now) | Q(holder=""))
        facts = {"holder": holder, "host": HOST, "expires": now + ttl}
        with in_turn():
            if free.update(epoch=F("epoch") + 1, **facts):
                return self.filter(name=name, holder=holder).first()
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
            return bool(self._mine().update(expires=timezone.now() + ttl))

    def release(self) -> None:
        """Give it back, if it is still ours. A database that does not take that leaves it to expire."""
        try:
            with in_turn():
                self._mine().update(holder="", expires=timezone.now())
        except DatabaseError:
            logger.warning("the lease %s could not be given back; it expires", self.name)

    def _mine(self) -> "LeaseQuerySet":
        return Lease.objects.filter(pk=self.pk, holder=self.holder, epoch=self.epoch)
