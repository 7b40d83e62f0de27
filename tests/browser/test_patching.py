"""What the socket says anew is brought into the page in place, and only what asks for something else is replaced."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser import steps
from tests.browser.conftest import Opener

# Patches the first of two pieces of HTML with the second; says what became of it, and which of its elements stayed.
PATCH = """async ([before, after]) => {
  const { patch } = await import("/static/js/patch.js");
  const made = (html) => Object.assign(document.createElement("div"), { innerHTML: html }).firstElementChild;
  const old = made(before);
  const marks = [...old.querySelectorAll("i")];
  const done = patch(old, made(after));
  return [done, old.outerHTML, marks.filter((one) => old.contains(one)).length];
}"""
AGAIN = """document.addEventListener("htmx:wsBeforeMessage", ({ detail }) => {
  if (detail.message.includes("cell-body-")) document.body.dataset.again = "";
})"""
BAR = '<p id="bar" class="{}"{}><i>{}</i> left</p>'
LINK = '<p id="bar"><a hx-get="{}"><i></i></a>{}</p>'


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (BAR.format("a", "", 1), BAR.format("b", "", 2), [True, BAR.format("b", "", 2), 1]),
        (
            BAR.format("a", ' title="x"', 1),
            BAR.format("a", ' hx-swap-oob="true"', 1),
            [True, BAR.format("a", "", 1), 1],
        ),
        ('<p id="bar"><i></i></p>', '<p id="bar"><b>1</b>2</p>', [True, "<b>1</b>2", 0]),
        (LINK.format("/1", ""), LINK.format("/1", ""), [True, LINK.format("/1", ""), 1]),
        (LINK.format("/1", ""), LINK.format("/2", ""), [False, LINK.format("/1", ""), 1]),
        (LINK.format("/1", ""), LINK.format("/1", "<b></b>"), [False, LINK.format("/1", ""), 1]),
        ('<p id="bar"></p>', '<p id="other"></p>', [False, '<p id="bar"></p>', 0]),
        ('<p id="bar"></p>', '<b id="bar"></b>', [False, '<p id="bar"></p>', 0]),
    ],
)
def test_an_element_is_patched_where_nothing_asks_for_something_else(
    open_page: Opener, before: str, after: str, expected: list[Any]
) -> None:
    done, html, stayed = open_page().evaluate(PATCH, [before, after])
    assert (done, expected[1] in html, stayed) == (expected[0], True, expected[2])


def test_a_cell_that_the_page_has_is_left_alone_when_it_comes_again(open_page: Opener) -> None:
    page = open_page()
    steps.ask(page, count=1)
    steps.made(page, 1)
    page.evaluate("window.body = document.querySelector('.body.is-done')")
    page.evaluate(AGAIN)
    # Unasked: what moved before, once more.
    expect(page.locator("body[data-again]")).to_be_attached(timeout=30_000)
    assert page.evaluate("window.body.isConnected")
