"""Cancel one, cancel all, ask again; what failed says why and is tried anew."""

import re

from playwright.sync_api import Route, expect

from tests.browser import steps
from tests.browser.conftest import Opener
from tests.browser.process import Eliot


def test_it_cancels_one_then_the_batch_and_asks_again(open_page: Opener) -> None:
    page = open_page()
    steps.ask(page, count=6, steps=steps.SLOW_STEPS)
    last = steps.cell(page, 6)
    last.focus()
    last.get_by_role("button", name="Cancel").click()
    expect(last).to_contain_text("Cancelled by you")
    expect(page.locator("#batch b")).to_contain_text("of 5 done")
    page.locator("#cancel-batch").click()
    expect(steps.toast(page)).to_contain_text(re.compile(r"\d cancelled\."))
    expect(page.locator("#cancel-batch")).to_have_count(0)
    expect(page.locator(".body.is-cancelled, .body.is-done")).to_have_count(6)

    last.get_by_role("button", name="Ask again").click()
    expect(last.locator(".body")).to_have_class(re.compile("is-(waiting|sampling|done)"))
    expect(last.locator(".body")).to_have_class(re.compile("is-done"))


def test_a_reply_finds_its_cell_when_the_grid_has_come_anew_meanwhile(open_page: Opener) -> None:
    page = open_page()
    # So many that the last one still waits when its cancelling goes out, however slow the browser is.
    steps.ask(page, count=12, steps=steps.SLOW_STEPS)
    last = steps.cell(page, 12)
    held: list[Route] = []
    page.route(re.compile(r"/cancel/$"), lambda route: held.append(route))
    last.focus()
    last.evaluate("cell => { cell.dataset.before = 'yes'; }")
    last.get_by_role("button", name="Cancel").click()
    page.evaluate("document.dispatchEvent(new CustomEvent('eliot:stale'))")
    expect(page.locator("[data-before]")).to_have_count(0)
    # Only the reply may say it: nothing that comes by the socket is heard from here on.
    page.evaluate(
        """document.addEventListener("htmx:wsBeforeMessage", (event) => {
          event.preventDefault();
          event.stopImmediatePropagation();
        }, true)"""
    )
    held[0].continue_()
    expect(last).to_contain_text("Cancelled by you")
    expect(page.locator("#batch b")).to_contain_text("of 11 done")
    page.locator("#cancel-batch").click()
    expect(steps.toast(page)).to_contain_text(re.compile(r"\d+ cancelled\."))


def test_it_says_why_pictures_failed_and_tries_them_anew(open_page: Opener, eliot: Eliot) -> None:
    trouble = {"type": "RuntimeError", "message": "the tape is torn"}
    at_sampler = {"event": "executing", "class": "KSampler", "prompt_contains": "torn tape"}
    eliot.script([{"on": at_sampler, "do": {"raise": trouble}}])
    page = open_page()
    steps.ask(page, "a torn tape on a table", count=2)
    expect(page.locator(".body.is-failed")).to_have_count(2, timeout=60_000)
    expect(page.locator("#counts")).to_contain_text("All 2")
    steps.cell(page, 1).get_by_role("link", name="Details").click()
    sheet = page.get_by_role("dialog", name="What went wrong?")
    expect(sheet).to_contain_text("the tape is torn")
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()

    eliot.script([])
    steps.cell(page, 1).get_by_role("button", name="Retry").click()
    expect(steps.cell(page, 1).locator(".body")).to_have_class(re.compile("is-done"))
    page.locator("#retry-failed").click()
    expect(steps.toast(page)).to_contain_text("1 asked again.")
    steps.made(page, 2)


def test_it_says_why_a_picture_waits_node_by_node(open_page: Opener) -> None:
    page = open_page()
    steps.ask(page, count=8, steps=steps.SLOW_STEPS)
    waiting = page.locator(".cell", has=page.locator(".is-waiting")).last
    expect(waiting).to_contain_text(re.compile("starts in about|waits its turn"))
    told = waiting.locator(".turn").inner_text()
    expect(waiting.locator(".turn")).not_to_have_text(told)  # it counts down
    waiting.focus()
    page.keyboard.press("w")
    sheet = page.get_by_role("dialog", name="Why is this waiting?")
    for node in ("gpu-premium", "gpu-quality", "gpu-standard", "gpu-draft"):
        expect(sheet.get_by_text(node, exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(waiting).to_be_focused()
    page.locator("#cancel-batch").click()
    expect(page.locator("#cancel-batch")).to_have_count(0)
