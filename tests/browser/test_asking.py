"""The prompt form: what is wrong is said at the field, and a press counts once."""

import re

from playwright.sync_api import Route, expect

from tests.browser import steps
from tests.browser.conftest import Opener

UNPROCESSABLE = ("422",)


def test_it_says_at_the_field_that_the_prompt_is_missing_and_forgets_it_after(
    open_page: Opener,
) -> None:
    page = open_page(expected=UNPROCESSABLE)
    steps.begin(page)
    page.locator("#id_width").fill("770")
    page.locator("#generate").click()
    prompt = page.get_by_label("Prompt", exact=True)
    expect(prompt).to_have_attribute("aria-invalid", "true")
    expect(prompt).to_have_accessible_description(re.compile("Write what the picture shows"))
    expect(page.get_by_role("alert")).to_contain_text("2 things to put right")
    expect(page.locator(":focus")).to_have_count(1)
    assert page.evaluate("document.activeElement.matches('.wrong-list, [aria-invalid]')")
    expect(page.locator(".cell")).to_have_count(0)

    page.get_by_role("button", name="Use 768").click()
    expect(page.locator("#id_width")).to_have_value("768")
    steps.write(page, "a harbour at night", count=1)
    steps.generate(page)
    steps.made(page, 1)
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_label("Prompt", exact=True)).not_to_have_attribute("aria-invalid", "true")


def test_it_makes_one_round_of_a_double_click(open_page: Opener) -> None:
    page = open_page()
    steps.begin(page)
    steps.write(page, "a harbour at night", count=2)
    page.locator("#generate").dblclick()
    steps.made(page, 2)
    page.reload()
    expect(page.locator(".cell")).to_have_count(2)


def test_it_takes_a_press_while_tokens_and_costs_are_still_counted(open_page: Opener) -> None:
    page = open_page()
    steps.begin(page)
    waiting: list[Route] = []
    page.route(re.compile(r"/(tokens|estimate)/(\?|$)"), lambda route: waiting.append(route))
    steps.write(page, "a harbour at night", count=1)
    page.locator("#id_count").blur()
    while len(waiting) < 2:
        page.wait_for_timeout(50)
    steps.generate(page)
    steps.made(page, 1)
    for route in waiting:
        route.continue_()


def test_it_fills_in_what_goes_with_another_model(open_page: Opener) -> None:
    page = open_page()
    steps.begin(page)
    page.locator("#id_family").select_option("sdxl")
    expect(page.locator("#id_width")).to_have_value("1024")
    page.locator("#id_size").select_option("1216x832")
    expect(page.locator("#id_height")).to_have_value("832")
    page.locator("#id_height").fill("640")
    page.locator("#id_height").blur()
    expect(page.locator("#id_size")).to_have_value("custom")
    page.get_by_label("Prompt", exact=True).fill("a harbour at night")
    expect(page.locator("#tokens-prompt")).to_have_text("4 of 75 tokens")
    expect(page.locator("#estimate")).to_contain_text("20 pictures would take about")


def test_cells_stand_in_their_order_however_they_came(open_page: Opener) -> None:
    page = open_page()
    steps.ask(page, "a harbour at night", count=3)
    steps.made(page, 3)
    numbers = page.locator(".cell .no").all_inner_texts()
    # The socket brings what still waits; Generate's reply, which is later this time, brings all.
    page.evaluate(
        """() => {
          const rows = [...document.querySelectorAll("#cells > .row")].map((row) => row.outerHTML);
          const bring = (some) => htmx.swap(
            document.body, `<div id="cells" hx-swap-oob="beforeend">${some.join("")}</div>`, { swapStyle: "none" });
          for (const row of document.querySelectorAll("#cells > .row")) row.remove();
          bring(rows.slice(1));
          document.querySelectorAll(".cell")[1].focus();
          bring(rows);
        }"""
    )
    expect(page.locator(".cell .no")).to_have_text(numbers)
    expect(page.locator(".cell").nth(2)).to_be_focused()
