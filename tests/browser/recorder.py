"""Notes what a page showed in passing: states of cells, counts, the strip, and what was announced."""

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page

_SCRIPT = """() => {
  const seen = { cells: [], done: [], strip: [], said: [] };
  window.seenByTest = seen;
  const last = {};
  const note = (list, name, value) => {
    if (value === undefined || last[name] === value) return;
    last[name] = value;
    list.push(value);
  };
  const look = () => {
    for (const bar of document.querySelectorAll("#grid .progress")) {
      const cell = bar.closest(".cell");
      const word = bar.querySelector(".word")?.textContent.trim();
      const percent = bar.querySelector("progress")?.value;
      const node = cell.querySelector(".tag")?.textContent.trim() ?? "";
      note(seen.cells, cell.id, JSON.stringify([cell.id, word, percent, node]));
    }
    note(seen.done, "done", document.getElementById("batch")?.dataset.done);
    note(seen.said, "said", document.getElementById("status")?.textContent.trim());
    for (const node of document.querySelectorAll("#strip .node")) {
      note(seen.strip, node.id, node.querySelector(".word").textContent.trim());
    }
  };
  look();
  seen.said.length = 0;
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
}"""


@dataclass(frozen=True)
class Seen:
    """``cells`` are (id, state word, percent, node), the rest texts, all in the order of appearance."""

    cells: list[list[Any]]
    done: list[int]
    strip: list[str]
    said: list[str]

    def rendering(self) -> list[list[Any]]:
        """Moments at which a picture was between its first and last step."""
        return [one for one in self.cells if one[1] == "Sampling" and 0 < one[2] < 100]


def record(page: Page) -> None:
    """Begin to take notes; a new page begins anew."""
    page.evaluate(_SCRIPT)


def recorded(page: Page) -> Seen:
    found = page.evaluate(
        "() => ({...seenByTest, cells: seenByTest.cells.map(JSON.parse), done: seenByTest.done.map(Number)})"
    )
    return Seen(
        found["cells"], found["done"], found["strip"], [one for one in found["said"] if one]
    )
