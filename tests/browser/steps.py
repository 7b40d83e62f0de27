"""What a person does at the table, each step as one function."""

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

LIGHTHOUSE = "a lighthouse on a black rock at first light, the keeper walking home, low mist"
# At the speed at which the tests run the demo farm: long enough to be seen between first and last
# step on a busy machine, whose pages hear of progress late; and slow enough to be caught at work.
SEEN_STEPS = 60
SLOW_STEPS = 150


def is_phone(page: Page) -> bool:
    size = page.viewport_size
    return size is not None and size["width"] < 768


def begin(page: Page) -> None:
    """Start a session from the start page."""
    page.get_by_role("button", name="Draft grid").click()
    page.wait_for_load_state()
    open_form(page)


def open_form(page: Page) -> None:
    """On a phone the form is a drawer."""
    if is_phone(page) and not page.locator("#ask").is_visible():
        page.get_by_role(
            "button", name=re.compile("^(Write the prompt|Prompt and settings)$")
        ).first.click()


def write(page: Page, prompt: str, **fields: Any) -> None:
    open_form(page)
    page.get_by_label("Prompt", exact=True).fill(prompt)
    for name, value in fields.items():
        page.locator(f"#id_{name}").fill(str(value))


def generate(page: Page) -> None:
    open_form(page)
    page.locator("#generate").click()


def ask(page: Page, prompt: str = LIGHTHOUSE, **fields: Any) -> None:
    """Begin a session and ask for pictures."""
    begin(page)
    write(page, prompt, **fields)
    generate(page)
    count = int(fields.get("count", 20))
    expect(page.locator(".cell")).to_have_count(count)


def made(page: Page, count: int, of: int | None = None) -> None:
    """Wait until so many pictures are there."""
    said = f"{count} of {of or count} done"
    expect(page.locator("#batch b")).to_have_text(said, timeout=60_000)
    expect(page.locator(".shot > img[src*='/thumb']")).to_have_count(count)


def cell(page: Page, number: int) -> Locator:
    """The picture of that number, from 1."""
    return page.locator(".cell").nth(number - 1)


def press(page: Page, number: int, key: str) -> None:
    """Go to a picture and press a key."""
    cell(page, number).focus()
    page.keyboard.press(key)


def is_kept(page: Page, number: int) -> None:
    expect(cell(page, number).locator(".body")).to_have_class(re.compile(r"\bis-keep\b"))


def is_dropped(page: Page, number: int) -> None:
    expect(cell(page, number).locator(".body")).to_have_class(re.compile(r"\bis-drop\b"))


def is_undecided(page: Page, number: int) -> None:
    expect(cell(page, number).locator(".body")).not_to_have_class(re.compile(r"\bis-(keep|drop)\b"))


def keep(page: Page, *numbers: int) -> None:
    for number in numbers:
        press(page, number, "k")
        is_kept(page, number)


def drop(page: Page, *numbers: int) -> None:
    for number in numbers:
        press(page, number, "d")
        is_dropped(page, number)


def keep_by_thumb(page: Page, *numbers: int) -> None:
    for number in numbers:
        cell(page, number).tap()
        page.get_by_role("button", name="Keep", exact=True).last.tap()
        is_kept(page, number)


def go_on(page: Page, stage: int) -> None:
    """Press Continue and wait for the page of the next stage."""
    page.locator("#continue-button").click()
    went_on(page, stage)


def went_on(page: Page, stage: int) -> None:
    """Wait for the page of a stage."""
    expect(page).to_have_url(re.compile(rf"stage={stage}\b"))
    page.wait_for_load_state()


def toast(page: Page) -> Locator:
    return page.locator("#toasts .toast").last


def overflow(page: Page) -> int:
    """How many pixels the page is wider than its window."""
    script = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    return int(page.evaluate(script))
