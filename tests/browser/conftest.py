"""One real process and one real Chromium for all journeys of a test process."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from scripts import browser
from tests.browser.process import Eliot
from tests.browser.watching import SIZES, Watch

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 20_000

expect.set_options(timeout=PATIENCE_MS)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder drives a browser, and comes first.

    pytest-django puts what needs no database last, and then each worker of a parallel run would start an Eliot and a
    Chromium for the rest of it. What comes first stays with one worker, and its one Chromium has the others' waits.
    """
    for item in items:
        if _drives_a_browser(item):
            item.add_marker(pytest.mark.browser)
    items.sort(key=lambda item: not _drives_a_browser(item))


def _drives_a_browser(item: pytest.Item) -> bool:
    return "tests/browser/" in item.nodeid


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Show what Eliot printed beside a test that failed, and let the next test begin on an empty table."""
    report = yield
    eliot = getattr(item, "funcargs", {}).get("eliot")
    if report.failed and eliot is not None:
        eliot.is_spoilt = True
        report.sections.append(("What Eliot printed", eliot.said()[-6000:]))
    return report


# Package scope: Playwright's loop must be gone before tests that bring a loop of their own.
@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Eliot]:
    process = Eliot(tmp_path_factory.mktemp("eliot") / "data")
    try:
        process.start()
        yield process
    finally:
        process.stop()


@pytest.fixture
def eliot(running: Eliot) -> Eliot:
    if running.is_spoilt:
        running.begin_anew()
    return running


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    path = browser.find()
    if path is None:
        pytest.fail(browser.NO_BROWSER, pytrace=False)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield launched
        launched.close()


class Opener(Protocol):
    """Opens a window of its own on Eliot's start page; its faults fail the test at the end."""

    def __call__(
        self,
        size: str = "desk",
        theme: str = "dark",
        *,
        expected: Sequence[str] = (),
        **options: Any,
    ) -> Page: ...


@pytest.fixture
def open_page(eliot: Eliot, chromium: Browser) -> Iterator[Opener]:
    contexts: list[BrowserContext] = []
    watches: list[Watch] = []

    def open_one(
        size: str = "desk", theme: str = "dark", *, expected: Sequence[str] = (), **options: Any
    ) -> Page:
        width, height = SIZES[size]
        touch = {"has_touch": True, "is_mobile": True} if size == "phone" else {}
        viewport = {"width": width, "height": height}
        context = chromium.new_context(**{"viewport": viewport, **touch, **options})
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        context.add_cookies([{"name": "theme", "value": theme, "url": eliot.address}])
        page = context.new_page()
        watches.append(Watch(page, eliot.address, expected=expected))
        page.goto(eliot.address)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert [fault for watch in watches for fault in watch.faults] == []


@pytest.fixture
def second_tab(eliot: Eliot) -> Callable[[Page], Page]:
    """Open what a page shows once more, as a second tab of the same window."""

    def open_again(page: Page) -> Page:
        tab = page.context.new_page()
        tab.goto(page.url)
        return tab

    return open_again
