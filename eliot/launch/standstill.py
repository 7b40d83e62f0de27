"""A look at the server's event loop once a second: what holds it up, and with it every page, is written to the log."""

import asyncio
import logging
import sys
import threading
import traceback
from time import monotonic, sleep
from typing import Final

logger = logging.getLogger(__name__)

BEAT_S: Final = 1.0
# Longer than the worst honest pause that was seen: a page of a thousand pictures on a machine under full load.
PATIENCE_S: Final = 3.0


def watch(loop: asyncio.AbstractEventLoop) -> threading.Thread:
    """Watch a loop until it ends, from a thread of its own."""
    thread = threading.Thread(target=_watch, args=(loop,), name="standstill", daemon=True)
    thread.start()
    return thread


def _watch(loop: asyncio.AbstractEventLoop) -> None:
    while _beat(loop):
        _rest()


def _rest() -> None:
    """Wait for the next beat; a rest that is far too long says that all threads were held up, not the loop alone."""
    began = monotonic()
    sleep(BEAT_S)
    late_s = monotonic() - began - BEAT_S
    if late_s > PATIENCE_S:
        logger.warning("all of Eliot stood still for %.0f s: it was stopped, or starved", late_s)


def _beat(loop: asyncio.AbstractEventLoop) -> bool:
    """Wait until the loop answers; say at what it stands if that takes long. False when it ended."""
    answered, began = threading.Event(), monotonic()
    try:
        loop.call_soon_threadsafe(answered.set)
    except RuntimeError:
        return False
    if answered.wait(PATIENCE_S):
        return True
    if not loop.is_running():
        return False
    logger.warning(
        "pages stand still: the event loop has been at this for %.0f s\n%s",
        monotonic() - began,
        _stack_of(loop),
    )
    while not answered.wait(BEAT_S):
        if not loop.is_running():
            return False
    logger.warning("the event loop answers again after %.1f s", monotonic() - began)
    return True


def _stack_of(loop: asyncio.AbstractEventLoop) -> str:
    """Return where the thread is that runs the loop."""
    running = getattr(loop, "_thread_id", None)
    frame = sys._current_frames().get(running) if running is not None else None
    return "".join(traceback.format_stack(frame)) if frame else "it does not run"
