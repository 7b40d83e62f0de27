// The studio: searches in lists, words that lead to their panel, undo, what must survive a swap. The page works without.

import { inField, isOff } from "./keys.js";
import { patch } from "./patch.js";

const { htmx } = window;
const isWhole = document.body.classList.contains("studio-page"); // else it is inside a session
// Looked up when they are needed: inside a session the picker comes and goes.
const formNow = () => document.getElementById("studio");
const sceneNow = () => document.getElementById("scene").value;

// Asking ------------------------------------------------------------------------------------------------
// One request at a time, each made of the form as it is when its turn comes: what two presses ask for is both done, and
// no late reply undoes a newer one.
const page = () => formNow().action;
const waiting = [];
let isBusy = false;

/** Do `run` when nothing is under way; of two that bear one name the later counts. `run` may return a promise. */
function inTurn(run, name) {
  const same = name ? waiting.findIndex((one) => one.name === name) : -1;
  if (same >= 0) waiting.splice(same, 1);
  waiting.push({ run, name });
  next();
}

async function next() {
  if (isBusy || !waiting.length) return;
  isBusy = true;
  try {
    await waiting.shift().run();
  } catch { /* said by a toast */ }
  isBusy = false;
  next();
}

function ask(pairs) {
  const query = new URLSearchParams([...pairs]);
  return htmx.ajax("GET", `${page()}?${query}`, { source: "#stack", target: "#stack", swap: "none" });
}

const state = (button) => new FormData(formNow(), button);

// A press, with the button as it stands when its turn comes: a reply before it may have taken it away.
function press(button) {
  const { id } = button;
  const place = button.closest(".panel");
  inTurn(async () => {
    const again = id ? document.getElementById(id) : button;
    if (!again?.isConnected) return;
    await ask(state(again));
    const lost = !document.activeElement || document.activeElement === document.body;
    if (lost && place) document.getElementById(`${place.id}-toggle`)?.focus({ preventScroll: true });
  });
}

document.addEventListener("submit", (event) => {
  if (event.target.id !== "studio") return;
  event.preventDefault();
  if (event.submitter?.name) press(event.submitter);
});

// A double click is one press.
document.addEventListener("click", (event) => {
  if (event.detail > 1 && event.target.closest("#stack :is(.choice, .way)")) event.preventDefault();
});

let typing;
document.addEventListener("input", ({ target }) => {
  if (target.id !== "scene") return;
  clearTimeout(typing);
  typing = setTimeout(() => inTurn(() => ask([...state(), ["typing", "1"]]), "typing"), 250);
});

document.addEventListener("change", ({ target }) => {
  if (target.id === "target" || target.id === "compare") inTurn(() => ask(state()), target.id);
});

// The address of a shot is long: once is enough.
document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (formNow() && new URL(detail.path, location.href).pathname.startsWith(new URL(page()).pathname)) {
    delete detail.headers["HX-Current-URL"];
  }
});

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
    const left = `#${target.dataset.find} > li:not([hidden], .is-chosen)`;
    const first = document.querySelector(`${left}:not(.is-out) .choice`) ?? document.querySelector(`${left} :is(.way, .choice)`);
    if (target.value.trim()) first?.click();
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
const MOST_STEPS = 500;
const undo = () => document.getElementById("studio-undo");
const redo = () => document.getElementById("studio-redo");
let { steps, at, scene: sceneBefore } = isWhole ? remembered() : { steps: [], at: 0 };

// A page that comes back is the step with its address, of several the one next to where we were (htmx takes what an entry
// of the browser's history could remember); one that comes new is the step after the last.
function remembered() {
  const here = location.pathname + location.search;
  try {
    const { steps: known = [], at: last = -1, scene } = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
    const places = known.flatMap((step, place) => (step === here ? [place] : []));
    const [place] = places.sort((one, other) => Math.abs(one - last) - Math.abs(other - last));
    if (place !== undefined) return { steps: known, at: place, scene };
    if (known.length && known.length < MOST_STEPS) return { steps: [...known.slice(0, last + 1), here], at: last + 1 };
  } catch { /* of an older version */ }
  return { steps: [here], at: 0 };
}

function remember() {
  sessionStorage.setItem(KEPT, JSON.stringify({ steps, at, scene: sceneNow() }));
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

// Only choices are undone: scene, models, locks and what is open stay as they are.
const AROUND = /^(scene|target|compare|lock|open|session|inside|tab|q|era|mood|light|shape|sort|material)$/;

document.addEventListener("click", (event) => {
  const by = Number(event.target.closest("[data-step]")?.dataset.step ?? 0);
  if (!by) return;
  inTurn(() => {
    if (!steps[at + by]) return undefined;
    at += by;
    const choices = [...new URL(steps[at], location.href).searchParams].filter(([name]) => !AROUND.test(name));
    return ask([...choices, ...[...state()].filter(([name]) => AROUND.test(name))]);
  });
});

// What is filtered belongs to the address, and is no step.
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (!isWhole || !detail.pathInfo?.requestPath.startsWith(document.getElementById("browser")?.dataset.url ?? "-")) return;
  const url = new URL(location.href);
  for (const field of document.querySelectorAll("#browser :is(select, input[type=search], input:checked)")) {
    if (field.value && field.id !== "tab-film") url.searchParams.set(field.name, field.value);
    else url.searchParams.delete(field.name);
  }
  history.replaceState(history.state, "", url);
  steps[at] = location.pathname + location.search;
  remember();
  if (document.activeElement === document.body) document.getElementById("browser-q")?.focus();
});

// What leaves the page takes the scene as it stands -------------------------------------------------------------
document.addEventListener("submit", (event) => {
  const { target } = event;
  if (!target.matches("[data-scene]")) return;
  if (isBusy || waiting.length || target.dataset.sent) {
    event.preventDefault();
    if (!target.dataset.sent) inTurn(() => { setTimeout(() => target.requestSubmit()); });
    return;
  }
  target.dataset.sent = "1"; // one press is one session, however often
  if (!isWhole) sessionStorage.removeItem(composed());
  const field = target.elements.namedItem("scene");
  field.disabled = false;
  field.value = sceneNow();
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("[data-scene]")) delete form.dataset.sent;
});

// Inside a session what is composed and not sent is there again when the sheet is opened anew.
const composed = () => `eliot.studio.in.${state().get("session")}`;

function keepComposed() {
  if (!isWhole && formNow()) sessionStorage.setItem(composed(), new URLSearchParams(state()).toString());
}

document.addEventListener("htmx:afterSettle", keepComposed);
document.addEventListener("input", ({ target }) => { if (target.id === "scene") keepComposed(); });
document.addEventListener("htmx:configRequest", ({ detail }) => {
  const slug = detail.elt.dataset.composed;
  const kept = slug && sessionStorage.getItem(`eliot.studio.in.${slug}`);
  if (kept) detail.parameters.shot = kept;
});

document.addEventListener("click", ({ target }) => {
  if (!target.closest("[data-used]")) return;
  const shot = document.querySelector("#written input[name=shot]").value;
  htmx.ajax("POST", formNow().dataset.note, { target: "#recent", swap: "outerHTML", values: { shot, scene: sceneNow() } });
});

// The card that is chosen, whoever chose it.
function markPreset() {
  const chosen = document.querySelector("#studio-state input[name=preset]")?.value;
  for (const card of document.querySelectorAll("#browser button[name=pick]")) {
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
  if (target.id !== "studio" || submitter?.name !== "pick") return;
  const drawer = document.getElementById("presets");
  if (drawer.matches(":popover-open")) drawer.hidePopover();
});

// Keys ------------------------------------------------------------------------------------------------------
const KEYS = { s: "studio-send", r: "studio-shuffle" };

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (!isWhole || event.defaultPrevented || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
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
  const field = document.getElementById("scene");
  const [{ type }] = performance.getEntriesByType("navigation"); // Back among our steps reloads; a link tells its own words
  if (type === "reload" && sceneBefore !== undefined && sceneBefore !== field.value) {
    field.value = sceneBefore; // Back undoes choices, and no words
    inTurn(() => ask([...state(), ["typing", "1"]]), "typing");
  }
  remember();
  showChosen();
  for (const list of document.querySelectorAll(".list")) showChoice(list);
}
