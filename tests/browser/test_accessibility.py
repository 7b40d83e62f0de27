"""axe finds nothing, the pages reflow, nothing moves that should not, and little is said aloud."""

import gzip
import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser import axe, steps
from tests.browser.conftest import Opener
from tests.browser.process import Eliot
from tests.browser.recorder import record, recorded

MOST_SCRIPT_BYTES = 60_000
BOTH = pytest.mark.parametrize("size", ["desk", "phone"])


def check(page: Page, name: str) -> None:
    assert (name, axe.in_both_themes(page), steps.overflow(page) > 0) == (name, [], False)


def open_large(page: Page) -> None:
    if steps.is_phone(page):
        page.get_by_role("button", name="Large", exact=True).first.tap()
    else:
        steps.press(page, 1, " ")
    expect(page.locator("#large img")).to_be_visible()


def open_stages(page: Page) -> None:
    page.get_by_label("More for this session").click()
    page.get_by_text("Edit the stages").click()
    expect(page.get_by_role("dialog", name="Stages")).to_be_visible()


def open_why(page: Page) -> None:
    page.locator("[data-act=why]").last.evaluate("link => link.click()")
    expect(page.get_by_role("dialog", name="Why is this waiting?")).to_be_visible()


def in_sheet(page: Page, name: str, opened: Callable[[Page], None]) -> None:
    opened(page)
    check(page, name)
    page.keyboard.press("Escape")


@BOTH
def test_axe_finds_nothing_on_a_session_from_fresh_to_finished(
    open_page: Opener, size: str
) -> None:
    page = open_page(size, expected=("422",))
    check(page, "start")
    steps.begin(page)
    check(page, "fresh")
    page.locator("#generate").click()
    expect(page.get_by_role("alert")).to_be_visible()
    check(page, "form with errors")
    steps.write(page, steps.LIGHTHOUSE, count=40, steps=steps.SLOW_STEPS)
    steps.generate(page)
    expect(page.locator(".is-sampling").first).to_be_attached()
    in_sheet(page, "why", open_why)
    check(page, "busy")
    expect(page.locator(".body.is-done")).not_to_have_count(0)
    page.locator("#cancel-batch").click()
    expect(page.locator("#cancel-batch")).to_have_count(0)
    done = page.locator(".cell", has=page.locator(".is-done"))
    done.first.focus()
    page.keyboard.press("k")
    expect(page.locator(".body.is-keep")).to_have_count(1)
    check(page, "finished, some cancelled")
    in_sheet(page, "large", open_large)
    in_sheet(page, "stages", open_stages)


@BOTH
def test_axe_finds_nothing_beside_the_session(open_page: Opener, eliot: Eliot, size: str) -> None:
    page = open_page(size, expected=("404",))
    steps.ask(page, count=1)
    steps.made(page, 1)
    page.goto(f"{eliot.address}/sessions/")
    check(page, "list")
    page.get_by_role("button", name="Help and keys").click()
    expect(page.locator("#keys")).to_be_visible()
    check(page, "keys")
    page.goto(f"{eliot.address}/nothing-here/")
    check(page, "404")


def test_axe_finds_nothing_where_pictures_failed(open_page: Opener, eliot: Eliot) -> None:
    at_sampler = {"event": "executing", "class": "KSampler", "prompt_contains": "cracked lens"}
    eliot.script([{"on": at_sampler, "do": {"raise": {"type": "RuntimeError", "message": "no"}}}])
    page = open_page()
    steps.ask(page, "a cracked lens", count=1)
    expect(page.locator(".body.is-failed")).to_have_count(1, timeout=60_000)
    eliot.script([])
    check(page, "failed")
    page.set_viewport_size({"width": 390, "height": 844})
    check(page, "failed, narrow")


def test_it_reflows_at_320_pixels(open_page: Opener, eliot: Eliot) -> None:
    page = open_page(viewport={"width": 320, "height": 640})
    assert steps.overflow(page) <= 0
    steps.ask(page, count=2)
    steps.made(page, 2)
    assert steps.overflow(page) <= 0
    page.goto(f"{eliot.address}/sessions/")
    assert steps.overflow(page) <= 0


def test_nothing_moves_when_less_motion_is_wished(open_page: Opener) -> None:
    page = open_page(reduced_motion="reduce")
    steps.ask(page, count=6, steps=40)
    expect(page.locator(".is-sampling").first).to_be_visible()
    for _ in range(20):
        moving = "document.getAnimations().filter(one => one.playState === 'running').length"
        assert page.evaluate(moving) == 0
        page.wait_for_timeout(50)
    steps.made(page, 6)


def test_it_announces_a_batch_of_twenty_in_a_few_words(open_page: Opener) -> None:
    page = open_page()
    steps.begin(page)
    steps.write(page, steps.LIGHTHOUSE)
    record(page)
    steps.generate(page)
    steps.made(page, 20)
    said = recorded(page).said
    assert 2 <= len(said) <= 8
    assert said[-1] == "20 of 20 done"


def test_a_page_loads_little_script(open_page: Opener, eliot: Eliot) -> None:
    page = open_page()
    steps.begin(page)
    sources = page.locator("script[src]").evaluate_all("all => all.map(one => one.src)")
    sent = [httpx.get(source).content for source in sources]
    assert len(sources) >= 8
    assert all(source.startswith(eliot.address) for source in sources)
    assert sum(len(gzip.compress(one)) for one in sent) <= MOST_SCRIPT_BYTES


def test_keys_can_be_listed_and_switched_off(open_page: Opener) -> None:
    page = open_page()
    steps.ask(page, count=1)
    steps.made(page, 1)
    steps.cell(page, 1).focus()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    for name in ("Keep", "Drop", "Generate", "Continue to the next stage"):
        expect(keys.get_by_text(re.compile(f"^{name}$"))).to_be_visible()
    keys.get_by_label("Single-letter keys work on this computer").uncheck()
    page.keyboard.press("Escape")
    steps.press(page, 1, "k")
    steps.is_undecided(page, 1)
    page.keyboard.press("?")
    keys.get_by_label("Single-letter keys work on this computer").check()
    page.keyboard.press("Escape")
    steps.keep(page, 1)


def test_keys_can_be_listed_on_every_page_and_switched_off_for_all(open_page: Opener) -> None:
    page = open_page()
    keys = page.get_by_role("dialog", name="Keys")
    tick = keys.get_by_label("Single-letter keys work on this computer")
    page.keyboard.press("?")
    expect(keys).to_be_visible()
    tick.uncheck()
    page.keyboard.press("?")
    expect(keys).to_be_hidden()
    steps.ask(page, count=1)
    steps.made(page, 1)
    steps.press(page, 1, " ")
    large = page.locator("#large")
    expect(large).to_be_visible()
    page.keyboard.press("k")
    page.keyboard.press("Escape")
    expect(large).to_be_hidden()
    steps.is_undecided(page, 1)
    page.get_by_role("link", name="Sessions", exact=True).click()
    page.wait_for_url("**/sessions/")
    page.keyboard.press("?")
    expect(tick).not_to_be_checked()
