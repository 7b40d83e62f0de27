"""Renew the pictures of session and farm page in docs: `.venv/bin/python -m scripts.screenshots`.

They show the real process at work: Eliot is started on a folder of its own with four demo nodes, slowed down, so
that pictures of every state stand beside each other while the shutter is open.
"""

import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from scripts import browser
from tests.browser.process import ROOT, Eliot

FOLDER = ROOT / "docs" / "screenshots"
MOST_BYTES = 600_000
SPEED = 0.4
PROMPT = (
    "a lighthouse on a black rock at first light, the keeper walking home, low mist over the water"
)
NEGATIVE = "text, watermark, tilted horizon, crowd"
KEPT = (1, 3, 6, 9, 10)
DROPPED = (4, 7)
CURRENT = 8
MORE_PROMPTS = (
    "a harbour at night, neon on wet cobbles, a lone figure under an umbrella",
    "a storm wall over a wheat field, the farmhouse lit from within",
)
WORKED_MS = 30_000
HALF_DONE = "bars => bars.filter(bar => bar.value > 45 && bar.value < 90).length"
SETTLED = """async () => {
  await new Promise(requestAnimationFrame);
  const ends = document.getAnimations().filter((one) => one.effect.getComputedTiming().endTime < Infinity);
  await Promise.allSettled(ends.map((one) => one.finished));
}"""
DESK = ViewportSize(width=1440, height=900)
PHONE = ViewportSize(width=390, height=844)


def main() -> int:
    """Take the pictures and say where they are."""
    path = browser.find()
    if path is None:
        print(browser.NO_BROWSER, file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="eliot-screenshots-") as folder:
        eliot = Eliot(Path(folder) / "data", speed=SPEED)
        try:
            eliot.start()
            with sync_playwright() as playwright:
                chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
                _photograph(chromium, eliot.address)
                chromium.close()
        finally:
            eliot.stop()
    return 0


def _photograph(chromium: Browser, address: str) -> None:
    desk = _window(chromium, address, DESK)
    _ask(desk)
    _judge(desk, until=11)
    _take(desk, "session-dark")
    _lighten(desk)
    _take(desk, "session-light")
    phone = _window(chromium, desk.url, PHONE)
    phone.locator(".cell").nth(CURRENT - 1).click()
    phone.evaluate("scrollTo(0, 0)")
    _take(phone, "session-phone")
    _photograph_farm(chromium, address)


def _photograph_farm(chromium: Browser, address: str) -> None:
    """Show the farm at work, a while after much was asked for: some nodes render, one drains."""
    for prompt in MORE_PROMPTS:
        asking = _window(chromium, address, DESK)
        asking.get_by_role("button", name="Draft grid").click()
        asking.wait_for_load_state()
        asking.get_by_label("Prompt", exact=True).fill(prompt)
        asking.locator("#id_count").fill("40")
        asking.locator("#id_steps").fill("30")
        asking.locator("#generate").click()
        expect(asking.locator(".cell")).to_have_count(40)
        asking.context.close()
    page = _window(chromium, f"{address}/farm/", DESK)
    page.wait_for_timeout(WORKED_MS)
    draining = page.get_by_role("article", name="gpu-standard", exact=True)
    draining.get_by_role("button", name="Drain", exact=True).last.click()
    page.locator(".toast [data-close]").click()
    while page.locator(".card progress.bar").evaluate_all(HALF_DONE) < 1:
        page.wait_for_timeout(50)
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    _take(page, "farm-dark")
    _lighten(page)
    page.evaluate("document.activeElement.blur()")
    _take(page, "farm-light")


def _window(chromium: Browser, address: str, size: ViewportSize) -> Page:
    is_phone = size["width"] < 768
    page = chromium.new_context(viewport=size, has_touch=is_phone, is_mobile=is_phone).new_page()
    page.goto(address)
    return page


def _ask(page: Page) -> None:
    """Ask for twenty drafts in the shape of a film still."""
    page.get_by_role("button", name="Draft grid").click()
    page.wait_for_load_state()
    page.get_by_label("Prompt", exact=True).fill(PROMPT)
    page.get_by_label("Negative", exact=True).fill(NEGATIVE)
    page.locator("#id_size").select_option("768x512")
    page.locator("#id_seed").fill("1849203")
    page.locator("#generate").click()
    expect(page.locator(".cell")).to_have_count(20)


def _judge(page: Page, until: int) -> None:
    """Keep and drop as pictures come, until so many are there and others are well on their way."""
    for number in range(1, until + 1):
        cell = page.locator(".cell").nth(number - 1)
        expect(cell.locator(".body")).to_have_class("body is-done", timeout=60_000)
        cell.focus()
        if number in KEPT:
            page.keyboard.press("k")
        elif number in DROPPED:
            page.keyboard.press("d")
    page.locator(".cell").nth(CURRENT - 1).focus()
    while page.locator("progress.bar").evaluate_all(HALF_DONE) < 2:
        page.wait_for_timeout(50)


def _lighten(page: Page) -> None:
    """Change to the light theme, and wait until every color has arrived."""
    page.locator("[data-theme-next]").click()
    page.mouse.move(0, 0)
    page.evaluate(SETTLED)


def _take(page: Page, name: str) -> None:
    """Save what the window shows, with a palette if it would be heavy."""
    shot = Image.open(BytesIO(page.screenshot(caret="initial"))).convert("RGB")
    target = FOLDER / f"{name}.png"
    shot.save(target, optimize=True)
    if target.stat().st_size > MOST_BYTES:
        shot.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(target, optimize=True)
    print(f"{target}: {target.stat().st_size // 1000} kB")


if __name__ == "__main__":
    sys.exit(main())
