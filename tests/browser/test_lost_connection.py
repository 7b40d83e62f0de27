"""Eliot goes away and comes back: the page says so, and then shows the truth without a reload."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import WebSocket, expect

from tests.browser import steps
from tests.browser.conftest import Opener
from tests.browser.process import Eliot

GONE = ("WebSocket", "ERR_CONNECTION_REFUSED", r"\[object Event\]")
LISTEN = """() => {
  window.said = [];
  const status = document.getElementById("status");
  const hear = () => window.said.push(status.textContent);
  new MutationObserver(hear).observe(status, { childList: true });
}"""


@pytest.fixture
def restartable(eliot: Eliot) -> Iterator[Eliot]:
    """Whatever becomes of the test, others find Eliot running."""
    yield eliot
    eliot.start()


def test_it_recovers_by_itself_when_eliot_was_restarted(
    open_page: Opener, restartable: Eliot
) -> None:
    page = open_page(expected=GONE)
    steps.ask(page, count=20, steps=steps.SLOW_STEPS)
    page.evaluate(LISTEN)
    expect(page.locator(".body.is-done").first).to_be_visible()
    restartable.stop()
    expect(page.locator("#lost")).to_be_visible()
    expect(page.locator("#lost")).to_have_text("Not live. Trying again.")
    restartable.start()
    expect(page.locator("#lost")).to_be_hidden(timeout=60_000)
    steps.made(page, 20)
    assert "Live again" in page.evaluate("window.said")  # the same page, which never reloaded
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


def test_it_keeps_its_socket_when_the_network_goes_and_comes_back(open_page: Opener) -> None:
    page = open_page()
    steps.ask(page, count=2)
    steps.made(page, 2)
    opened: list[WebSocket] = []
    page.on("websocket", lambda socket: opened.append(socket))
    for is_gone in (True, False) * 3:  # a socket on this machine survives that
        page.context.set_offline(is_gone)
    steps.generate(page)
    steps.made(page, 4)
    expect(page.locator("#lost")).to_be_hidden()
    assert opened == []
