"""``python -m farm_app.demo --specs FILE``: serve a farm as a child that never outlives its parent."""

import argparse
import asyncio
import json
import logging
import os
import stat
import sys
import threading
import time
from pathlib import Path

from farm_app.demo.farm import run
from farm_app.demo.spec import NodeSpec, SpecError

PARENT_CHECK_S = 0.5


def main(argv: list[str] | None = None) -> int:
    """Parse arguments and serve; 2 for bad input, 1 for a busy port."""
    parser = argparse.ArgumentParser(prog="python -m farm_app.demo")
    parser.add_argument("--specs", type=Path, required=True, help="JSON file: a list of nodes")
    parser.add_argument("--verbose", action="store_true", help="log to stderr")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO if options.verbose else logging.WARNING)
    try:
        specs = read_specs(options.specs)
    except (OSError, ValueError, TypeError) as error:
        sys.stderr.write(f"{options.specs}: {error}\n")
        return 2
    return run(specs, until=watch_parent)


def read_specs(path: Path) -> tuple[NodeSpec, ...]:
    """Read a JSON list of nodes.

    Raises:
        SpecError: the list, or a node in it, makes no sense.
        OSError: the file cannot be read.
        ValueError: the file is no JSON.
    """
    raw = json.loads(path.read_text())
    if not isinstance(raw, list) or not raw:
        raise SpecError("expected a list with at least one node")
    return tuple(NodeSpec.from_json(item) for item in raw)


def watch_parent(stop: asyncio.Event) -> None:
    """End the farm when the parent dies, or closes the pipe that is our stdin."""
    loop = asyncio.get_running_loop()

    def watch(wait: object) -> None:
        def body() -> None:
            wait()  # type: ignore[operator]
            if not loop.is_closed():
                loop.call_soon_threadsafe(stop.set)

        threading.Thread(target=body, daemon=True).start()

    parent = os.getppid()
    watch(lambda: _wait_for_orphanhood(parent))
    if _stdin_is_pipe():
        watch(_wait_for_end_of_stdin)


def _wait_for_orphanhood(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_S)


def _stdin_is_pipe() -> bool:
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _wait_for_end_of_stdin() -> None:
    while os.read(0, 1024):
        pass


if __name__ == "__main__":
    sys.exit(main())
