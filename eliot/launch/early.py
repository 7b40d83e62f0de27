"""Before Django is there: a wrong set-up or an early end is one sentence, and for `generate --json` its object."""

import json
import signal
import sys
from typing import Any, Final, NoReturn

NOTHING: Final[dict[str, Any]] = {"session": None, "makespan_s": None, "generations": []}
"""What `generate --json` tells of when nothing was asked for."""


def hear_sigterm() -> None:
    """Let `generate` take SIGTERM as Ctrl+C; the other commands have ways of their own."""
    if sys.argv[1:2] == ["generate"]:
        signal.signal(signal.SIGTERM, _interrupt)


def end(said: str, *, code: int) -> NoReturn:
    """Say why, and end with this exit code."""
    sys.stderr.write(f"{said}\n")
    if sys.argv[1:2] == ["generate"] and "--json" in sys.argv:
        sys.stdout.write(f"{json.dumps({**NOTHING, 'error': said})}\n")
    sys.exit(code)


def _interrupt(*_: object) -> NoReturn:
    """Interrupt once: `timeout` sends its signal twice, and the second would strike the tidying up."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt
