"""With JavaScript off every step is a form: ask, keep, continue."""

import re

from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.conftest import Opener


def reload_until_made(page: Page, count: int) -> None:
    for _ in range(60):
        if page.locator(".body.is-done").count() == count:
            return
        page.wait_for_timeout(300)
        page.reload()
    raise AssertionError(f"{count} pictures did not come")


def keep(page: Page, number: int) -> None:
    steps.cell(page, number).hover()
    steps.cell(page, number).get_by_role("button", name="Keep").click()
    steps.is_kept(page, number)


def test_it_asks_keeps_and_continues_by_forms(open_page: Opener) -> None:
    page = open_page(java_script_enabled=False)
    page.get_by_role("button", name="Draft grid").click()
    page.get_by_label("Prompt", exact=True).fill("a harbour at night")
    page.locator("#id_count").fill("9")
    page.locator("#generate").click()
    expect(page.locator(".cell")).to_have_count(9)
    reload_until_made(page, 9)
    page.locator("#continue-button").click(force=True)  # it says why it cannot be done
    expect(page.locator("#toasts")).to_contain_text("Keep at least one picture")
    for number in range(1, 10):
        keep(page, number)
    page.locator("#continue-button").click()
    page.get_by_role("button", name="Make 9").click()
    expect(page).to_have_url(re.compile("stage=2"))
    expect(page.locator(".cell")).to_have_count(9)
    page.locator("#cancel-batch").click()
    expect(page.locator("#toasts")).to_contain_text("cancelled")


def test_it_shows_the_reason_at_the_field_without_scripts(open_page: Opener) -> None:
    page = open_page(java_script_enabled=False, expected=("422",))
    page.get_by_role("button", name="Draft grid").click()
    page.locator("#generate").click()
    expect(page.locator("#ask")).to_contain_text("Write what the picture shows.")
    expect(page.locator(".cell")).to_have_count(0)
