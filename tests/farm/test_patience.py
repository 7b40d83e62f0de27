"""For how long a picture may render: what its workflow says, or what suits a picture."""

import pytest

from farm_app import checks, timers
from farm_app.models import WorkflowTemplate
from farm_app.patience import Patience, spell_minutes


def test_a_picture_has_ten_minutes_without_progress_and_half_an_hour_in_all() -> None:
    found = Patience.with_template(WorkflowTemplate())
    assert found.sentence == "after 10 min without progress, or 30 min in all"


def test_a_workflow_may_say_otherwise() -> None:
    film = WorkflowTemplate(stall_s=2700, cap_s=6 * 3600)
    found = Patience.with_template(film, expected_s=9000)
    assert found.sentence == "after 45 min without progress, or 6 h in all"
    assert found.deaf_s == found.stall_s


def test_what_is_expected_to_take_long_may_take_twenty_times_as_long() -> None:
    slow = Patience.with_template(WorkflowTemplate(), expected_s=timers.CAP_S)
    assert slow.cap_s == slow.deaf_s == 20 * timers.CAP_S


def test_what_a_program_posted_may_be_a_film() -> None:
    posted = Patience.with_template(WorkflowTemplate(is_adhoc=True))
    assert posted.cap_s == timers.CAP_POSTED_S


@pytest.mark.parametrize(
    ("seconds", "said"), [(10, "10 s"), (119, "119 s"), (600, "10 min"), (7200, "2 h")]
)
def test_limits_are_told_in_the_unit_people_think_in(seconds: float, said: str) -> None:
    assert spell_minutes(seconds) == said


def test_a_lease_that_ends_between_two_rounds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.leases_outlast_their_renewals(None) == []
    monkeypatch.setattr(timers, "SWEEP_S", timers.SWEEP_LEASE_TTL.total_seconds() / 3)
    (found,) = checks.leases_outlast_their_renewals(None)
    assert (found.id, found.msg.split(" is ")[0]) == ("farm.E003", "SWEEP_LEASE_TTL")
