"""What `start` decides before it serves: demo nodes or not, what an earlier runner left, and who has the folder."""

from pathlib import Path

from eliot.launch.preparing import take_over


def test_what_a_killed_runner_had_half_done_is_cleared_away(studio: None, data: Path) -> None:
    half_done = data / "spool" / ".record-abc" / "picture"
    half_done.parent.mkdir(parents=True)
    half_done.touch()
    take_over()
    assert list((data / "spool").iterdir()) == []
