"""From rows to a plan: reads what stands and what waits, asks the planner, and words its answers."""

from farm_app.planning.asking import estimate, refuse_beforehand
from farm_app.planning.drawing import (
    Drawn,
    draw_plan,
    forget_recent_plan,
    has_work_now,
    recent_plan,
)
from farm_app.planning.elsewhere import Elsewhere, look_elsewhere, look_for_faster
from farm_app.planning.explaining import Waiting, explain, is_queue_paused, spell_pause, who_paused
from farm_app.planning.nodes import families_of, tags_of
from farm_app.planning.obstacles import sort_out_obstacles
from farm_app.planning.stock import Shelf, stock_for
from farm_app.planning.stock import forget as forget_stock
from farm_app.planning.stock import refresh as refresh_stock

__all__ = [
    "Drawn",
    "Elsewhere",
    "Shelf",
    "Waiting",
    "draw_plan",
    "estimate",
    "explain",
    "families_of",
    "forget_recent_plan",
    "forget_stock",
    "has_work_now",
    "is_queue_paused",
    "look_elsewhere",
    "look_for_faster",
    "recent_plan",
    "refresh_stock",
    "refuse_beforehand",
    "sort_out_obstacles",
    "spell_pause",
    "stock_for",
    "tags_of",
    "who_paused",
]
