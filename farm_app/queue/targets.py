"""What a verb on the queue is about: a row of it, a batch as it was asked for, a session or a program's job group, or everything."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import QuerySet

from farm_app.models import Job, JobGroup
from farm_app.queue.entries import Entry, Reading
from farm_app.queue.rows import timed_singles

REGEX: Final = r"all|[jgs][0-9]{1,18}|b[0-9]{1,18}-[0-9a-f]{1,8}-[wtnp](?:-[0-9]{1,6})?"


class What:
    """A target in an address."""

    regex = REGEX

    def to_python(self, value: str) -> str:
        """Return it as it is."""
        return value

    def to_url(self, value: str) -> str:
        """Return it as it is."""
        return value


@dataclass(frozen=True)
class Target:
    """Open jobs that somebody chose.

    Attributes:
        entry: Set if they are one row, or one job within a row.
        within: The row that such a job is part of.
    """

    key: str
    jobs: QuerySet[Job]
    entry: Entry | None = None
    within: Entry | None = None

    @property
    def ids(self) -> Sequence[int]:
        """The jobs, by id, as they are now."""
        return list(self.jobs.values_list("pk", flat=True))


def find_target(key: str, reading: Reading) -> Target | None:
    """Return what a key names; None when there is no such thing any more."""
    open_jobs = Job.objects.open().order_by("pk")
    if key == "all":
        return Target(key, open_jobs)
    entry = reading.by_key.get(key)
    if entry is not None:
        return Target(key, entry.jobs(), entry)
    number = re.fullmatch(r"[jgs](\d+)", key)
    if number is None:
        return None
    pk = int(number[1])
    if key[0] == "j":
        return _one_of_many(key, pk, reading)
    groups = JobGroup.objects.filter(pk=pk)
    if key[0] == "g":
        return Target(key, open_jobs.filter(group__in=groups))
    if groups.filter(request__isnull=False).exists():  # programs share one key, whoever runs them
        return Target(key, open_jobs.filter(group__request__in=groups.values("request")))
    return Target(key, open_jobs.filter(group__share_key__in=groups.values("share_key")))


def _one_of_many(key: str, pk: int, reading: Reading) -> Target:
    chosen = Job.objects.open().filter(pk=pk)
    found = reading.around(pk)
    if found is None:
        return Target(key, chosen)
    batch, offset = found
    pks = list(batch.jobs().values_list("pk", flat=True)[: offset + 1])
    (single,) = timed_singles(batch, pks, offset) if len(pks) > offset else (batch.one(pk, offset),)
    return Target(key, chosen, single, batch)
