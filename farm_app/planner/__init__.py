"""The planner: a pure function from queue, nodes, learned speeds and time to who runs what when.

No database, no network, no clock: the caller brings rows and the time, and carries the plan out.
"""

from farm_app.planner.copies import faster_node, is_slow
from farm_app.planner.eligibility import Reason, Refusal, why_not, why_unfit
from farm_app.planner.inputs import (
    BACKGROUND,
    BULK,
    INTERACTIVE,
    REFINE,
    TIERS,
    Batch,
    Cost,
    Needs,
    NodeView,
)
from farm_app.planner.planning import (
    OVERFLOW_JOBS,
    POLICIES,
    Assignment,
    Expectation,
    Plan,
    plan,
    why_not_preferred,
)
from farm_app.planner.speeds import Estimate, Learned, Observation, Speeds, first_guess
from farm_app.planner.turns import CLIMB_S
from farm_app.planner.waiting import explain
from farm_app.planner.wording import spell_s

__all__ = [
    "BACKGROUND",
    "BULK",
    "CLIMB_S",
    "INTERACTIVE",
    "OVERFLOW_JOBS",
    "POLICIES",
    "REFINE",
    "TIERS",
    "Assignment",
    "Batch",
    "Cost",
    "Estimate",
    "Expectation",
    "Learned",
    "Needs",
    "NodeView",
    "Observation",
    "Plan",
    "Reason",
    "Refusal",
    "Speeds",
    "explain",
    "faster_node",
    "first_guess",
    "is_slow",
    "plan",
    "spell_s",
    "why_not",
    "why_not_preferred",
    "why_unfit",
]
