"""Find the Chromium of the browser tests, or install one: `.venv/bin/python -m scripts.browser`.

Looks at `ELIOT_CHROMIUM`, then at the usual places, then at Playwright's own, and prints the path. What counts is
that it starts: on Ubuntu `chromium-browser` may be a stub that only asks for a snap.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from scripts import apt

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_APPLICATIONS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
PLAYWRIGHTS_OWN = (
    "from playwright.sync_api import sync_playwright\n"
    "with sync_playwright() as playwright: print(playwright.chromium.executable_path)"
)
NO_BROWSER = (
    "No Chromium starts here and none could be installed, so the browser tests will fail: "
    "install chromium, or set ELIOT_CHROMIUM to a browser's path."
)
NO_DRIVER = (
    "Playwright's driver does not start here, so the browser tests will fail: "
    "on Debian and Ubuntu it needs the package libatomic1."
)


def find() -> str | None:
    """Return the path of the first browser that starts; `ELIOT_CHROMIUM` is the only choice if set."""
    named = os.environ.get("ELIOT_CHROMIUM")
    candidates = [named] if named else _usual_places()
    return next((path for path in candidates if _starts(path)), None)


def main() -> int:
    """Print the browser's path; install what is missing first."""
    if not (_driver_starts() or (apt.install("libatomic1") and _driver_starts())):
        print(NO_DRIVER, file=sys.stderr)
        return 1
    path = find() or _install()
    print(path or NO_BROWSER, file=sys.stdout if path else sys.stderr)
    return 0 if path else 1


def _usual_places() -> Iterator[str]:
    yield from filter(None, map(shutil.which, NAMES))
    yield from MAC_APPLICATIONS
    yield _python("-c", PLAYWRIGHTS_OWN)


def _python(*arguments: str) -> str:
    """Return what this Python prints, or nothing when it fails."""
    command = [sys.executable, *arguments]
    reply = subprocess.run(command, capture_output=True, check=False, text=True)
    return reply.stdout.strip() if reply.returncode == 0 else ""


def _driver_starts() -> bool:
    return bool(_python("-m", "playwright", "--version"))


def _starts(path: str) -> bool:
    if not Path(path).is_file():
        return False
    try:
        reply = subprocess.run([path, "--version"], capture_output=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return reply.returncode == 0


def _install() -> str | None:
    """Install Debian's Chromium as root, else Playwright's own; never past a browser that was named."""
    if os.environ.get("ELIOT_CHROMIUM"):
        return None
    if apt.install("chromium", "fonts-liberation") and (path := find()):
        return path
    _install_playwrights()
    return find()


def _install_playwrights() -> None:
    print("Installing Playwright's Chromium ...", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "playwright", "install", "--no-shell", "chromium"]
    if os.geteuid() == 0:
        command.append("--with-deps")
    subprocess.run(command, capture_output=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
