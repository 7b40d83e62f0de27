// Keys of the grid: one tab stop that roves, arrows, single letters that act on the current picture.
// Announces the current cell as "eliot:current" on the cell itself.

import { inField, isOff } from "./keys.js";
import { say } from "./say.js";

const grid = document.getElementById("grid");
const ACTS = { k: "keep", d: "drop", u: "clear", w: "why", " ": "large", Enter: "large" };
const PAGE_KEYS = { g: "g", c: "c" };

let current = null;

const cells = () => [...grid.querySelectorAll(".cell")];
const columns = () => getComputedStyle(grid.querySelector(".window")).gridTemplateColumns.split(" ").length;

// Only the current cell, and what is in it, can be reached by Tab.
function setStop(cell, isStop) {
  cell.tabIndex = isStop ? 0 : -1;
  for (const inner of cell.querySelectorAll("a, button")) inner.tabIndex = isStop ? 0 : -1;
}

function makeCurrent(cell, chosen = true) {
  if (current && current !== cell) {
    setStop(current, false);
    delete current.dataset.current;
  }
  current = cell;
  setStop(cell, true);
  if (!chosen) return;
  cell.dataset.current = "";
  cell.dispatchEvent(new CustomEvent("eliot:current", { bubbles: true }));
}

function tend(root) {
  for (const cell of root.matches?.(".cell") ? [root] : root.querySelectorAll(".cell")) setStop(cell, cell === current);
  const around = root.closest?.(".cell");
  if (around) setStop(around, around === current);
}

function move(step) {
  const all = cells();
  const at = all.indexOf(current);
  const next = all[Math.max(0, Math.min(all.length - 1, at + step))];
  if (!next) return;
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

const STEPS = {
  ArrowRight: () => (document.dir === "rtl" ? -1 : 1),
  ArrowLeft: () => (document.dir === "rtl" ? 1 : -1),
  ArrowDown: () => columns(),
  ArrowUp: () => -columns(),
  PageDown: () => 3 * columns(),
  PageUp: () => -3 * columns(),
  Home: () => -Infinity,
  End: () => Infinity,
};

function act(name) {
  if (!current?.isConnected) return;
  const button = current.querySelector(`[data-act="${name}"]`);
  if (button) button.click();
  else if (name !== "clear") say(grid.dataset.said);
}

const isBusy = () => Boolean(document.querySelector("dialog[open], [popover]:popover-open, details.menu[open]"));

// Nothing that wants keys of its own has the focus.
const isNowhere = (target) => target === document.body || target.id === "main" || target === grid;

// A key that acts on a picture while none is chosen says so where people look, too.
function askForOne() {
  const tray = document.getElementById("toasts");
  if (tray.querySelector("[data-hint]")) return;
  const hint = document.getElementById("choose-first").content.querySelector(".toast").cloneNode(true);
  hint.dataset.hint = "";
  tray.append(hint);
}

function onGridKey(event) {
  const step = STEPS[event.key];
  const onCell = event.target === current;
  if (step && (onCell || grid.contains(event.target))) {
    event.preventDefault();
    move(step());
  } else if (step && isNowhere(event.target) && current && event.key.startsWith("Arrow")) {
    event.preventDefault();
    current.focus();
  }
  return Boolean(step);
}

// Space and Enter belong to the button or link that has the focus.
function isTaken(event) {
  return [" ", "Enter"].includes(event.key) && event.target !== current && event.target !== document.body;
}

function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (inField(event.target) || isBusy() || onGridKey(event)) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (isOff(key) || isTaken(event)) return;
  if (PAGE_KEYS[key]) {
    event.preventDefault();
    document.querySelector(`[data-key="${PAGE_KEYS[key]}"]`)?.click();
  } else if (ACTS[key] && current && "current" in current.dataset) {
    event.preventDefault();
    if (!event.repeat) act(ACTS[key]);
  } else if (ACTS[key] && key !== "Enter" && isNowhere(event.target) && cells().length) {
    event.preventDefault();
    askForOne();
  }
}

function start() {
  tend(grid);
  const linked = document.querySelector(location.hash.startsWith("#cell-") ? location.hash : null);
  const first = linked ?? cells()[0];
  if (first) makeCurrent(first, Boolean(linked));
  if (linked) linked.focus();
}

if (grid) {
  start();
  document.addEventListener("keydown", onKey);
  grid.addEventListener("focusin", (event) => {
    const cell = event.target.closest(".cell");
    if (cell && (cell !== current || !("current" in cell.dataset))) makeCurrent(cell);
  });
  grid.addEventListener("pointerdown", (event) => {
    const cell = event.target.closest(".cell");
    if (cell && !event.target.closest("a, button")) cell.focus({ preventScroll: true });
  });
  grid.addEventListener("dblclick", (event) => {
    if (event.target.closest(".shot")) event.target.closest(".cell").querySelector('[data-act="large"]')?.click();
  });
  document.addEventListener("htmx:load", (event) => {
    if (!grid.contains(event.target)) return;
    tend(event.target);
    if (!current?.isConnected && cells()[0]) makeCurrent(cells()[0], false);
  });
}
