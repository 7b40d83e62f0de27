"""When a machine belongs to its owner: the same hours on some weekdays, as arithmetic on wall clock times. Pure.

All moments here are local and without a zone: "from 9 to 18" means what the clock on the wall says.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY: Final = timedelta(days=1)
_WEEK: Final = 7


@dataclass(frozen=True)
class Hours:
    """Hours of some weekdays, 0 is Monday.

    Attributes:
        days: The weekdays on which they begin; none means never.
        start: When they begin.
        end: When they end; not after ``start`` means on the next day, so 22:00 to 06:00 is one night and
            00:00 to 00:00 a whole day.
    """

    days: frozenset[int]
    start: time
    end: time

    def _span(self, day: datetime) -> tuple[datetime, datetime]:
        """Return the hours that begin on a day, whether or not it is one of theirs."""
        begins = datetime.combine(day.date(), self.start)
        ends = datetime.combine(day.date(), self.end)
        return begins, ends if ends > begins else ends + _DAY

    def end_of(self, moment: datetime) -> datetime | None:
        """Return when the hours that hold at this moment end; None if none do.

        Hours that meet are one: whole days from Monday to Friday end on Saturday. Hours that never end are said to
        end after a week, since then they are asked about again.
        """
        until = moment
        for place in range(-1, _WEEK + 1):
            day = moment + place * _DAY
            begins, ends = self._span(day)
            if day.weekday() in self.days and begins <= until < ends:
                until = ends
        return until if until > moment else None

    def next_start(self, moment: datetime) -> datetime | None:
        """Return when the next hours begin after this moment; None if they never do."""
        for place in range(_WEEK + 1):
            day = moment + place * _DAY
            begins, _ = self._span(day)
            if day.weekday() in self.days and begins > moment:
                return begins
        return None

    @property
    def sentence(self) -> str:
        """The hours in words: ``Mon to Fri, 09:00 to 18:00``."""
        return f"{_days_in_words(self.days)}, {self.start:%H:%M} to {self.end:%H:%M}"


def _days_in_words(days: frozenset[int]) -> str:
    ordered = sorted(days)
    if len(ordered) == _WEEK:
        return "every day"
    is_run = len(ordered) > 2 and ordered[-1] - ordered[0] == len(ordered) - 1
    names = [DAYS[day] for day in ordered]
    return f"{names[0]} to {names[-1]}" if is_run else ", ".join(names)
