"""Hours in which a machine is its owner's."""

from datetime import datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from farm_app.hours import Hours

WORKDAYS = frozenset(range(5))
OFFICE = Hours(WORKDAYS, time(9), time(18))
NIGHTS = Hours(frozenset({4, 5}), time(22), time(6))
ALWAYS = Hours(frozenset(range(7)), time(0), time(0))


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of a week that begins on Monday, 2 November 2026."""
    return datetime(2026, 11, 2 + day, hour, minute)  # noqa: DTZ001 - what the clock on the wall says


def test_from_nine_to_six_on_a_workday_it_is_its_owners() -> None:
    assert OFFICE.end_of(at(0, 9)) == at(0, 18)
    assert OFFICE.end_of(at(4, 17, 59)) == at(4, 18)


def test_before_nine_after_six_and_on_sundays_it_is_the_farms() -> None:
    for moment in (at(0, 8, 59), at(0, 18), at(6, 12)):
        assert OFFICE.end_of(moment) is None


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    assert NIGHTS.end_of(at(4, 23)) == at(5, 6)
    assert NIGHTS.end_of(at(6, 5, 59)) == at(6, 6)
    assert NIGHTS.end_of(at(4, 5)) is None


def test_whole_days_that_meet_are_one() -> None:
    whole = Hours(WORKDAYS, time(0), time(0))
    assert whole.end_of(at(0, 12)) == at(5, 0)


def test_the_next_hours_are_found_over_the_weekend() -> None:
    assert OFFICE.next_start(at(4, 19)) == at(7, 9)
    assert Hours(frozenset(), time(9), time(18)).next_start(at(0, 0)) is None


def test_they_are_told_in_a_few_words() -> None:
    assert OFFICE.sentence == "Mon to Fri, 09:00 to 18:00"
    assert NIGHTS.sentence == "Fri, Sat, 22:00 to 06:00"
    assert ALWAYS.sentence == "every day, 00:00 to 00:00"


hours = st.builds(
    Hours,
    st.frozensets(st.integers(0, 6)),
    st.times().map(lambda one: one.replace(second=0, microsecond=0)),
    st.times().map(lambda one: one.replace(second=0, microsecond=0)),
)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1))  # noqa: DTZ001


def holds(found: Hours, moment: datetime) -> bool:
    """Whether the hours hold, worked out minute by minute of the day: another way than the code's."""
    now = moment.time()
    today, yesterday = moment.weekday() in found.days, (moment.weekday() - 1) % 7 in found.days
    if found.start < found.end:
        return today and found.start <= now < found.end
    return (today and now >= found.start) or (yesterday and now < found.end)


@given(hours, moments)
def test_they_end_later_exactly_when_they_hold(found: Hours, moment: datetime) -> None:
    end = found.end_of(moment)
    assert (end is not None) == holds(found, moment)
    assert end is None or end > moment


@given(hours, moments)
def test_until_their_end_they_hold_and_then_they_do_not(found: Hours, moment: datetime) -> None:
    end = found.end_of(moment)
    if end is None:
        return
    step = (end - moment) / 7
    assert all(holds(found, moment + place * step) for place in range(7))
    if end - moment < timedelta(days=7):
        assert not holds(found, end)


@given(hours, moments)
def test_the_next_start_is_the_first_moment_of_hours(found: Hours, moment: datetime) -> None:
    start = found.next_start(moment)
    assert (start is None) == (not found.days)
    if start is not None:
        assert moment < start <= moment + timedelta(days=7)
        assert holds(found, start)
