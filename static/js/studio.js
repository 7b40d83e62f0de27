// The studio: searches in lists, words that lead to their panel, undo, what must survive a swap. The page works without.

import { inField, isOff } from "./keys.js";
import { patch } from "./patch.js";

const { htmx } = window;
const isWhole = document.body.classList.contains("studio-page"); // else it is inside a session
// Looked up when they are needed: inside a session the picker comes and goes.
const formNow = () => document.getElementById("studio");
const sceneNow = () => document.getElementById("scene").value;

// Swaps keep their place ---------------------------------------------------------------------------------
const PATCHED = new Set(["studio-head", "studio-about", "stack", "written"]);

// What somebody has typed into a search, and how far a list is scrolled.
function placesIn(root) {
  const typed = [...root.querySelectorAll("[data-find]")].map(({ id, value }) => ({ id, value }));
  const scrolled = [...root.querySelectorAll(".list")].map(({ id, scrollTop }) => ({ id, scrollTop }));
  return () => {
    for (const { id, ...place } of [...typed, ...scrolled]) Object.assign(document.getElementById(id) ?? {}, place);
    const known = new Set(scrolled.map(({ id }) => id));
    for (const list of document.querySelectorAll(".list")) if (!known.has(list.id)) showChoice(list);
    for (const find of document.querySelectorAll("[data-find]")) search(find);
    showSteps();
  };
}

// A list that has just been opened begins where its choice is.
function showChoice(list) {
  const chosen = list.querySelector(".is-chosen");
  if (chosen) list.scrollTop = chosen.offsetTop - list.clientHeight / 3;
}

document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target, fragment } = event.detail;
  const fresh = fragment.firstElementChild;
  if (!PATCHED.has(target.id) || !fresh) return;
  const restore = placesIn(target);
  if (target.querySelector(".about[open]")) fresh.querySelector(".about")?.setAttribute("open", "");
  fresh.removeAttribute("hx-swap-oob");
  if (patch(target, fresh)) event.detail.shouldSwap = false;
  queueMicrotask(restore);
});

// Lists --------------------------------------------------------------------------------------------------
function search(find) {
  const list = document.getElementById(find.dataset.find);
  if (!list) return;
  const wanted = find.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const item of list.children) {
    if (!item.dataset.words) continue;
    item.hidden = !wanted.every((word) => item.dataset.words.includes(word));
    found += item.hidden ? 0 : 1;
  }
  list.classList.toggle("is-none", !found);
}

document.addEventListener("input", ({ target }) => {
  if (target.matches("[data-find]")) search(target);
});

// Arrow keys walk through a list; Enter in its search takes the first that is left.
document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  if (key === "Enter" && target.matches("[data-find]")) {
    event.preventDefault();
    document.querySelector(`#${target.dataset.find} > li:not([hidden]) .choice`)?.click();
  }
  const list = target.closest?.(".list") ?? (target.dataset?.find && document.getElementById(target.dataset.find));
  if (!list || (key !== "ArrowDown" && key !== "ArrowUp")) return;
  const choices = [...list.querySelectorAll("li:not([hidden]) .choice")];
  const at = choices.indexOf(target.closest(".choice") ?? target.closest("li")?.querySelector(".choice"));
  const next = choices[at + (key === "ArrowDown" ? 1 : -1)];
  if (!next) return;
  event.preventDefault();
  next.focus();
});

// A field that opens is looked at ---------------------------------------------------------------------------
let awaited = "";

function openField(panel, field) {
  const section = document.getElementById(`panel-${panel}`);
  if (!section) return;
  awaited = panel;
  const facet = document.getElementById(`facet-${field}`);
  const toggle = document.getElementById(`panel-${panel}-toggle`);
  if (facet && facet.getAttribute("aria-pressed") === "false") facet.click();
  else if (!facet && toggle.getAttribute("aria-expanded") === "false") {
    if (field) toggle.value = field;
    toggle.click();
  } else look();
}

function look() {
  const toggle = awaited && document.getElementById(`panel-${awaited}-toggle`);
  awaited = "";
  if (!toggle) return;
  toggle.closest("section").scrollIntoView({ block: "nearest" });
  toggle.focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-panel]");
  if (!link || event.metaKey || event.ctrlKey) return;
  event.preventDefault();
  openField(link.dataset.panel, link.dataset.field);
});
document.addEventListener("htmx:afterSettle", () => { if (awaited) look(); });

// Undo and redo of choices: the addresses that were pushed, the scene as it is ----------------------------------
const KEPT = "eliot.studio.steps";
const undo = () => document.getElementById("studio-undo");
const redo = () => document.getElementById("studio-redo");
let { steps, at } = remembered();

function remembered() {
  const here = location.pathname + location.search;
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
    const place = (kept.steps ?? []).lastIndexOf(here);
    if (place >= 0) return { steps: kept.steps, at: place };
  } catch { /* of an older version */ }
  return { steps: [here], at: 0 };
}

function remember() {
  sessionStorage.setItem(KEPT, JSON.stringify({ steps: steps.slice(-50), at }));
  showSteps();
}

function showSteps() {
  for (const [button, can] of [[undo(), at > 0], [redo(), at < steps.length - 1]]) {
    button?.setAttribute("aria-disabled", String(!can));
  }
}

document.addEventListener("htmx:pushedIntoHistory", () => {
  if (!isWhole) return;
  steps = [...steps.slice(0, at + 1), location.pathname + location.search];
  at = steps.length - 1;
  remember();
});
document.addEventListener("htmx:replacedInHistory", () => {
  if (!isWhole) return;
  steps[at] = location.pathname + location.search;
  remember();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-step]");
  const next = at + Number(button?.dataset.step ?? 0);
  if (!button || next === at || !steps[next]) return;
  at = next;
  const url = new URL(steps[at], location.href);
  url.searchParams.delete("scene");
  if (sceneNow()) url.searchParams.set("scene", sceneNow());
  htmx.ajax("GET", url.pathname + url.search, { source: "#studio-undo", target: "#stack", swap: "none" });
});

// What leaves the page takes the scene as it stands -------------------------------------------------------------
document.addEventListener("submit", ({ target }) => {
  if (!target.matches("[data-scene]")) return;
  const field = target.elements.namedItem("scene");
  field.disabled = false;
  field.value = sceneNow();
});

document.addEventListener("click", ({ target }) => {
  if (!target.closest("[data-used]")) return;
  const shot = document.querySelector("#written input[name=shot]").value;
  htmx.ajax("POST", formNow().dataset.note, { target: "#recent", swap: "outerHTML", values: { shot, scene: sceneNow() } });
});

// The card that is chosen, whoever chose it.
function markPreset() {
  const chosen = document.querySelector("#studio-state input[name=preset]")?.value;
  for (const card of document.querySelectorAll("#browser button[name=preset]")) {
    if (card.value === chosen) card.setAttribute("aria-current", "true");
    else card.removeAttribute("aria-current");
  }
}

document.addEventListener("htmx:afterSettle", markPreset);

// Where the list begins when the page comes: only the list itself moves.
function showChosen() {
  const card = document.querySelector("#browser [aria-current]");
  const places = [document.getElementById("browser-found"), document.getElementById("presets")];
  const scroller = places.find((one) => one.scrollHeight > one.clientHeight + 1);
  if (!card || !scroller) return;
  const { top, height } = scroller.getBoundingClientRect();
  scroller.scrollTop += card.getBoundingClientRect().top - top - height / 3;
}

document.addEventListener("toggle", ({ target, newState }) => {
  if (target.id === "presets" && newState === "open") showChosen();
}, true);

// A picked preset closes the drawer in which it stood.
document.addEventListener("submit", ({ target, submitter }) => {
  if (target.id !== "studio" || submitter?.name !== "preset") return;
  const drawer = document.getElementById("presets");
  if (drawer.matches(":popover-open")) drawer.hidePopover();
});

// Keys ------------------------------------------------------------------------------------------------------
const KEYS = { s: "studio-send", r: "studio-shuffle" };

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (!isWhole || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (inField(target) || isOff(key)) return;
  if (document.querySelector("dialog[open], [popover]:popover-open:not(#presets)")) return;
  if (key === "/") {
    event.preventDefault();
    document.querySelector("#browser input[type=search]")?.focus();
  } else if (KEYS[key]) {
    event.preventDefault();
    document.getElementById(KEYS[key]).click();
  }
});

if (isWhole) {
  showSteps();
  showChosen();
  for (const list of document.querySelectorAll(".list")) showChoice(list);
}
