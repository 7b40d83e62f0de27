"""Continue with none kept, and with more kept than the next stage wants."""

import re

from playwright.sync_api import expect

from tests.browser import steps
from tests.browser.conftest import Opener


def test_it_says_why_it_cannot_continue_and_asks_before_a_stage_grows(open_page: Opener) -> None:
    page = open_page()
    steps.ask(page, count=9)
    steps.made(page, 9)
    expect(page.locator("#continue-button")).to_have_accessible_description(
        "Keep at least one picture to continue to Refined."
    )
    page.keyboard.press("c")
    expect(page.locator("#status")).to_have_text(re.compile("Keep at least one picture"))
    expect(page).to_have_url(re.compile("stage=1"))

    steps.keep(page, *range(1, 10))
    page.keyboard.press("c")
    question = page.get_by_role("alert")
    expect(question).to_contain_text("9 kept make 9")
    expect(question).to_contain_text(re.compile(r"grows to 9 pictures and takes about \d"))
    expect(page.get_by_role("button", name="Make 9")).to_be_focused()
    question.get_by_text("Not yet").click()
    expect(question).to_have_count(0)
    expect(page.locator("#continue-button")).to_be_focused()
    page.keyboard.press("c")
    page.get_by_role("button", name="Make 9").click()
    steps.went_on(page, 2)
    expect(page.locator(".cell")).to_have_count(9)
    page.locator("#cancel-batch").click()
    expect(page.locator("#cancel-batch")).to_have_count(0)


def test_it_asks_once_when_continue_is_clicked_twice(open_page: Opener) -> None:
    page = open_page()
    steps.ask(page, count=2)
    steps.made(page, 2)
    steps.keep(page, 1)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.method} {request.url}"))
    page.locator("#continue-button").dblclick()
    steps.went_on(page, 2)
    assert len([one for one in sent if re.search(r"^POST .*/continue/", one)]) == 1
    page.locator("#cancel-batch").click()
