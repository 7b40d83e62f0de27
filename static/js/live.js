// The living page: one socket with its cursor, what it must not disturb (focus, a press under way), previews, announcements.

import { patch } from "./patch.js";

const RETRY_BY_US = new Set([1000, 1001, 1005]); // codes after which hx-ws itself gives up
const BADGE_AFTER_MS = 1500;
const PRESS_LIMIT_MS = 1500;
const LATER_MS = 1000;
const FADE_MS = 240;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const MILESTONES = [25, 50, 75, 100];
const { htmx } = window;
const status = document.getElementById("status");
const socketElt = document.getElementById("live");

// The socket ------------------------------------------------------------------------------------------
let socket; // the page's own; one that was replaced no longer counts
let wrapper; // hx-ws's handle on it

// Each connection names the last event that the page has, so that it gets what changed since.
htmx.createWebSocket = (address) => {
  const url = new URL(address, location.href);
  const cursor = document.getElementById("cursor");
  if (cursor) url.searchParams.set("since", cursor.value || cursor.getAttribute("value"));
  socket = new WebSocket(url);
  return socket;
};

// Soon at first, and at least every few seconds: a restart takes no longer.
const delay = (tries) => 250 + Math.random() * Math.min(4000, 500 * 2 ** tries);
htmx.config.wsReconnectDelay = delay;

let leaving = false;
let badgeTimer;
let tries = 0;

function connected({ detail }) {
  if (detail.event.target !== socket) {
    detail.event.target.close();
    return;
  }
  wrapper = detail.socketWrapper;
  tries = 0;
  clearTimeout(badgeTimer);
  badgeTimer = undefined;
  const badge = document.getElementById("lost");
  if (!badge.hidden) announce(badge.dataset.back);
  badge.hidden = true;
}

// Opening a socket closes the one before it: so only when that is gone.
function reconnect() {
  if (socket?.readyState === WebSocket.CLOSED) wrapper?.reconnect();
}

function lost({ detail }) {
  const { event: close, socketWrapper } = detail;
  if (leaving || close.target !== socket) return;
  wrapper = socketWrapper;
  badgeTimer ??= setTimeout(() => {
    const badge = document.getElementById("lost");
    badge.hidden = false;
    announce(badge.textContent.trim());
  }, BADGE_AFTER_MS);
  if (!RETRY_BY_US.has(close.code)) return;
  tries += 1;
  setTimeout(reconnect, delay(tries));
}

if (socketElt) {
  socketElt.addEventListener("htmx:wsOpen", connected);
  socketElt.addEventListener("htmx:wsClose", lost);
  window.addEventListener("online", reconnect);
  window.addEventListener("pagehide", () => { leaving = true; });
}

// The reply to a button may have been read before what the socket sent meanwhile, which it then undid: when it is in its
// place, that is sent once more.
function sayReplied() {
  if (socket?.readyState === WebSocket.OPEN) socket.send("replied");
}

// Messages ---------------------------------------------------------------------------------------------
// A fragment whose place is not here is left out: a filter or a later window may hide its cell. Cells are renewed and
// what only says something new is patched; the rest is returned, for htmx to swap.
function fitting(html) {
  const message = document.createElement("template");
  message.innerHTML = html;
  let isShown = false;
  for (const part of [...message.content.children]) {
    const isNamed = part.getAttribute("hx-swap-oob")?.includes(":");
    const place = document.getElementById(part.id);
    const isHere = isNamed || place;
    if (isHere && !isInUse(part) && !isBehind(part)) {
      if (!place || !settle(place, part)) continue;
      isShown = true;
    } else if (isHere) postpone(part);
    else if (part.id.startsWith("cell-body-")) isMissing();
    part.remove();
  }
  if (isShown) after();
  return message.content.childElementCount ? message.innerHTML : "";
}

function settle(place, part) {
  if (part.getAttribute("hx-swap-oob") !== "true") return false;
  if (!part.id.startsWith("cell-body-")) return patch(place, part);
  renew(place, part);
  return true;
}

// A cell as the socket has sent it, by its element: what is there already is left alone.
const sent = new WeakMap();

// A cell's inside, by hand: htmx would take several times as long over a grid that moves.
function renew(place, part) {
  const html = part.outerHTML;
  if (sent.get(place) === html) return;
  const body = document.importNode(part, true);
  body.removeAttribute("hx-swap-oob");
  before({ detail: { target: place } });
  // A lazy picture waits for a frame.
  for (const image of body.querySelectorAll("img[loading]")) image.loading = "eager";
  const spot = body.querySelector("img[hx-preserve]");
  const preview = spot && document.getElementById(spot.id);
  if (preview) spot.replaceWith(preview); // the latest frame, which the cell may not know yet
  place.replaceWith(body);
  sent.set(body, html);
  htmx.process(body);
  htmx.trigger(body, "htmx:load");
}

// A title that is being changed, an open list of nodes and an open menu of a card wait until that is over.
function isInUse(part) {
  const uses = { title: "#title form", strip: "#strip :is(:popover-open, details[open])", cards: "#cards details[open]" };
  const use = uses[part.id] ?? (part.id.startsWith("card-") && `#${part.id} details[open]`);
  return Boolean(use && document.querySelector(use));
}

// What waits for such an end, oldest first. Nothing newer goes before it: it would be undone when its time has come.
let waiting = [];
let laterTimer;
const isWithin = (one, whole) => one.id === whole.id || one.id.startsWith(whole.id === "cards" ? "card-" : `${whole.id}-`);
const isBehind = (part) => waiting.some((one) => isWithin(one, part) || isWithin(part, one));

function postpone(part) {
  waiting = [...waiting.filter((one) => !isWithin(one, part)), part];
  laterTimer ??= setTimeout(() => {
    const html = waiting.map((one) => one.outerHTML).join("");
    waiting = [];
    laterTimer = undefined;
    take(html);
  }, LATER_MS);
}

function take(html) {
  const fits = fitting(html);
  if (fits) htmx.swap(document.body, fits, { swapStyle: "none" });
}

// The grid anew, when cells came back or went that no fragment can put in their place.
let staleTimer;
function isStale() {
  clearTimeout(staleTimer);
  staleTimer = setTimeout(() => {
    const { url } = document.getElementById("grid").dataset; // the address bar may show a picture
    htmx.ajax("GET", url, { target: "#grid", select: "#grid > *", swap: "innerHTML" });
  }, 150);
}

function isMissing() {
  const showsAll = document.querySelector("#show-all[aria-current]") && !document.getElementById("next-window");
  if (showsAll) isStale();
}
document.addEventListener("eliot:stale", isStale);

// A press under way ------------------------------------------------------------------------------------
// A button replaced between press and release would lose its click, so messages wait until the release.
let pressedAt = 0;
const held = [];

function release() {
  pressedAt = 0;
  for (const html of held.splice(0)) take(html);
}

document.addEventListener("pointerdown", (event) => {
  if (event.target.closest?.("button, a, summary, input, select")) pressedAt = performance.now();
}, true);
for (const end of ["pointerup", "pointercancel", "dragend"]) {
  document.addEventListener(end, () => setTimeout(release), true); // after the click that follows
}

document.addEventListener("htmx:wsBeforeMessage", (event) => {
  event.preventDefault();
  held.push(event.detail.message);
  if (!pressedAt || performance.now() - pressedAt > PRESS_LIMIT_MS) release();
});

// Focus ------------------------------------------------------------------------------------------------
function keepFocus(target) {
  const active = document.activeElement;
  if (!active || active === target || !target?.contains(active)) return;
  const { id } = active;
  const { act, twin } = active.dataset;
  const card = active.closest(".card");
  const cell = active.closest(".cell") ?? active.closest("dialog");
  queueMicrotask(() => {
    if (document.activeElement && document.activeElement !== document.body) return;
    const named = (id && document.getElementById(id)) || (twin && document.getElementById(twin));
    const main = card && document.getElementById(`${card.id}-main`); // the button itself is not possible any more
    const again = named || (act && cell?.querySelector(`[data-act="${act}"]`)) || main || cell;
    if (again !== cell) cell?.focus({ preventScroll: true }); // its buttons are shown, and take focus, only then
    again?.focus({ preventScroll: true });
  });
}

// Previews and the finished picture ----------------------------------------------------------------------
function showPreviews(root) {
  for (const progress of root.querySelectorAll("[data-preview]:not([data-preview=''])")) {
    const image = document.getElementById(`preview-${progress.dataset.cell}`);
    if (image && image.getAttribute("src") !== progress.dataset.preview) image.src = progress.dataset.preview;
  }
}

// The finished picture fades in over the last preview, which goes when the page has nothing else to do.
function develop(target) {
  const cell = target.closest(".cell");
  const preview = target.querySelector("img[id^='preview-'][src]");
  if (!preview || !cell) return;
  queueMicrotask(() => {
    const picture = cell.querySelector(".shot > img:not([id])");
    if (!picture || preview.isConnected) return;
    preview.removeAttribute("id");
    preview.className = "ghost";
    picture.before(preview);
    picture.addEventListener("load", () => {
      if (!calm.matches) picture.animate({ opacity: [0, 1] }, { duration: FADE_MS, easing: "steps(4)" });
      setTimeout(requestIdleCallback, FADE_MS, () => preview.remove());
    }, { once: true });
  });
}

// A cell may come twice, as Generate's reply and by the socket; the first is kept up to date, so it stays.
function leaveOutRows(fragment) {
  for (const row of fragment.querySelectorAll(".row")) {
    if (document.getElementById(row.id)) row.remove();
  }
}

// The socket leaves out what a node has taken already, so when it comes first, the reply's rows belong before them.
function sortRows(open) {
  const rows = [...(open?.querySelectorAll(":scope > .row") ?? [])];
  const place = (row) => Number(row.id.slice("row-".length)); // rises with the picture's number
  const isSorted = rows.every((row, at) => at === 0 || place(rows[at - 1]) < place(row));
  if (isSorted) return;
  for (const row of rows.sort((one, other) => place(one) - place(other))) {
    if (open.moveBefore) open.moveBefore(row, null); // keeps the focus
    else open.append(row);
  }
}

// Announcements ------------------------------------------------------------------------------------------
function announce(text) {
  if (text && status) status.textContent = status.textContent === text ? `${text}\u00a0` : text;
}
document.addEventListener("eliot:say", (event) => announce(event.detail));

const batch = { total: 0, reached: 0 };

function readBatch(quiet) {
  const element = document.getElementById("batch");
  const total = Number(element?.dataset.total ?? 0);
  if (!total) return;
  const percent = (100 * (Number(element.dataset.done) + Number(element.dataset.failed))) / total;
  const reached = MILESTONES.filter((milestone) => percent >= milestone).pop() ?? 0;
  const grown = total > batch.total;
  if (!quiet && (grown || reached > batch.reached)) announce(element.querySelector("b").textContent.trim());
  Object.assign(batch, { total, reached });
}

// After a verdict, the caption says what the cell is now.
function sayVerdict(event) {
  const { target, requestConfig } = event.detail;
  if (!target?.matches?.(".cell") || requestConfig?.verb !== "post") return;
  queueMicrotask(() => announce(target.querySelector(".cap")?.innerText.replace(/\s+/g, " ").trim()));
}

// One place for everything that a swap sets off ----------------------------------------------------------
function before(event) {
  const { target } = event.detail;
  if (!(target instanceof Element)) return;
  keepFocus(target);
  develop(target);
}

// The first prompt names the session: the phone's bar and the tab say it too.
function sayTitle() {
  const title = document.querySelector("#title h1")?.textContent;
  const crumb = document.querySelector(".crumb b");
  if (!title || !crumb || crumb.textContent === title) return;
  crumb.textContent = title;
  document.title = `${title} · Eliot`;
}

// Once for all that one message or reply swaps.
let isDue = false;
function after() {
  if (isDue) return;
  isDue = true;
  queueMicrotask(() => {
    isDue = false;
    sayTitle();
    showPreviews(document);
    readBatch(false);
    document.dispatchEvent(new CustomEvent("eliot:swapped"));
  });
}

// A reply whose button, or whose place, has been replaced meanwhile: htmx would look for its other targets beside that
// button, outside the page, and tell a place that is gone, which nobody above it hears.
function swapForGone(event) {
  const { requestConfig, target, serverResponse, shouldSwap } = event.detail;
  const elt = requestConfig?.elt;
  if (!shouldSwap || !elt || (elt.isConnected && target.isConnected)) return;
  event.detail.shouldSwap = false;
  const place = target.isConnected ? target : document.getElementById(target.id);
  const swapStyle = place ? elt.getAttribute("hx-swap") ?? "innerHTML" : "none";
  if (place && place !== target) {
    const told = { detail: { ...event.detail, target: place } };
    before(told);
    sayVerdict(told);
  }
  htmx.swap(place ?? document.body, serverResponse, { swapStyle });
}

document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  detail.target.addEventListener("htmx:beforeSwap", swapForGone); // once, however often it is asked for
  if (detail.requestConfig.verb !== "get") detail.xhr.addEventListener("loadend", sayReplied);
});
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  before(event);
  leaveOutRows(event.detail.fragment);
});
document.addEventListener("htmx:beforeSwap", (event) => {
  before(event);
  sayVerdict(event);
});
document.addEventListener("htmx:afterSettle", after);
document.addEventListener("htmx:load", ({ target }) => {
  if (target.matches?.(".row, .window")) queueMicrotask(() => sortRows(document.getElementById("cells")));
});
readBatch(true);
