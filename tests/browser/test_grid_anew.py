"""A page that slept while too much moved loads its grid again, and keeps everything around it."""

from django.template.loader import render_to_string
from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.conftest import Opener

# The message as the socket sends it, in the very place where the page takes messages.
ANEW = """(fragment) => document.dispatchEvent(
  new CustomEvent("htmx:wsBeforeMessage", { cancelable: true, detail: { message: fragment } }))"""
PICTURES = 3


def anew(page: Page) -> str:
    """Return what the socket sends to this page when too much has moved."""
    window = page.locator("#grid").get_attribute("data-url") or ""
    address, _, query = window.partition("?")
    return render_to_string("sessions/_grid_anew.html", {"url": f"{address}cells/?{query}"})


def test_the_grid_loads_anew_with_all_its_cells_and_one_word_for_when_it_is_empty(
    open_page: Opener,
) -> None:
    page = open_page()
    steps.ask(page, count=PICTURES)
    steps.made(page, PICTURES)
    page.evaluate("document.querySelector('#grid .row').dataset.old = 'yes'")
    page.evaluate(ANEW, anew(page))
    expect(page.locator("#grid [data-old]")).to_have_count(0)
    expect(page.locator("#grid .cell")).to_have_count(PICTURES)
    expect(page.locator("#cells")).to_have_count(1)
    expect(page.locator(".empty-grid")).to_have_count(1)
    expect(page.locator("#grid .empty-grid")).to_have_count(0)
    expect(page.locator(".empty-grid")).to_be_hidden()
    steps.keep(page, 1)
    steps.is_kept(page, 1)
