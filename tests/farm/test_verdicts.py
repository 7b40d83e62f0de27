"""What a node says of its own times is believed only as far as it can be true."""

import pytest

from farm_app.verdicts import Verdict


@pytest.mark.parametrize(
    ("started_ms", "ended_ms", "seconds"),
    [
        (1_000, 3_500, 2.5),
        (5_000, 1_800_000_000_000, None),  # its clock was set while it rendered
        (1_800_000_000_000, 5_000, None),
        (None, 5_000, None),
        (5_000, None, None),
    ],
)
def test_seconds_that_cannot_be_are_none(
    started_ms: int | None, ended_ms: int | None, seconds: float | None
) -> None:
    verdict = Verdict("success", started_ms=started_ms, ended_ms=ended_ms)
    assert verdict.seconds(most_s=10.0) == seconds
