"""A real browser that watches a session, and a bare socket beside it."""

import gzip
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Final

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from eliot.bench.process import DRAFTS, PROMPT, BenchFailed, Running, wait_until
from scripts.browser import find

ROUND_S: Final = 60
PAINTS: Final = 5
# How often a page is asked: its own work is what is measured.
ASK_S: Final = 0.5
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Notes when each picture of a cell has loaded, by the file's id, on the clock that nodes use too.
NOTE_LOADS: Final = """
window.__loads = {};
document.addEventListener('load', (event) => {
  const found = event.target.src && event.target.src.match(/media\\/thumb\\/([0-9a-f-]+)/);
  if (found && event.target.closest('.cell')) { window.__loads[found[1]] ??= Date.now(); }
}, true);
"""


def find_chromium() -> str:
    """Return the path of a Chromium that Playwright can drive.

    Raises:
        BenchFailed: Playwright or the browser is not installed.
    """
    if find_spec("playwright") is None:
        raise BenchFailed("The bench drives a browser with Playwright: run `make install` first.")
    path = find()
    if path is None:
        raise BenchFailed("No Chromium starts here: run `make browser`, or set ELIOT_CHROMIUM.")
    return path


@contextmanager
def browser(path: str) -> Iterator[Any]:
    """Open a real Chromium."""
    from playwright.sync_api import sync_playwright  # `make run` alone installs no Playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield chromium
        finally:
            chromium.close()


class BareSocket(threading.Thread):
    """A socket beside the browser's that notes when each picture is first named."""

    def __init__(self, address: str, path: str) -> None:
        """Listen to ``path``."""
        super().__init__(daemon=True)
        self.pictures: dict[str, float] = {}
        self.first_at: float | None = None
        self._link = connect(
            address.replace("http", "ws", 1) + path, origin=Origin(address), proxy=None
        )

    def run(self) -> None:
        """Note until closed."""
        try:
            for message in self._link:
                self._note(message if isinstance(message, str) else message.decode())
        except ConnectionClosed:
            return

    def _note(self, text: str) -> None:
        now = time.time() * 1000
        if self.first_at is None and "is-sampling" in text:
            self.first_at = now
        for found in re.findall(r"media/thumb/([0-9a-f-]{36})", text):
            self.pictures.setdefault(found, now)

    def close(self) -> None:
        """Hang up."""
        self._link.close()


class Watched:
    """One browser page, and a bare socket beside it; times are milliseconds of the wall clock."""

    def __init__(self, chromium: Any, eliot: Running) -> None:
        """Open a page."""
        self.eliot = eliot
        self.page = chromium.new_page(viewport={"width": 1440, "height": 1400})
        self.page.add_init_script(NOTE_LOADS)
        self.loads: dict[str, float] = {}
        self.named: dict[str, float] = {}
        self.first_at: float | None = None

    def generate(self) -> str:
        """Type a prompt into a new session, press Generate, and wait until all twenty are seen."""
        address, number = self.eliot.begin()
        self.page.goto(address)
        socket = BareSocket(self.eliot.address, f"/ws/sessions/{number}/?stage=0&show=all&since=0")
        socket.start()
        self.page.fill("#id_prompt", PROMPT)
        self.page.click("#generate")
        self._wait(lambda: len(self._loaded()) >= DRAFTS, "The page did not show every draft")
        self.loads, self.named, self.first_at = self._loaded(), socket.pictures, socket.first_at
        socket.close()
        return number

    def _wait(self, condition: Any, what: str) -> None:
        wait_until(condition, ROUND_S, what, every_s=ASK_S)

    def _loaded(self) -> dict[str, float]:
        found: dict[str, float] = self.page.evaluate("() => window.__loads")
        return found

    def first_paints(self, session: str) -> list[float]:
        """Return the first contentful paint of a session's page, some times, in ms."""
        paints = []
        for _ in range(PAINTS):
            self.page.goto(f"{self.eliot.address}/sessions/x-{session}/")
            self._wait(lambda: self._first_paint() > 0, "The page did not paint")
            paints.append(self._first_paint())
        return paints

    def _first_paint(self) -> float:
        entry = "performance.getEntriesByName('first-contentful-paint')[0]"
        return float(self.page.evaluate(f"() => {entry}?.startTime ?? 0"))

    def script_kb(self) -> float:
        """Return the size of all scripts of the session page as they travel, gzipped."""
        names = self.page.evaluate(
            "() => [...document.scripts].map(one => one.src).filter(Boolean)"
        )
        bodies = (httpx.get(one, trust_env=False).content for one in names)
        return sum(len(gzip.compress(body)) for body in bodies) / 1024

    def close(self) -> None:
        """Close the page."""
        self.page.close()
