"""Eliot goes away and comes back: the page says so, and then shows the truth without a reload."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser import steps
from tests.browser.conftest import Opener
from tests.browser.process import Eliot

GONE = ("WebSocket", "ERR_CONNECTION_REFUSED", r"\[object Event\]")


@pytest.fixture
def restartable(eliot: Eliot) -> Iterator[Eliot]:
    """Whatever becomes of the test, others find Eliot running."""
    yield eliot
    eliot.start()


def test_it_recovers_by_itself_when_eliot_was_restarted(
    open_page: Opener, restartable: Eliot
) -> None:
    page = open_page(expected=GONE)
    steps.ask(page, count=20, steps=60)
    expect(page.locator(".body.is-done").first).to_be_visible()
    page.evaluate("window.isTheSamePage = true")
    restartable.stop()
    expect(page.locator("#lost")).to_be_visible()
    expect(page.locator("#lost")).to_have_text("Not live. Trying again.")
    assert page.locator(".body.is-done").count() < 20
    restartable.start()
    expect(page.locator("#lost")).to_be_hidden(timeout=60_000)
    steps.made(page, 20)
    assert page.evaluate("window.isTheSamePage")
    steps.keep(page, 1)
    page.reload()
    steps.is_kept(page, 1)
    expect(page.locator(".body.is-done, .body.is-keep")).to_have_count(20)


def test_it_says_that_no_node_answers_and_goes_on_when_they_are_back(
    open_page: Opener, restartable: Eliot
) -> None:
    page = open_page(expected=GONE)
    steps.ask(page, count=8, steps=steps.SLOW_STEPS)
    expect(page.locator("#strip")).to_contain_text("Rendering")
    restartable.kill_farm()
    expect(page.locator("#strip .node-offline")).to_have_count(4, timeout=60_000)
    expect(page.locator(".body.is-waiting").last).to_contain_text("waits for a node")
    page.reload()
    expect(page.locator("#banner")).to_contain_text("No node answers.")
    restartable.stop()
    restartable.start()
    steps.made(page, 8)
