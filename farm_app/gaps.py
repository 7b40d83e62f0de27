"""The pauses of nodes come first: whoever brings pictures home lets those by who send a node its next prompt.

Several nodes often end in the same moment, and the threads of one process share one interpreter. A pause is over
in some milliseconds and costs the node what it lasts; a picture that is stored as much later costs nobody.
"""

import threading
import time
from typing import Final

# Longer than any pause that is worth waiting for: nobody need close what broke off.
OPEN_S: Final = 0.03

_open: Final[dict[int, float]] = {}
_changed: Final = threading.Condition()


def opened(node_id: int) -> None:
    """Note that a node has just ended its job."""
    with _changed:
        _open[node_id] = time.monotonic() + OPEN_S


def closed(node_id: int) -> None:
    """Note that it has its next one, or gets none."""
    with _changed:
        if _open.pop(node_id, None) is not None:
            _changed.notify_all()


def is_any_open() -> bool:
    """Say whether a node of this process stands in such a pause."""
    with _changed:
        return max(_open.values(), default=0.0) > time.monotonic()


def let_by() -> None:
    """Wait until no node stands in such a pause, but no longer than one may last."""
    deadline = time.monotonic() + OPEN_S
    with _changed:
        while (left_s := min(deadline, max(_open.values(), default=0.0)) - time.monotonic()) > 0:
            _changed.wait(left_s)
