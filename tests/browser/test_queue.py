"""The queue on the farm page: watch it, reorder it, pause and resume, cancel and undo, read why a job waits."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import FloatRect, Locator, Page, expect

from tests.browser import axe, steps
from tests.browser.conftest import Opener
from tests.browser.process import Eliot

BOTH = pytest.mark.parametrize("size", ["desk", "phone"])
ROWS = "#queue-list > .q-entry"
# Batches that wait; pictures of one that are being brought home together are a row of their own.
BATCHES = f"{ROWS}:has([data-open]):not([id*='-w'])"


@pytest.fixture(autouse=True)
def empty_queue(open_page: Opener, eliot: Eliot) -> Iterator[None]:
    """Begin with nothing of another test in the queue, and leave nothing to the next."""
    page = open_page()
    make_empty(page, eliot)
    yield
    make_empty(page, eliot)


def make_empty(page: Page, eliot: Eliot) -> None:
    page.goto(f"{eliot.address}/farm/")
    if page.locator("#queue-resume").count():
        page.locator("#queue-resume").click()
        expect(page.locator("#queue-pause")).to_be_visible()
    if page.locator("#queue-cancel").count():
        cancel_all(page)
    expect(page.locator(ROWS)).to_have_count(0, timeout=60_000)


def cancel_all(page: Page) -> None:
    page.locator("#queue-cancel").click()
    page.locator("#sure-cancel").click()


def ask(page: Page, eliot: Eliot, *titles: str, count: int = 12) -> None:
    """Ask for pictures in sessions of these names, and go to the farm."""
    for title in titles:
        page.goto(eliot.address)
        steps.ask(page, f"{title} on a hill", count=count, steps=steps.SLOW_STEPS)
    page.goto(f"{eliot.address}/farm/")


def paused_with(page: Page, eliot: Eliot, *titles: str) -> None:
    """Ask for pictures while nothing starts, so that the queue stands still."""
    page.goto(f"{eliot.address}/farm/")
    page.locator("#queue-pause").click()
    expect(page.locator("#queue-resume")).to_be_visible()
    ask(page, eliot, *titles, count=2)


def batches(page: Page) -> Locator:
    return page.locator(f"{BATCHES} .q-what")


def names(page: Page, *titles: str) -> None:
    """Wait until the batches that wait stand in this order."""
    expect(batches(page)).to_have_text([re.compile(f"^{title}") for title in titles])


def in_order(page: Page, *titles: str) -> None:
    """Put the batches of these sessions into an order that no turn of theirs changes, at the top of the window."""
    for title in reversed(titles):
        to_front(page, title)
        expect(batches(page).first).to_have_text(re.compile(f"^{title}"))
    names(page, *titles)
    page.locator("#queue").evaluate("queue => queue.scrollIntoView()")


def to_front(page: Page, title: str) -> None:
    row(page, title).get_by_role("link", name="Why, and more").click()
    page.get_by_role("dialog").get_by_role("button", name="Move to the front").click()
    expect(page.get_by_role("dialog")).to_be_hidden()


def row(page: Page, title: str) -> Locator:
    return page.locator(BATCHES, has_text=title)


def test_it_is_watched_from_asked_for_to_empty(open_page: Opener, eliot: Eliot) -> None:
    page = open_page()
    ask(page, eliot, "Watched", count=8)
    expect(page.locator(".q-row.is-sampling .q-state").first).to_contain_text(
        re.compile(r"Rendering on gpu-\w+, step \d+ of \d+")
    )
    expect(page.locator("#chip-rendering")).to_have_text(re.compile("Rendering [1-4]"))
    before = page.locator("#queue-total").inner_text()
    expect(page.locator("#queue-total")).not_to_have_text(before, timeout=60_000)
    expect(page.locator(".queue-none")).to_be_visible(timeout=60_000)
    expect(page.locator(".t-bar:has(.t-done)").first).to_be_attached()


def test_a_row_goes_to_the_front_and_up_and_down_by_mouse_and_keys(
    open_page: Opener, eliot: Eliot
) -> None:
    page = open_page()
    ask(page, eliot, "Amber", "Beryl", "Coral", count=30)
    in_order(page, "Amber", "Beryl", "Coral")
    row(page, "Coral").get_by_role("button", name="Move to the front").click()
    expect(steps.toast(page)).to_contain_text("moved to the front")
    names(page, "Coral", "Amber", "Beryl")
    grip = row(page, "Beryl").locator("[data-grip]")
    grip.focus()
    page.keyboard.press("ArrowUp")
    names(page, "Coral", "Beryl", "Amber")
    expect(grip).to_be_focused()
    expect(page.locator("#status")).to_have_text(re.compile("Moved to place"))
    page.keyboard.press("ArrowDown")
    names(page, "Coral", "Amber", "Beryl")


def drag(page: Page, title: str, to: str, height: Callable[[FloatRect], float]) -> None:
    """Drag a row by its grip to a height that follows from where another one is."""
    grip = row(page, title).locator("[data-grip]").bounding_box()
    target = row(page, to).bounding_box()
    assert grip
    assert target
    page.mouse.move(grip["x"] + 5, grip["y"] + 5)
    page.mouse.down()
    page.mouse.move(grip["x"] + 5, height(target), steps=5)
    page.mouse.up()


def test_a_row_is_dragged_to_its_place(open_page: Opener, eliot: Eliot) -> None:
    page = open_page()
    ask(page, eliot, "Amber", "Beryl", "Coral", count=30)
    in_order(page, "Amber", "Beryl", "Coral")
    drag(page, "Coral", "Beryl", lambda box: box["y"] + 4)
    names(page, "Amber", "Coral", "Beryl")


def drop_below_all(page: Page, title: str, last: str) -> None:
    page.locator("#queue").evaluate("queue => queue.scrollIntoView()")
    drag(page, title, last, lambda box: box["y"] + box["height"] + 30)


def test_a_row_that_is_dropped_below_those_shown_goes_before_those_that_are_not(
    open_page: Opener, eliot: Eliot
) -> None:
    page = open_page()
    ask(page, eliot, "Amber fox", "Beryl fox", "Coral", count=30)
    in_order(page, "Amber fox", "Beryl fox", "Coral")
    page.goto(f"{eliot.address}/farm/?find=fox")
    names(page, "Amber fox", "Beryl fox")
    drop_below_all(page, "Amber fox", "Beryl fox")
    names(page, "Beryl fox", "Amber fox")
    page.goto(f"{eliot.address}/farm/")
    names(page, "Beryl fox", "Amber fox", "Coral")


def test_an_open_batch_is_kept_true_while_somebody_is_in_it(
    open_page: Opener, eliot: Eliot
) -> None:
    page = open_page()
    ask(page, eliot, "Amber", count=12)
    in_order(page, "Amber")
    row(page, "Amber").locator("[data-open]").click()
    inner = row(page, "Amber").locator(".q-inner .q-row")
    expect(inner.first).to_be_visible()
    inner.last.get_by_role("link", name="Why, and more").focus()
    before = inner.count()
    expect(inner).not_to_have_count(before)  # nodes take some of it
    expect(inner.last.get_by_role("link", name="Why, and more")).to_be_focused()


def test_the_queue_is_paused_and_goes_on(open_page: Opener, eliot: Eliot) -> None:
    page = open_page()
    paused_with(page, eliot, "Held")
    expect(row(page, "Held").locator(".q-state")).to_contain_text("The queue is paused by you at")
    expect(page.locator("#chip-paused")).to_have_text("Paused 2")
    page.locator("#queue-resume").click()
    expect(page.locator("#chip-paused")).to_have_count(0)
    expect(page.locator(".queue-none")).to_be_visible(timeout=60_000)


def test_one_row_is_paused_and_goes_on(open_page: Opener, eliot: Eliot) -> None:
    page = open_page()
    ask(page, eliot, "Long", "Held", count=40)
    row(page, "Held").get_by_role("link", name="Why, and more").click()
    page.get_by_role("button", name=re.compile("Pause these")).click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    held = row(page, "Held").filter(has_text="Paused by you")  # some are being rendered, and go on
    expect(held).to_be_visible()
    held.get_by_role("button", name="Resume").click()
    expect(held).to_have_count(0)


def test_many_are_cancelled_after_their_number_was_said_and_come_back(
    open_page: Opener, eliot: Eliot
) -> None:
    page = open_page()
    ask(page, eliot, "Amber", "Beryl", count=20)
    page.locator("#queue-cancel").click()
    dialog = page.get_by_role("dialog", name=re.compile(r"Cancel \d+ jobs\?"))
    expect(dialog).to_be_visible()
    dialog.locator("#sure-cancel").click()
    expect(steps.toast(page)).to_contain_text(re.compile(r"\d+ jobs cancelled\."))
    expect(page.locator(ROWS)).to_have_count(0)
    steps.toast(page).get_by_role("button", name="Undo").click()
    expect(row(page, "Beryl")).to_be_visible()


def test_it_says_why_a_job_waits_node_by_node(open_page: Opener, eliot: Eliot) -> None:
    page = open_page()
    ask(page, eliot, "Patient", count=20)
    row(page, "Patient").get_by_role("link", name="Why, and more").click()
    sheet = page.get_by_role("dialog")
    for node in ("gpu-premium", "gpu-quality", "gpu-standard", "gpu-draft"):
        expect(sheet.get_by_text(node, exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(row(page, "Patient").get_by_role("link", name="Why, and more")).to_be_focused()


def test_a_batch_opens_and_one_of_it_is_cancelled_and_read_on_its_own_page(
    open_page: Opener, eliot: Eliot
) -> None:
    page = open_page()
    paused_with(page, eliot, "Pair")
    opener = row(page, "Pair").locator("[data-open]")
    opener.click()
    inner = row(page, "Pair").locator(".q-inner .q-row")
    expect(inner).to_have_count(2)
    expect(opener).to_have_attribute("aria-expanded", "true")
    opener.click()
    expect(inner).to_have_count(0)
    expect(opener).to_have_attribute("aria-expanded", "false")
    opener.click()
    inner.first.locator(".q-job a").click()
    expect(page.locator("#job-word")).to_have_text("Paused")
    page.locator("#job-cancel").click()
    expect(page.locator("#job-word")).to_have_text("Cancelled")
    steps.toast(page).get_by_role("button", name="Undo").click()
    expect(page.locator("#job-word")).to_have_text("Paused")


def test_filter_and_search_narrow_it_and_are_kept_true(open_page: Opener, eliot: Eliot) -> None:
    page = open_page()
    paused_with(page, eliot, "Amber", "Beryl")
    page.get_by_role("searchbox", name="Session, model or node").fill("beryl")
    page.keyboard.press("Enter")
    names(page, "Beryl")
    page.locator("#chip-paused").click()
    names(page, "Beryl")
    row(page, "Beryl").get_by_role("link", name="Why, and more").click()
    page.get_by_role("button", name="Cancel these 2").click()
    expect(page.locator(".queue-none")).to_have_text("Nothing in the queue matches this.")


@BOTH
def test_axe_finds_nothing_on_queue_timeline_and_job(
    open_page: Opener, eliot: Eliot, size: str
) -> None:
    page = open_page(size)
    ask(page, eliot, "Axes", count=80)  # axe takes its time
    expect(page.locator(".q-row.is-sampling").first).to_be_attached()
    page.locator("#timeline").scroll_into_view_if_needed()
    check(page, "farm")
    # What stands still lets axe be quick.
    page.locator("#queue-pause").click()
    expect(page.locator("#queue-resume")).to_be_visible()
    expect(page.locator(".q-row.is-sampling")).to_have_count(0, timeout=60_000)
    row(page, "Axes").locator("[data-open]").click()
    expect(page.locator(".q-inner .q-row").first).to_be_visible()
    check(page, "an open batch")
    row(page, "Axes").get_by_role("link", name="Why, and more").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    check(page, "why")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="As a table").click()
    expect(page.get_by_role("dialog", name=re.compile("Timeline"))).to_be_visible()
    check(page, "timeline as a table")
    page.keyboard.press("Escape")
    page.locator("#queue-cancel").click()
    expect(page.get_by_role("dialog", name=re.compile("Cancel"))).to_be_visible()
    check(page, "sure?")
    page.keyboard.press("Escape")
    page.locator(f"{ROWS} .q-job a").first.click()
    expect(page.locator("#job-word")).to_be_visible()
    check(page, "job")
    page.get_by_text("Show it here").click()
    check(page, "job with its graph")


def check(page: Page, name: str) -> None:
    assert (name, axe.in_both_themes(page), steps.overflow(page) > 0) == (name, [], False)


def test_the_farm_page_is_used_by_keyboard_alone(open_page: Opener, eliot: Eliot) -> None:
    page = open_page()
    paused_with(page, eliot, "Amber", "Beryl")
    in_order(page, "Amber", "Beryl")
    press = page.keyboard.press

    # Drain a node from its menu, and let it take work again.
    page.get_by_label("More for gpu-draft").focus()
    press("Enter")
    menu = page.locator("details.menu[open]")
    expect(menu).to_be_visible()
    tab_to(page, menu.get_by_role("button", name="Drain"))
    press("Enter")
    card = page.get_by_role("article", name="gpu-draft", exact=True)
    expect(card).to_contain_text("Draining")
    expect(page.get_by_label("More for gpu-draft")).to_be_focused()
    tab_to(page, card.get_by_role("group").get_by_role("button", name="Resume"))
    press("Enter")
    expect(card.get_by_role("group").get_by_role("button", name="Drain")).to_be_focused()

    # Move a row up, cancel it, and undo that.
    beryl = row(page, "Beryl")
    tab_to(page, beryl.locator("[data-grip]"))
    press("ArrowUp")
    names(page, "Beryl", "Amber")
    expect(beryl.locator("[data-grip]")).to_be_focused()
    tab_to(page, beryl.get_by_role("link", name="Why, and more"))
    press("Enter")
    cancel = page.get_by_role("dialog").get_by_role("button", name="Cancel these 2")
    tab_to(page, cancel)
    press("Enter")
    names(page, "Amber")
    expect(row(page, "Amber").get_by_role("link", name="Why, and more")).to_be_focused()
    expect(steps.toast(page)).to_contain_text("2 jobs cancelled.")  # the row may be gone before
    press("Control+z")
    expect(row(page, "Beryl")).to_be_visible()
    expect(batches(page)).to_have_count(2)

    # Let the queue go on: the button that pauses it comes in the same place.
    page.locator("#queue-resume").focus()
    press("Enter")
    expect(page.locator("#queue-pause")).to_be_focused()


def tab_to(page: Page, wanted: Locator, most: int = 120) -> None:
    """Press Tab until an element has the focus; each one on the way can be seen."""
    expect(wanted).to_be_visible()
    for _ in range(most):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
        assert is_focus_seen(page), page.evaluate("document.activeElement.outerHTML")
    pytest.fail("Tab does not come there.")


def is_focus_seen(page: Page) -> bool:
    """Say whether what has the focus is large enough to be seen; the window itself has it between two rounds."""
    return bool(
        page.evaluate(
            """() => {
                const { activeElement: has } = document;
                if (has === document.body) return true;
                const { width, height } = has.getBoundingClientRect();
                return width > 4 && height > 4;
            }"""
        )
    )
