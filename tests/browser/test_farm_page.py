"""The farm page in a real browser: add a node, drain, resume, read what is wrong with a dead one."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, Route, WebSocketRoute, expect

from tests.browser import axe, steps
from tests.browser.conftest import Opener
from tests.browser.process import ROOT, Eliot
from tests.farm.rig import wait_until


class Rig:
    """One more ComfyUI on this machine, that Eliot does not know yet."""

    def __init__(self, folder: Path) -> None:
        self.port = _free_port()
        command = [sys.executable, "manage.py", "demo_node", "--name", "rig", "--vram-gb", "8"]
        options = ["--families", "sd15,upscale", "--speed", "8", "--monitor", "crystools"]
        self._process = subprocess.Popen(
            [*command, *options, "--port", str(self.port), "--folder", str(folder / "rig")],
            cwd=ROOT,
            env={**os.environ, "ELIOT_DATA": str(folder / "data")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def wait(self) -> None:
        """Wait until it answers."""

        def answers() -> bool:
            try:
                return httpx.get(f"http://{self.address}/prompt", trust_env=False).is_success
            except httpx.HTTPError:
                return False

        wait_until(answers)

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    made.wait()
    yield made
    made.kill()


def farm(page: Page, eliot: Eliot) -> None:
    page.goto(f"{eliot.address}/farm/")
    expect(page.locator("article.card").first).to_be_visible()


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("article", name=name, exact=True)


def button(page: Page, name: str, label: str) -> Locator:
    """A button at the foot of a node's card."""
    return card(page, name).get_by_role("group").get_by_role("button", name=label, exact=True)


def choose(page: Page, name: str, label: str) -> None:
    """Choose from a node's menu."""
    card(page, name).get_by_label(f"More for {name}").click()
    card(page, name).locator(".menu[open]").get_by_text(label, exact=True).click()


def says(page: Page, words: str) -> None:
    expect(page.locator("#toasts")).to_contain_text(words)


def test_a_node_is_added_by_its_address_works_dies_and_says_so(
    open_page: Opener, eliot: Eliot, rig: Rig
) -> None:
    page = open_page()
    farm(page, eliot)
    page.get_by_role("link", name="Add node").click()
    page.get_by_label("Address").fill(rig.address)
    page.get_by_role("button", name="Look there").click()
    expect(page.locator("#found")).to_contain_text("A ComfyUI answers at")
    expect(page.locator("#found")).to_contain_text("SD 1.5")
    assert axe.in_both_themes(page) == []
    page.get_by_label("Name").fill("rig")
    page.get_by_role("button", name="Add this node").click()
    expect(card(page, "rig")).to_contain_text("Ready")
    says(page, "rig is added.")
    rig.kill()
    choose(page, "rig", "Look at it now")
    trouble = card(page, "rig").locator(".is-trouble")
    expect(trouble).to_contain_text(f"Nothing listens at {rig.address}")
    expect(trouble).to_contain_text("Start ComfyUI on it")
    expect(card(page, "rig")).to_contain_text("Offline")
    expect(button(page, "rig", "Try now")).to_be_visible()
    assert axe.in_both_themes(page) == []
    choose(page, "rig", "Remove")
    expect(card(page, "rig")).to_have_count(0)
    says(page, "rig is removed.")


def test_a_node_drains_and_takes_work_again_and_the_focus_stays(
    open_page: Opener, eliot: Eliot
) -> None:
    page = open_page()
    farm(page, eliot)
    button(page, "gpu-draft", "Drain").focus()
    page.keyboard.press("Enter")
    expect(card(page, "gpu-draft")).to_contain_text("Draining")
    expect(page.locator("#farm-totals")).to_contain_text("1 draining")
    expect(button(page, "gpu-draft", "Resume")).to_be_focused()
    page.keyboard.press("Enter")
    expect(button(page, "gpu-draft", "Drain")).to_be_focused()
    expect(page.locator("#farm-totals")).not_to_contain_text("draining")


def test_what_renders_is_seen_on_its_card_and_an_open_menu_stays_open(
    open_page: Opener, eliot: Eliot
) -> None:
    page = open_page()
    steps.ask(page, count=40, steps=steps.SLOW_STEPS)  # axe takes its time
    session = page.url
    farm(page, eliot)
    busy = page.locator("article.card", has=page.locator(".is-work")).first
    expect(busy.locator(".doing")).to_contain_text(re.compile(r"step \d+ of \d+"))
    busy.locator("summary").click()
    before = busy.locator(".doing").inner_text()
    expect(busy.locator(".doing")).not_to_have_text(before, use_inner_text=True)
    expect(busy.locator(".menu")).to_have_attribute("open", "")
    page.keyboard.press("Escape")
    assert axe.in_both_themes(page) == []
    page.goto(session)
    # What is left, if anything is.
    page.evaluate("document.getElementById('cancel-batch')?.click()")
    expect(page.locator("#cancel-batch")).to_have_count(0)


def test_all_are_paused_and_go_on(open_page: Opener, eliot: Eliot) -> None:
    page = open_page()
    farm(page, eliot)
    page.get_by_role("button", name="Pause all nodes").click()
    expect(page.locator("#farm-totals")).to_contain_text("4 paused")
    expect(page.locator("#banner")).to_contain_text("All nodes are paused.")
    page.locator("#for-all-pause").click()
    expect(page.locator("#farm-totals")).not_to_contain_text("paused")
    expect(page.locator("#banner")).not_to_contain_text("paused")


def test_hours_are_set_in_a_sheet_and_a_wrong_one_says_why(open_page: Opener, eliot: Eliot) -> None:
    page = open_page(expected=["422"])
    farm(page, eliot)
    choose(page, "gpu-standard", "Hours and sleep")
    sheet = page.locator("#sheet")
    for day in ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"):
        sheet.get_by_label(day).check()
    sheet.get_by_role("button", name="Save").click()
    expect(sheet).to_contain_text("Say from when until when.")
    assert axe.in_both_themes(page) == []
    sheet.get_by_label("From").fill("00:00")
    sheet.get_by_label("Until").fill("00:00")
    sheet.get_by_role("button", name="Save").click()
    expect(card(page, "gpu-standard")).to_contain_text("Reserved")
    choose(page, "gpu-standard", "Hours and sleep")
    for day in ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"):
        sheet.get_by_label(day).uncheck()
    sheet.get_by_label("From").fill("")
    sheet.get_by_label("Until").fill("")
    sheet.get_by_role("button", name="Save").click()
    expect(card(page, "gpu-standard")).to_contain_text("Ready")


def test_what_happens_comes_on_top_of_the_log(open_page: Opener, eliot: Eliot) -> None:
    page, other = open_page(), open_page()
    page.goto(f"{eliot.address}/farm/log/")
    farm(other, eliot)
    button(other, "gpu-draft", "Drain").click()
    first = page.locator("#events > .event").first
    expect(first).to_contain_text("gpu-draft drains")
    button(other, "gpu-draft", "Resume").click()
    expect(first).to_contain_text("gpu-draft takes work again")
    assert axe.in_both_themes(page) == []
    page.locator("select[name=node]").select_option(label="gpu-draft")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#events > .event").first).to_contain_text("gpu-draft")
    with page.expect_download() as saved:
        page.get_by_role("link", name="jsonl").click()
    assert "gpu-draft" in saved.value.path().read_text(encoding="utf-8")


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_nothing_on_the_farms_pages_is_out_of_reach(
    open_page: Opener, eliot: Eliot, size: str
) -> None:
    page = open_page(size)
    for path in ("/farm/", "/farm/log/", "/farm/nodes/add/", "/farm/nodes/find/"):
        page.goto(f"{eliot.address}{path}")
        assert axe.in_both_themes(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_nodes_are_found_among_typed_addresses(open_page: Opener, eliot: Eliot, rig: Rig) -> None:
    page = open_page()
    page.goto(f"{eliot.address}/farm/nodes/find/")
    page.get_by_label("Addresses and ranges").fill(f"{rig.address}, 127.0.0.1-3:{_free_port()}")
    page.get_by_role("button", name="Look at these").click()
    expect(page.locator("#search")).to_contain_text("1 node found among 4 addresses.")
    assert axe.in_both_themes(page) == []
    page.locator("#search").get_by_role("link", name="Add").click()
    expect(page.get_by_role("button", name="Add this node")).to_be_visible()


def test_each_button_of_a_card_keeps_the_focus(open_page: Opener, eliot: Eliot) -> None:
    page = open_page()
    farm(page, eliot)
    for before, after in (("Pin", "Unpin"), ("Unpin", "Pin"), ("Benchmark", "End benchmark")):
        button(page, "gpu-premium", before).focus()
        page.keyboard.press("Enter")
        expect(button(page, "gpu-premium", after)).to_be_focused()
    page.keyboard.press("Enter")
    expect(button(page, "gpu-premium", "Benchmark")).to_be_focused()


def test_a_reply_that_comes_late_is_corrected(open_page: Opener, eliot: Eliot) -> None:
    page = open_page()
    farm(page, eliot)
    drain = f"**{button(page, 'gpu-premium', 'Drain').get_attribute('hx-post')}"

    def hold(route: Route) -> None:
        """Keep the reply until somebody else has undone what it says, and the page knows that."""
        reply = route.fetch()
        expect(button(page, "gpu-premium", "Resume")).to_be_visible()
        undo = route.request.url.replace("drain", "resume")
        assert page.context.request.post(undo, headers=route.request.headers).ok
        expect(button(page, "gpu-premium", "Drain")).to_be_visible()
        route.fulfill(response=reply)

    page.route(drain, hold)
    with page.expect_response(drain):
        button(page, "gpu-premium", "Drain").click()
    expect(page.locator("#toasts .toast")).to_contain_text("takes nothing new")
    expect(button(page, "gpu-premium", "Drain")).to_be_visible()


def test_what_waits_for_an_open_menu_undoes_nothing_newer(open_page: Opener, eliot: Eliot) -> None:
    page = open_page()
    sockets: list[WebSocketRoute] = []
    # The test speaks for Eliot.
    page.route_web_socket(re.compile("/ws/"), lambda socket: sockets.append(socket))
    farm(page, eliot)
    wait_until(lambda: page.evaluate("true") and sockets)
    title = card(page, "gpu-draft").locator(".card-title")
    word = title.locator(".word")
    expect(word).to_have_text("Ready")
    html = title.evaluate("(title) => title.outerHTML")

    def comes(said: str) -> None:
        part = html.replace("<div ", '<div hx-swap-oob="true" ', 1)
        sockets[-1].send(part.replace(">Ready<", f">{said}<"))

    comes("Offline")
    expect(word).to_have_text("Offline")  # what is sent so arrives
    card(page, "gpu-draft").get_by_label("More for gpu-draft").click()
    comes("Loading")
    page.keyboard.press("Escape")
    comes("Rendering")
    expect(word).to_have_text("Rendering")
    page.wait_for_timeout(1500)  # longer than anything waits
    expect(word).to_have_text("Rendering")


def test_toasts_do_not_pile_up(open_page: Opener, eliot: Eliot) -> None:
    page = open_page()
    farm(page, eliot)
    for label in ("Pin", "Unpin", "Pin", "Unpin", "Pin", "Unpin"):
        button(page, "gpu-premium", label).click()
        shown = "is shown first" if label == "Pin" else "gpu-premium"
        expect(page.locator("#toasts .toast").last).to_contain_text(shown)
    expect(page.locator("#toasts .toast")).to_have_count(3)
