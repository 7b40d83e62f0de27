"""For how long an attempt may render: without a sign of progress, and in all."""

from dataclasses import dataclass
from typing import Final, Self

from farm_app.models import WorkflowTemplate
from farm_app.timers import CAP_POSTED_S, CAP_S, FACTOR, STALLED_DEAF_S, STALLED_S

MUCH_LONGER: Final = 20
"""So many times what was expected is given to what is slower than any other."""


@dataclass(frozen=True)
class Patience:
    """Seconds from the moment that a node began to render.

    Attributes:
        stall_s: Without any event of progress.
        deaf_s: Likewise, where no events can be heard.
        cap_s: In all.
    """

    stall_s: float
    deaf_s: float
    cap_s: float

    @classmethod
    def with_template(cls, template: WorkflowTemplate, expected_s: float | None = None) -> Self:
        """Return what the template says, or else what suits a picture."""
        longest_s = MUCH_LONGER * (expected_s or 0.0)
        usual_s = CAP_POSTED_S if template.is_adhoc else CAP_S
        stall_s = template.stall_s * FACTOR if template.stall_s else None
        return cls(
            stall_s=stall_s or STALLED_S,
            deaf_s=stall_s or max(STALLED_DEAF_S, longest_s),
            cap_s=template.cap_s * FACTOR if template.cap_s else max(usual_s, longest_s),
        )

    @property
    def sentence(self) -> str:
        """Say it to people, at true time."""
        stall, cap = (spell_minutes(one / FACTOR) for one in (self.stall_s, self.cap_s))
        return f"after {stall} without progress, or {cap} in all"


def spell_minutes(seconds: float) -> str:
    """Return a time limit in the unit in which people think of it."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
