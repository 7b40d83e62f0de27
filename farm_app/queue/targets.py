"""What a verb on the queue is about: a row of it, a batch as it was asked for, all of one asker, or everything."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import QuerySet

from farm_app.models import Job, JobGroup
from farm_app.queue.entries import Entry, Reading

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
    """Open jobs that somebody chose; ``entry`` if they are one row."""

    key: str
    jobs: QuerySet[Job]
    entry: Entry | None = None

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
        return Target(key, open_jobs.filter(pk=pk))
    groups = JobGroup.objects.filter(pk=pk)
    if key[0] == "g":
        return Target(key, open_jobs.filter(group__in=groups))
    return Target(key, open_jobs.filter(group__share_key__in=groups.values("share_key")))
