"""Sessions as things: name, copy, archive, delete with undo, and the stages that each has."""

import re

from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.conftest import Opener


def choose(page: Page, name: str, *, of: str = "") -> None:
    """Choose from the menu of the session page, or of one session in the list."""
    place = page.locator(".cover", has_text=of) if of else page.locator(".head")
    place.get_by_label(re.compile("^More for")).click()
    place.get_by_text(name, exact=True).click()


def test_it_renames_copies_archives_and_deletes_with_undo(open_page: Opener) -> None:
    page = open_page()
    steps.ask(page, "the quiet orchard", count=1)
    steps.made(page, 1)
    choose(page, "Rename")
    expect(page.get_by_role("textbox", name="Title")).to_be_focused()
    page.get_by_role("textbox", name="Title").fill("Orchard, take one")
    page.keyboard.press("Enter")
    expect(page.locator("#title h1")).to_have_text("Orchard, take one")
    choose(page, "Duplicate")
    expect(page.locator("#title h1")).to_contain_text("Orchard, take one")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("the quiet orchard")
    expect(page.locator(".cell")).to_have_count(0)
    choose(page, "Rename")
    page.get_by_role("textbox", name="Title").fill("Orchard, take two")
    page.keyboard.press("Enter")
    expect(page.locator("#title h1")).to_have_text("Orchard, take two")

    choose(page, "Archive")
    expect(steps.toast(page)).to_contain_text("“Orchard, take two” is in the archive.")
    expect(page.get_by_role("link", name="Orchard, take two")).to_have_count(0)
    page.get_by_role("link", name="Archived").click()
    choose(page, "Bring back from the archive", of="Orchard, take two")
    expect(page.locator("#title h1")).to_have_text("Orchard, take two")
    choose(page, "Delete")
    expect(steps.toast(page)).to_contain_text("“Orchard, take two” is deleted")
    expect(page.get_by_role("link", name="Orchard, take two")).to_have_count(0)
    expect(page.locator(".cover", has_text="Orchard, take one")).to_contain_text("1 picture")
    steps.toast(page).get_by_role("button", name=re.compile("Undo")).click()
    expect(page.locator("#title h1")).to_have_text("Orchard, take two")


def test_it_changes_the_stages_and_says_what_is_wrong_with_them(open_page: Opener) -> None:
    page = open_page(expected=("422",))
    steps.begin(page)
    choose(page, "Edit the stages")
    sheet = page.get_by_role("dialog", name="Stages")
    sheet.get_by_label("Drafts Pictures").fill("0")
    sheet.get_by_role("button", name="Save the stages").click()
    expect(sheet.get_by_label("Drafts Pictures")).to_have_attribute("aria-invalid", "true")
    expect(sheet.get_by_label("Drafts Pictures")).to_have_accessible_description(
        re.compile("Must be from 1 to")
    )
    sheet.get_by_label("Drafts Pictures").fill("12")
    sheet.get_by_role("button", name="Add an upscale stage").click()
    expect(sheet.get_by_label("Upscaled Pictures")).to_be_visible()
    sheet.get_by_role("button", name="Save the stages").click()
    expect(page.locator("#stages")).to_contain_text("Drafts 12")
    expect(page.locator("#stages")).to_contain_text("Upscaled 1")
    page.locator("#stages").get_by_text("Upscaled").click()
    expect(page.locator("#ask")).to_contain_text("enlarges what you keep in the stage before")
    expect(page.locator("#generate")).to_have_count(0)


def test_it_leads_to_a_nodes_card_its_settings_in_the_admin_and_back(open_page: Opener) -> None:
    page = open_page()
    page.locator("#strip").get_by_text("gpu-quality").click()
    expect(page).to_have_url(re.compile("/farm/#card-"))
    page.get_by_label("More for gpu-quality").click()
    page.get_by_role("link", name="All settings").locator("visible=true").click()
    expect(page).to_have_url(re.compile("/admin/farm_app/gpunode/"))
    expect(page.locator("#content")).to_contain_text("gpu-quality")
    page.get_by_role("link", name="View site").click()
    page.wait_for_load_state()
    page.get_by_role("link", name="Admin", exact=True).click()
    expect(page.locator("#site-name")).to_have_text("Eliot admin")


def test_it_brings_back_a_session_that_was_deleted_at_work(open_page: Opener) -> None:
    page = open_page()
    steps.ask(page, "the winter ferry", count=6, steps=steps.SLOW_STEPS)
    expect(page.locator(".body.is-sampling").first).to_be_visible()
    choose(page, "Delete")
    steps.toast(page).get_by_role("button", name=re.compile("Undo")).click()
    expect(page.locator("#title h1")).to_have_text("the winter ferry")
    expect(page.locator(".body.is-cancelled")).to_have_count(0)
    steps.made(page, 6)
    steps.keep(page, 1, 2)
    expect(page.locator("#counts")).to_contain_text("Kept 2")


def test_a_key_that_needs_a_picture_says_so_and_arrows_begin_at_the_first(
    open_page: Opener,
) -> None:
    page = open_page()
    steps.ask(page, count=3, steps=10)
    steps.made(page, 3)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("k")
    expect(steps.toast(page)).to_have_text(re.compile("Choose a picture first"))
    page.keyboard.press("d")
    expect(page.locator("#toasts .toast")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    expect(steps.cell(page, 1)).to_be_focused()
    page.keyboard.press("k")
    steps.is_kept(page, 1)
