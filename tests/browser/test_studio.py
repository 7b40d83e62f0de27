"""The prompt studio in a real browser: a film, another camera, the prompt for two models, a session, pictures."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import axe, steps
from tests.browser.conftest import Opener
from tests.browser.process import Eliot

RUNNER = "preset=blade_runner&scene=a+tired+man+waits+under+an+awning"
BOTH = pytest.mark.parametrize("size", ["desk", "phone"])


def studio(page: Page, eliot: Eliot, query: str = "") -> None:
    page.goto(f"{eliot.address}/studio/?{query}")
    expect(page.locator("#written")).to_be_visible()


def panel(page: Page, name: str) -> Locator:
    return page.locator(f"#panel-{name}")


def toggle(page: Page, name: str) -> None:
    page.locator(f"#panel-{name}-toggle").click()


def row(page: Page, panel_name: str, label: str) -> Locator:
    exact = re.compile(f"^{re.escape(label)}$")
    return panel(page, panel_name).locator(".list > li", has=page.locator(".label", has_text=exact))


def card(page: Page, name: str) -> Locator:
    title = page.locator("b", has_text=re.compile(f"^{re.escape(name)}$"))
    return page.locator("#browser-found button.preset", has=title)


def pick(page: Page, words: str, name: str) -> None:
    if steps.is_phone(page):
        page.get_by_role("button", name="Presets", exact=True).click()
    page.locator("#browser-q").fill(words)
    card(page, name).click()
    expect(page.locator("#studio-head h2")).to_have_text(name)


@BOTH
def test_from_a_film_by_way_of_another_camera_to_pictures(
    open_page: Opener, eliot: Eliot, size: str
) -> None:
    page = open_page(size)
    studio(page, eliot)
    pick(page, "blade cronenweth", "Blade Runner")
    page.locator("#scene").fill("a tired man waits under an awning")
    expect(page.locator("#written")).to_contain_text("a tired man waits under an awning")
    toggle(page, "camera")
    page.locator("#find-body").fill("arriflex 435")
    film_camera = row(page, "camera", "ARRIFLEX 435")
    expect(film_camera).to_contain_text("came in 1995; the scene looks like 1982")
    film_camera.locator(".way").click()
    expect(panel(page, "camera").locator(".panel-sum")).to_contain_text("ARRIFLEX 435 · film")
    expect(page.locator(".panel .count.is-err")).to_have_count(0)
    expect(page.locator(".prompt")).to_contain_text("ARRIFLEX 435")
    page.locator("#compare").select_option(label="Wan 2.1 and 2.2")
    wan = page.get_by_role("region", name="Wan 2.1 and 2.2")
    expect(wan).to_contain_text("The camera tracks forward slowly")
    expect(wan).not_to_contain_text("ARRIFLEX")
    expect(page.get_by_role("region", name="FLUX.1")).to_contain_text("ARRIFLEX 435")
    page.locator("#studio-send").click()
    expect(page.locator("#toasts")).to_contain_text("Generate when you are ready")
    steps.open_form(page)
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(
        re.compile("a tired man waits under an awning")
    )
    page.locator("#id_count").fill("2")
    steps.generate(page)
    steps.made(page, 2)


def test_every_step_is_undone_and_done_again_and_back_is_undo(
    open_page: Opener, eliot: Eliot
) -> None:
    page = open_page()
    studio(page, eliot, f"{RUNNER}&open=tone")
    title = panel(page, "mood").locator(".panel-sum")
    row(page, "mood", "Sepia").locator(".choice").click()
    expect(title).to_contain_text("Sepia")
    row(page, "mood", "Black and white").locator(".choice").click()
    expect(title).to_contain_text("Black and white")
    page.locator("#studio-undo").click()
    expect(title).to_contain_text("Sepia")
    page.locator("#studio-undo").click()
    expect(title).to_contain_text("Cool and drained")
    expect(page.locator("#studio-undo")).to_have_attribute("aria-disabled", "true")
    page.locator("#studio-redo").click()
    expect(title).to_contain_text("Sepia")
    row(page, "mood", "Black and white").locator(".choice").click()
    expect(title).to_contain_text("Black and white")
    page.go_back()
    expect(title).to_contain_text("Sepia")


def test_words_lead_to_the_list_that_they_come_from(open_page: Opener, eliot: Eliot) -> None:
    page = open_page()
    studio(page, eliot, RUNNER)
    page.locator(".words-of a", has_text="Panavision C Series").click()
    expect(page.locator("#panel-lens-toggle")).to_be_focused()
    expect(page.locator("#list-lens")).to_be_visible()
    page.locator(".words-of a", has_text="35 mm").first.click()
    page.locator(".words-of a", has_text="at night").click()
    expect(page.locator("#list-time")).to_be_visible()
    expect(page.locator("#panel-light-toggle")).to_be_focused()


def test_a_list_is_searched_and_walked_by_keys_and_stays_where_it_is(
    open_page: Opener, eliot: Eliot
) -> None:
    page = open_page()
    studio(page, eliot, f"{RUNNER}&open=moods")
    page.locator("#find-moods").fill("e")
    expect(page.locator("#list-moods > li:not([hidden])").nth(30)).to_be_attached()
    page.locator("#list-moods").evaluate("list => { list.scrollTop = 400 }")
    third = page.locator("#list-moods > li:not([hidden]) .choice").nth(12)
    third.focus()
    page.keyboard.press("Enter")
    expect(third).to_have_attribute("aria-pressed", "true")
    expect(third).to_be_focused()
    assert page.locator("#list-moods").evaluate("list => list.scrollTop") > 200
    expect(page.locator("#find-moods")).to_have_value("e")
    page.locator("#find-moods").fill("no such mood")
    expect(page.locator("#list-moods > li:not([hidden])")).to_have_count(0)
    page.locator("#find-moods").fill("hopeful")
    page.keyboard.press("Enter")
    expect(panel(page, "mood").locator(".panel-sum")).to_contain_text("Hopeful")
    page.locator("#find-moods").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#list-moods > li:not([hidden]) .choice").first).to_be_focused()


def test_what_is_locked_stays_in_a_shuffle(open_page: Opener, eliot: Eliot) -> None:
    page = open_page()
    studio(page, eliot, RUNNER)
    lens = panel(page, "lens").locator(".panel-sum")
    kept = re.compile("^Panavision C Series · 35 mm")
    expect(lens).to_have_text(kept)
    page.locator("#panel-lens-lock").click()
    expect(page.locator("#panel-lens-lock")).to_have_attribute("aria-pressed", "true")
    page.locator("#main").press("r")
    expect(page.locator("#studio-head .chip")).to_contain_text("changed")
    expect(lens).to_have_text(kept)
    expect(page.locator("#panel-lens-lock")).to_have_attribute("aria-pressed", "true")


def test_an_own_preset_is_saved_found_and_deleted(open_page: Opener, eliot: Eliot) -> None:
    page = open_page()
    studio(page, eliot, f"{RUNNER}&tone=sepia")
    page.locator("#studio-save").click()
    page.get_by_label("Name", exact=True).fill("Sepia rain")
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.locator("#studio-head h2")).to_have_text("Sepia rain")
    expect(card(page, "Sepia rain")).to_be_visible()
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(page.locator("#browser-found")).not_to_contain_text("Sepia rain")


def test_what_is_copied_is_among_the_recent_ones(open_page: Opener, eliot: Eliot) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    studio(page, eliot, "preset=the_lighthouse&scene=two+keepers+in+a+storm")
    toggle(page, "lens")
    expect(page.locator("#list-lens")).to_be_visible()
    expect(page.locator("#recent")).not_to_contain_text("two keepers in a storm")
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.locator("#recent")).to_contain_text("two keepers in a storm")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("two keepers in a storm.")


def test_inside_a_session_the_same_picker_changes_its_form(open_page: Opener, eliot: Eliot) -> None:
    page = open_page()
    steps.begin(page)
    address = page.url
    steps.write(page, "a lighthouse in a storm")
    page.get_by_role("link", name="Compose a shot").click()
    sheet = page.get_by_role("dialog", name="A shot for")
    expect(sheet).to_be_visible()
    expect(page.locator("#scene")).to_have_value("a lighthouse in a storm")
    sheet.get_by_role("button", name="Presets", exact=True).click()
    page.locator("#browser-q").fill("eggers")
    card(page, "The Lighthouse").click()
    expect(page.locator("#studio-head h2")).to_have_text("The Lighthouse")
    expect(page.locator("#written")).to_contain_text("a lighthouse in a storm")
    assert page.url == address
    page.locator("#studio-send").click()
    expect(page.locator("#toasts")).to_contain_text("Generate when you are ready")
    prompt = page.get_by_label("Prompt", exact=True)
    expect(prompt).to_have_value(
        re.compile("a lighthouse in a storm, .*black and white", re.DOTALL)
    )
    expect(page.get_by_role("link", name="Change the shot")).to_be_visible()


def test_a_long_scene_in_any_script_is_a_link(open_page: Opener, eliot: Eliot) -> None:
    page = open_page()
    studio(page, eliot, RUNNER)
    page.locator("#scene").fill("灯" * 2000)
    page.locator("#scene").press("End")
    expect(page.locator("#written")).to_contain_text("灯" * 1400)
    page.reload()
    expect(page.locator("#written")).to_contain_text("灯" * 1400)


def test_without_scripts_it_is_a_form(open_page: Opener, eliot: Eliot) -> None:
    page = open_page(java_script_enabled=False)
    page.goto(f"{eliot.address}/studio/")
    page.locator("#browser-q").fill("cronenweth")
    page.get_by_role("button", name="Filter", exact=True).click()
    card(page, "Blade Runner").click()
    page.locator("#scene").fill("rain on glass")
    page.get_by_role("button", name="Update the prompt").click()
    expect(page.locator("#written")).to_contain_text("rain on glass")
    toggle(page, "mood")
    page.locator("#facet-tone").click()
    row(page, "mood", "Sepia").locator(".choice").click()
    expect(page.locator("#written")).to_contain_text("sepia")
    page.locator("#studio-send").click()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(re.compile("rain on glass"))


@BOTH
def test_axe_finds_nothing_on_the_studio(open_page: Opener, eliot: Eliot, size: str) -> None:
    page = open_page(size)
    for name, query in (
        ("empty", ""),
        ("busy", f"{RUNNER}&body=alexa_mini&open=lens&open=moods&compare=pony&lock=light"),
        ("drawn", "preset=ghibli_classic&open=line&tab=animation"),
        ("nothing found", "q=nobody&lens=unknown"),
    ):
        studio(page, eliot, query)
        found = axe.in_both_themes(page)
        assert (name, found, steps.overflow(page) > 0) == (name, [], False)


def at_once(page: Page, *ids: str) -> None:
    """Press several buttons before any of them can be answered."""
    page.evaluate("ids => ids.forEach(id => document.getElementById(id).click())", list(ids))


def test_presses_that_come_at_once_are_all_done(open_page: Opener, eliot: Eliot) -> None:
    page = open_page()
    studio(page, eliot, f"{RUNNER}&open=tone&open=time&open=size")
    at_once(page, "choice-tone-sepia", "choice-time-dawn", "choice-size-cu", "panel-lens-lock")
    page.locator("#target").select_option(label="SDXL")
    expect(page.get_by_role("region", name="SDXL")).to_be_visible()
    for name, words in (("mood", "Sepia"), ("light", "Dawn"), ("frame", "Close-up")):
        expect(panel(page, name).locator(".panel-sum")).to_contain_text(words)
    expect(page.locator("#panel-lens-lock")).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(re.compile("tone=sepia.*target=sdxl.*lock=lens"))


def test_another_preset_leaves_what_is_locked_and_can_be_undone(
    open_page: Opener, eliot: Eliot
) -> None:
    page = open_page()
    studio(page, eliot, "body=alexa_mini&tone=sepia&lens=cooke_s4&lock=lens")
    pick(page, "cronenweth", "Blade Runner")
    expect(panel(page, "lens").locator(".panel-sum")).to_contain_text("Cooke S4")
    expect(panel(page, "mood").locator(".panel-sum")).to_contain_text("Noir")
    expect(panel(page, "camera").locator(".panel-sum")).to_contain_text("Panaflex Gold")
    expect(card(page, "Blade Runner")).to_have_attribute("aria-current", "true")
    page.locator("#studio-undo").click()
    expect(panel(page, "mood").locator(".panel-sum")).to_contain_text("Sepia")
    expect(panel(page, "camera").locator(".panel-sum")).to_contain_text("ALEXA Mini")
    page.locator("#studio-redo").click()
    expect(page.locator("#studio-head h2")).to_have_text("Blade Runner")
    page.locator("#panel-lens-lock").click()
    page.locator("#studio-back").click()
    expect(panel(page, "lens").locator(".panel-sum")).to_contain_text("Panavision C Series")
    expect(page.locator("#studio-back")).to_have_count(0)


def test_undo_leaves_model_lock_and_words_and_back_leaves_the_words(
    open_page: Opener, eliot: Eliot
) -> None:
    page = open_page()
    studio(page, eliot, f"{RUNNER}&open=tone")
    row(page, "mood", "Sepia").locator(".choice").click()
    expect(panel(page, "mood").locator(".panel-sum")).to_contain_text("Sepia")
    page.locator("#target").select_option(label="SDXL")
    page.locator("#panel-lens-lock").click()
    expect(page.locator("#panel-lens-lock")).to_have_attribute("aria-pressed", "true")
    page.locator("#scene").fill("quite other words")
    expect(page.locator("#written")).to_contain_text("quite other words")
    page.locator("#studio-undo").click()
    expect(panel(page, "mood").locator(".panel-sum")).to_contain_text("Cool and drained")
    expect(page.get_by_role("region", name="SDXL")).to_contain_text("quite other words")
    expect(page.locator("#panel-lens-lock")).to_have_attribute("aria-pressed", "true")
    page.locator("#studio-redo").click()
    expect(panel(page, "mood").locator(".panel-sum")).to_contain_text("Sepia")
    row(page, "mood", "Black and white").locator(".choice").click()
    expect(panel(page, "mood").locator(".panel-sum")).to_contain_text("Black and white")
    page.locator("#scene").fill("the last words")
    expect(page.locator("#written")).to_contain_text("the last words")
    page.go_back()
    expect(panel(page, "mood").locator(".panel-sum")).to_contain_text("Sepia")
    expect(page.locator("#scene")).to_have_value("the last words")
    expect(page.locator("#written")).to_contain_text("the last words")


def test_a_link_brings_its_own_words(open_page: Opener, eliot: Eliot) -> None:
    page = open_page()
    studio(page, eliot, "scene=the+first+words&tone=sepia")
    first = page.url
    page.locator("#scene").fill("quite other words")
    expect(page).to_have_url(re.compile("quite"))
    page.goto(first)
    expect(page.locator("#scene")).to_have_value("the first words")
    page.go_back()
    expect(page.locator("#scene")).to_have_value("quite other words")


def test_enter_in_a_search_takes_what_fits_and_nothing_where_nothing_is_sought(
    open_page: Opener, eliot: Eliot
) -> None:
    page = open_page()
    studio(page, eliot, f"{RUNNER}&open=tone")
    tone = panel(page, "mood").locator(".panel-sum")
    find = page.locator("#find-tone")
    find.press("Enter")
    find.fill("cool and drained")  # which it is
    find.press("Enter")
    page.locator("#browser-q").press("Enter")
    find.fill("sepia")
    find.press("Enter")
    expect(tone).to_contain_text("Sepia")
    expect(page).to_have_url(re.compile("tone=sepia"))
    assert page.evaluate("JSON.parse(sessionStorage['eliot.studio.steps']).at") == 1


def test_focus_stays_near_what_was_pressed(open_page: Opener, eliot: Eliot) -> None:
    page = open_page()
    studio(page, eliot, f"{RUNNER}&body=alexa_mini&open=tone&q=kubrick")
    panel(page, "stock").locator(".way").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#panel-stock-toggle")).to_be_focused()
    page.locator("#clear-tone").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#panel-mood-toggle")).to_be_focused()
    page.get_by_role("button", name="Clear the filters").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#browser-q")).to_be_focused()
    expect(page).not_to_have_url(re.compile("kubrick"))


def test_a_shot_that_is_sent_has_the_last_press_and_is_sent_once(
    open_page: Opener, eliot: Eliot
) -> None:
    page = open_page()
    studio(page, eliot, "scene=a+lamp&open=tone")
    at_once(page, "choice-tone-sepia", "studio-send", "studio-send")
    expect(page.locator("#toasts")).to_contain_text("Generate when you are ready")
    prompt = page.get_by_label("Prompt", exact=True)
    expect(prompt).to_have_value(re.compile("a lamp, .*sepia", re.DOTALL))
    page.goto(f"{eliot.address}/sessions/")
    expect(page.get_by_role("link", name=re.compile("^a lamp"))).to_have_count(1)


def test_a_long_scene_in_any_script_takes_every_press(open_page: Opener, eliot: Eliot) -> None:
    page = open_page()
    studio(page, eliot, f"scene={'灯' * 1500}&open=tone")
    row(page, "mood", "Sepia").locator(".choice").click()
    expect(panel(page, "mood").locator(".panel-sum")).to_contain_text("Sepia")
    pick(page, "cronenweth", "Blade Runner")


def test_an_own_preset_is_deleted_at_its_card_and_what_is_composed_stays(
    open_page: Opener, eliot: Eliot
) -> None:
    page = open_page()
    studio(page, eliot, "scene=kept+words&tone=sepia&target=sdxl")
    page.locator("#studio-save").click()
    page.get_by_label("Name", exact=True).fill("To be deleted")
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.locator("#studio-head h2")).to_have_text("To be deleted")
    expect(page.get_by_role("region", name="SDXL")).to_contain_text("kept words")
    page.get_by_role("button", name="Delete To be deleted").click()
    expect(page.locator("#browser-found")).not_to_contain_text("To be deleted")
    expect(panel(page, "mood").locator(".panel-sum")).to_contain_text("Sepia")
    expect(page.get_by_role("region", name="SDXL")).to_contain_text("kept words")
    expect(page.locator(".messages")).to_contain_text("was deleted")
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(card(page, "To be deleted")).to_be_visible()


def test_inside_a_session_what_was_not_sent_is_there_again(open_page: Opener, eliot: Eliot) -> None:
    page = open_page()
    steps.begin(page)
    page.get_by_role("link", name="Compose a shot").click()
    page.locator("#scene").fill("a scene that nobody sent")
    expect(page.locator("#written")).to_contain_text("a scene that nobody sent")
    page.keyboard.press("Escape")
    expect(page.locator("#sheet")).to_be_hidden()
    page.get_by_role("link", name="Compose a shot").click()
    expect(page.locator("#scene")).to_have_value("a scene that nobody sent")
