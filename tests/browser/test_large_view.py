"""The large view: facts to copy, verdicts inside, back and forth, and home again."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.conftest import Opener


def test_it_judges_copies_and_steps_and_returns_to_where_it_was(open_page: Opener) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    steps.ask(page, "a harbour at night, wet stone", count=3)
    steps.made(page, 3)
    home = page.url
    steps.press(page, 2, " ")
    large = page.locator("#large")
    expect(large.get_by_role("heading", name="Drafts 02")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/takes/\d+/large/"))
    expect(large).to_contain_text("a harbour at night, wet stone")
    shown = large.locator(".facts div", has_text="Seed").locator("dd > span").inner_text()
    large.get_by_role("button", name="Copy: Seed").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.isdecimal()
    assert copied == shown.replace(" ", "")

    page.keyboard.press("k")
    expect(large.get_by_role("heading", name="Drafts 02 Kept")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(large.get_by_role("heading", name="Drafts 03")).to_be_visible()
    page.keyboard.press("d")
    expect(large.get_by_role("heading", name="Drafts 03 Dropped")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(large.get_by_role("heading", name="Drafts 02 Kept")).to_be_visible()
    page.keyboard.press("Escape")
    expect(large).to_be_hidden()
    expect(steps.cell(page, 2)).to_be_focused()
    expect(page).to_have_url(home)
    steps.is_kept(page, 2)
    steps.is_dropped(page, 3)


def test_it_has_an_address_of_its_own(open_page: Opener) -> None:
    page = open_page()
    steps.ask(page, count=2)
    steps.made(page, 2)
    steps.press(page, 1, " ")
    expect(page.locator("#large")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Drafts 01")).to_be_visible()
    expect(page.locator(".alone .lit-picture img")).to_be_visible()
    page.get_by_role("link", name="Close").click()
    expect(steps.cell(page, 1)).to_be_focused()


def test_it_leaves_the_grid_behind_it_whole_when_pictures_come_back(
    open_page: Opener, second_tab: Callable[[Page], Page]
) -> None:
    page = open_page()
    steps.ask(page, count=3)
    steps.made(page, 3)
    tab = second_tab(page)
    steps.drop(tab, 1)
    tab.locator("#trash-dropped").click()
    expect(page.locator(".cell")).to_have_count(2)
    expect(steps.toast(tab)).to_contain_text("moved to the trash")
    page.bring_to_front()
    steps.press(page, 2, " ")
    expect(page.locator("#large")).to_be_visible()
    tab.bring_to_front()
    tab.keyboard.press("Control+z")
    expect(tab.locator(".cell")).to_have_count(3)
    page.bring_to_front()
    expect(page.locator(".cell")).to_have_count(3)
    page.keyboard.press("Escape")
    expect(steps.cell(page, 3)).to_be_focused()
