"""Keeping the family small and its pauses short: shared malloc arenas, and a heap that settles after start."""

import ctypes
import gc
import sys
from contextlib import suppress
from typing import Final

M_ARENA_MAX: Final = -8  # from glibc's malloc.h
ARENAS: Final = 2
# Young objects before a collection; the oldest generation is looked at a hundred times more rarely than that.
YOUNG: Final = 20_000
TURN_S: Final = 0.001


def share_arenas() -> None:
    """Let all threads share two malloc arenas; call it before threads start. Does nothing without glibc."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").mallopt(M_ARENA_MAX, ARENAS)


def settle() -> None:
    """Leave out of garbage collection what start-up made, which lives as long as the process.

    A full collection over all of it stops every thread for a tenth of a second, in the middle of somebody's picture.
    """
    gc.collect()
    gc.freeze()
    # Many threads that each do a little between two waits: a shorter turn lets the one that is due run sooner.
    sys.setswitchinterval(TURN_S)
    gc.set_threshold(YOUNG, 20, 20)
