"""axe-core over a page as it stands."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_axe = Axe()


def violations(page: Page) -> list[str]:
    """Return what axe finds, one line per rule and element.

    A page that lives may change a button's state while axe reads it, so colours change at once meanwhile.
    """
    page.emulate_media(reduced_motion="reduce")
    page.evaluate("Promise.all(document.getAnimations().map(one => one.finished.catch(() => 0)))")
    options: dict[str, Any] = {"runOnly": list(TAGS), "resultTypes": ["violations"]}
    found = _axe.run(page, options=options).response["violations"]
    page.emulate_media(reduced_motion="null")
    return [
        f"{rule['id']}: {' '.join(map(str, node['target']))} {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]


def in_both_themes(page: Page) -> list[str]:
    """The same in the dark and in the light."""
    found = []
    for theme in ("dark", "light"):
        page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        found += [f"{theme}: {one}" for one in violations(page)]
    return found
