"""The live bench: a prompt becomes twenty drafts on the demo farm while a real browser watches, measured."""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from eliot.bench.figures import Figures
from eliot.bench.page import Watched, browser, find_chromium
from eliot.bench.process import DRAFTS, NODES, BenchFailed, Running, running, wait_until
from eliot.bench.reading import count_jobs, read_round

ROUNDS: Final = 5
FILL: Final = 180
FILL_S: Final = 240
QUEUED: Final = 1000
AT_ONCE: Final = 500
PAGE_LOADS: Final = 11
CELLS: Final = 200


def measure(say: Callable[[str], None]) -> Figures:
    """Run the whole bench; takes about two minutes.

    Raises:
        BenchFailed: Nothing can be measured here.
    """
    figures = Figures()
    chromium = find_chromium()
    with (
        tempfile.TemporaryDirectory(prefix="eliot-bench-") as folder,
        running(Path(folder)) as eliot,
    ):
        say(f"Eliot runs at {eliot.address}, {NODES} demo nodes at true speed")
        with browser(chromium) as opened:
            session = _watch(Watched(opened, eliot), figures, say)
        _queue_many(eliot, session, figures)
        figures.load = os.getloadavg()[0]
    return figures


def _watch(page: Watched, figures: Figures, say: Callable[[str], None]) -> str:
    """Let a page watch some rounds, and then paint the last one's session; returns its number."""
    for number in range(ROUNDS):
        session = page.generate()
        read_round(page.eliot, session, page, figures)
        say(f"round {number + 1}: {figures.makespan_s[-1]:.2f} s")
    _fill(page.eliot, session)
    figures.first_paint_ms = page.first_paints(session)
    figures.script_kb = page.script_kb()
    page.close()
    return session


def _fill(eliot: Running, session: str) -> None:
    """Let a session have two hundred pictures."""
    eliot.ask(session, FILL)
    wait_until(
        lambda: count_jobs(eliot, session, "done") >= DRAFTS + FILL,
        FILL_S,
        "The session was not filled",
        every_s=0.3,
    )


def _queue_many(eliot: Running, session: str, figures: Figures) -> None:
    """Queue a thousand pictures, load the page with two hundred cells, read the memory, and cancel all."""
    for _ in range(QUEUED // AT_ONCE):
        eliot.ask(session, AT_ONCE)
    url = f"/sessions/x-{session}/?stage=1"
    eliot.client.get(url)
    for _ in range(PAGE_LOADS):
        started = time.perf_counter()
        reply = eliot.client.get(url)
        figures.page_1000_ms.append((time.perf_counter() - started) * 1000)
        figures.rss_mb = max(figures.rss_mb, eliot.pss_mb())
    if reply.text.count('role="gridcell" id="cell-') != CELLS:
        msg = f"The page did not render {CELLS} cells."
        raise BenchFailed(msg)
    eliot.post(f"/sessions/x-{session}/cancel/?stage=1", {})
