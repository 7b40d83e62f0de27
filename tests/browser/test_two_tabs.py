"""Two tabs of one session show the same truth, each thing once."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.conftest import Opener


def numbers(page: Page) -> list[str]:
    return page.locator(".cell .no").all_inner_texts()


def test_it_shows_a_verdict_and_a_new_round_in_the_other_tab_once(
    open_page: Opener, second_tab: Callable[[Page], Page]
) -> None:
    page = open_page()
    steps.ask(page, count=4)
    tab = second_tab(page)
    steps.made(page, 4)
    steps.made(tab, 4)
    page.bring_to_front()
    steps.keep(page, 2)
    steps.is_kept(tab, 2)
    expect(tab.locator("#counts")).to_contain_text("Kept 1")
    tab.bring_to_front()
    steps.drop(tab, 3)
    steps.is_dropped(page, 3)

    page.bring_to_front()
    steps.generate(page)
    expect(page.locator(".cell")).to_have_count(8)
    expect(tab.locator(".cell")).to_have_count(8)
    steps.made(page, 8)
    steps.made(tab, 8)
    assert numbers(page) == numbers(tab) == [f"{one:02d}" for one in range(1, 9)]


def test_it_takes_trashed_pictures_out_of_the_other_tab_and_brings_them_back(
    open_page: Opener, second_tab: Callable[[Page], Page]
) -> None:
    page = open_page()
    steps.ask(page, count=4)
    steps.made(page, 4)
    tab = second_tab(page)
    page.bring_to_front()
    steps.drop(page, 1, 3)
    page.locator("#trash-dropped").click()
    expect(steps.toast(page)).to_contain_text("2 pictures moved to the trash.")
    for one in (page, tab):
        expect(one.locator(".cell")).to_have_count(2)
        expect(one.locator("#counts")).to_contain_text("All 2")
    page.keyboard.press("Control+z")
    expect(steps.toast(page)).to_contain_text("2 pictures back from the trash.")
    for one in (page, tab):
        expect(one.locator(".cell")).to_have_count(4)
        steps.is_dropped(one, 1)


def test_it_tells_a_new_name_in_the_other_tab(
    open_page: Opener, second_tab: Callable[[Page], Page]
) -> None:
    page = open_page()
    steps.begin(page)
    tab = second_tab(page)
    expect(tab.locator("#title h1")).to_have_text("Untitled")
    page.bring_to_front()
    steps.write(page, "a harbour at night", count=1)
    steps.generate(page)
    expect(tab.locator("#title h1")).to_have_text("a harbour at night")
    steps.made(tab, 1)
