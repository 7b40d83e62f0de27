"""The whole way of one idea: a prompt, twenty drafts, fewer and better ones, one final, and that one enlarged."""

import re

from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.conftest import Opener
from tests.browser.recorder import record, recorded


def say_by_keyboard(page: Page, prompt: str) -> None:
    """A new session has its cursor in the prompt; Ctrl+Enter asks."""
    expect(page.get_by_label("Prompt", exact=True)).to_be_focused()
    page.keyboard.type(prompt)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".cell")).to_have_count(20)


def came_one_by_one(page: Page) -> None:
    """Pictures were seen at work, with step, percent and node, and arrived in many moments, not in one."""
    seen = recorded(page)
    assert len({one[0] for one in seen.rendering()}) >= 5
    assert {one[3] for one in seen.rendering()} >= {"gpu-premium", "gpu-quality"}
    assert len(set(seen.done)) >= 8
    assert "Rendering" in seen.strip


def verdicts_of(page: Page) -> list[str]:
    script = (
        "all => all.map(one => [...one.classList].find(name => /is-(keep|drop)/.test(name)) ?? '')"
    )
    return list(page.locator(".cell .body").evaluate_all(script))


def test_it_takes_twenty_drafts_to_one_final_by_keyboard(open_page: Opener) -> None:
    page = open_page()
    steps.begin(page)
    page.locator("#id_steps").fill(str(steps.SEEN_STEPS))
    page.get_by_label("Prompt", exact=True).focus()
    record(page)
    say_by_keyboard(page, steps.LIGHTHOUSE)
    expect(page.locator("#title h1")).to_have_text("a lighthouse on a black rock")
    expect(page.locator("#batch")).to_have_attribute("data-done", re.compile("[1-9]"))

    # While others render: arrows go, K keeps, D drops, U clears.
    first = page.locator(".body.is-done").first.locator("xpath=..")
    first.focus()
    page.keyboard.press("k")
    expect(page.locator("#counts")).to_contain_text("Kept 1")
    steps.made(page, 20)
    came_one_by_one(page)
    page.keyboard.press("Home")
    expect(steps.cell(page, 1)).to_be_focused()
    steps.drop(page, 4)
    page.keyboard.press("ArrowRight")
    expect(steps.cell(page, 5)).to_be_focused()
    steps.keep(page, 5)
    page.keyboard.press("u")
    steps.is_undecided(page, 5)
    page.keyboard.press("k")
    steps.is_kept(page, 5)
    before = verdicts_of(page)
    page.reload()
    assert verdicts_of(page) == before
    while page.locator(".body.is-keep").count() < 3:
        undecided = page.locator(".body:not(.is-keep, .is-drop)").first.locator("xpath=..")
        undecided.focus()
        number = page.locator(".body.is-keep").count()
        page.keyboard.press("k")
        expect(page.locator(".body.is-keep")).to_have_count(number + 1)

    # Three kept make eight: two of them get three variations.
    expect(page.locator("#onward-why")).to_contain_text("3 kept make 8")
    expect(page.locator("#onward-why")).to_contain_text("2 get three variations")
    page.keyboard.press("c")
    steps.went_on(page, 2)
    expect(page.locator(".cell")).to_have_count(8)
    steps.made(page, 8)
    steps.keep(page, 1, 6)
    expect(page.locator("#onward-why")).to_contain_text("2 kept make 3")
    page.keyboard.press("c")
    steps.went_on(page, 3)
    steps.made(page, 3)
    steps.keep(page, 2)
    expect(page.locator("#onward-why")).to_contain_text("1 kept makes 1")
    page.keyboard.press("c")
    steps.went_on(page, 4)
    steps.made(page, 1)
    expect(page.locator("#stages [aria-current=step]")).to_contain_text("Final 1 of 1")

    # The final, enlarged: a second picture beside it, four times as large.
    steps.cell(page, 1).focus()
    steps.cell(page, 1).get_by_role("button", name="Upscale").click()
    expect(steps.toast(page)).to_contain_text("Upscale asked for")
    expect(page.locator(".cell")).to_have_count(2)
    steps.made(page, 2)
    small, large = (
        steps.cell(page, one).locator(".shot > img").get_attribute("width") for one in (1, 2)
    )
    assert int(large or 0) > int(small or 0)


def test_it_goes_the_same_way_under_a_thumb(open_page: Opener) -> None:
    page = open_page("phone", "light")
    assert steps.overflow(page) <= 0
    steps.begin(page)
    steps.write(page, steps.LIGHTHOUSE, count=8, steps=steps.SEEN_STEPS)
    record(page)
    steps.generate(page)
    expect(page.locator("#ask")).to_be_hidden()
    expect(page.locator(".cell")).to_have_count(8)
    expect(page.locator(".crumb b")).to_have_text("a lighthouse on a black rock")
    steps.made(page, 8)
    assert recorded(page).rendering()
    assert steps.overflow(page) <= 0

    steps.cell(page, 2).tap()
    page.get_by_role("button", name="Drop", exact=True).last.tap()
    steps.is_dropped(page, 2)
    page.get_by_role("group", name="Verdict").get_by_role("button", name="Clear the verdict").tap()
    steps.is_undecided(page, 2)
    steps.keep_by_thumb(page, 1, 3)
    page.reload()
    steps.is_kept(page, 1)
    steps.is_kept(page, 3)
    page.get_by_role("button", name="Show the nodes").tap()
    expect(page.locator("#nodes").get_by_text("gpu-premium")).to_be_visible()
    page.keyboard.press("Escape")

    steps.go_on(page, 2)
    steps.made(page, 8)
    steps.keep_by_thumb(page, 4)
    steps.go_on(page, 3)
    steps.made(page, 3)
    steps.keep_by_thumb(page, 1)
    steps.go_on(page, 4)
    steps.made(page, 1)
    assert steps.overflow(page) <= 0
