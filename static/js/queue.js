// The queue: sorts in what came by reply or socket, opens and closes batches, keeps later windows fresh, and lets rows
// be moved by drag or arrow keys.

import { patch } from "./patch.js";
import { say } from "./say.js";

const { htmx } = window;
const section = document.getElementById("queue");
const list = document.getElementById("queue-list");
const FRESH_MS = 2500;

const entryOf = (element) => element.closest(".q-entry");
const inList = (id) => list.querySelector(`#${CSS.escape(id)}`);

// Sorting in --------------------------------------------------------------------------------------------
let sorted = "";

function bringUpToDate(staged) {
  const old = inList(staged.id);
  if (!old) return;
  const [row, fresh] = [old.querySelector(":scope > .q-row"), staged.querySelector(":scope > .q-row")];
  const room = staged.querySelector(":scope > .q-inner");
  if (Boolean(room) !== Boolean(old.querySelector(":scope > .q-inner"))) old.replaceWith(staged);
  else if (!patch(row, fresh)) row.replaceWith(fresh);
}

// moveBefore keeps focus and scroll where it is known.
function put(entry, before) {
  if (list.moveBefore && entry.isConnected) list.moveBefore(entry, before);
  else list.insertBefore(entry, before);
}

function arrange(order) {
  const staging = document.getElementById("queue-new");
  const { activeElement } = document;
  const focused = activeElement?.id;
  const place = [...list.children].indexOf(activeElement && entryOf(activeElement));
  for (const staged of [...staging.children]) bringUpToDate(staged);
  const wanted = order.split(" ").filter(Boolean).map((key) => `qe-${key}`);
  const kept = new Set(wanted);
  for (const entry of [...list.children]) if (!kept.has(entry.id)) entry.remove();
  let next = list.firstElementChild;
  for (const id of wanted) {
    const entry = inList(id) ?? staging.querySelector(`#${CSS.escape(id)}`);
    if (!entry) continue;
    if (entry === next) next = next.nextElementSibling;
    else put(entry, next);
  }
  staging.replaceChildren();
  leaveOutDoubles(kept);
  sorted = order;
  if (focused && document.activeElement === document.body) refocus(focused, place);
}

// Where a row was that is gone the next one is, or the last; without any the queue's title has the focus.
function refocus(id, place) {
  const row = place < 0 ? null : list.children[Math.min(place, list.childElementCount - 1)];
  const button = row?.querySelector(`[id^="${id.split("-")[0]}-"]`) ?? row?.querySelector('[id^="more-"]');
  const again = document.getElementById(id) ?? button ?? document.getElementById("queue-title");
  again.focus({ preventScroll: true });
}

// A later window was read earlier: what has come up into the first is shown there.
function leaveOutDoubles(kept) {
  for (const entry of section.querySelectorAll(".queue-window > .q-entry")) if (kept.has(entry.id)) entry.remove();
}

function look() {
  const order = document.getElementById("queue-order").getAttribute("value");
  const hasNew = document.getElementById("queue-new").childElementCount > 0;
  if (hasNew || order !== sorted) {
    arrange(order);
    hasMoved = true;
  }
  if (hasMoved || openRooms().some(isOld)) refreshLater();
  tell();
}

// A row that comes anew does not know whether its batch is open.
function tell() {
  for (const open of section.querySelectorAll("[data-open]")) {
    const room = document.getElementById(open.dataset.open);
    open.setAttribute("aria-expanded", String(Boolean(room?.childElementCount)));
  }
}

// Batches -------------------------------------------------------------------------------------------------
section.addEventListener("click", (event) => {
  const open = event.target.closest("[data-open]");
  const room = open && document.getElementById(open.dataset.open);
  if (!room?.childElementCount) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  room.replaceChildren();
  tell();
}, true);
section.addEventListener("htmx:afterSwap", tell);

// What the socket does not send: open batches, whose jobs come nearer all the time, and later windows when rows have
// moved, as long as somebody can see them.
let later;
let hasMoved = false;
function refreshLater() {
  later ??= setTimeout(() => {
    later = undefined;
    for (const room of openRooms()) refreshRoom(room);
    if (hasMoved) for (const part of section.querySelectorAll(".queue-window")) refreshWindow(part);
    hasMoved = false;
  }, FRESH_MS);
}

const isSeen = (element) => {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > 0 && top < window.innerHeight;
};

// An open batch's jobs are old when its own row says something else than when they were read.
const readWith = new WeakMap();
const openRooms = () => [...section.querySelectorAll(".q-inner:not(:empty)")];
const rowText = (room) => entryOf(room).querySelector(":scope > .q-row").textContent;

function isOld(room) {
  if (!readWith.has(room)) readWith.set(room, rowText(room));
  return readWith.get(room) !== rowText(room);
}

// Who stands on a job that has gone meanwhile stands on its batch then.
function refreshRoom(room) {
  const open = entryOf(room)?.querySelector("[data-open]");
  if (!open || drag || !isSeen(room)) return;
  readWith.set(room, rowText(room));
  const hadFocus = room.contains(document.activeElement);
  htmx.ajax("GET", open.getAttribute("hx-get"), { target: room, swap: "innerHTML" }).then(() => {
    if (hadFocus && document.activeElement === document.body) document.getElementById(open.id)?.focus({ preventScroll: true });
  });
}

function refreshWindow(part) {
  if (!isSeen(part)) return undefined;
  const form = new URLSearchParams(new FormData(document.getElementById("queue-form")));
  form.set("first", part.dataset.first);
  const source = `/farm/queue/?${form}`;
  return htmx.ajax("GET", source, { target: part, select: ".queue-window", swap: "outerHTML" });
}

// Moving ----------------------------------------------------------------------------------------------------
const csrf = () => JSON.parse(document.body.getAttribute("hx-headers"));

function post(url, values = {}) {
  return htmx.ajax("POST", url, { source: "#queue-form", swap: "none", values, headers: csrf() });
}

section.addEventListener("keydown", (event) => {
  const grip = event.target.closest("[data-grip]");
  const way = { ArrowUp: "up", ArrowDown: "down" }[event.key];
  if (!grip || !way || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  if (event.repeat) return;
  post(grip.dataset[way]).then(() => moved(grip.id));
});

// Later windows are read anew first: the row may be in one, or have gone there. Of one that is nowhere to be seen the
// next has taken the focus, which must not be moved by the next arrow.
async function moved(id) {
  await Promise.all([...section.querySelectorAll(".queue-window")].map(refreshWindow));
  const grip = document.getElementById(id);
  const place = grip?.nextElementSibling?.textContent;
  if (place) say(`${section.dataset.moved} ${place}`);
  (grip ?? document.getElementById("queue-title")).focus({ preventScroll: true });
}

let drag = null;

const ROWS = "#queue-list > .q-entry > .q-row [data-grip], .queue-window > .q-entry > .q-row [data-grip]";
const gripsIn = () => [...section.querySelectorAll(ROWS)];
const keyOf = (entry) => entry.id.slice("qe-".length);

const rowsBut = (dragged) => gripsIn().map(entryOf).filter((entry) => entry !== dragged);

function targetAt(y) {
  return rowsBut(drag.entry).find((entry) => {
    const { top, height } = entry.getBoundingClientRect();
    return y < top + height / 2;
  }) ?? null;
}

function unmark() {
  for (const one of section.querySelectorAll(".is-before, .is-after")) one.classList.remove("is-before", "is-after");
}

function show(before) {
  unmark();
  if (before) before.classList.add("is-before");
  else rowsBut(drag.entry).pop()?.classList.add("is-after");
}

section.addEventListener("pointerdown", (event) => {
  const grip = event.target.closest("[data-grip]");
  if (!grip || event.button !== 0) return;
  drag = { grip, entry: entryOf(grip), from: event.clientY, before: undefined };
  grip.setPointerCapture(event.pointerId);
});

section.addEventListener("pointermove", (event) => {
  if (!drag || (drag.before === undefined && Math.abs(event.clientY - drag.from) < 5)) return;
  drag.entry.classList.add("is-dragged");
  drag.before = targetAt(event.clientY);
  show(drag.before);
});

function drop(isMeant) {
  if (!drag) return;
  const { grip, entry, before } = drag;
  unmark();
  entry.classList.remove("is-dragged");
  drag = null;
  if (!isMeant || before === undefined) return;
  const last = rowsBut(entry).pop();
  if (!before && !last) return;
  post(grip.dataset.place, before ? { before: keyOf(before) } : { after: keyOf(last) }).then(() => moved(grip.id));
}

section.addEventListener("pointerup", () => drop(true));
section.addEventListener("pointercancel", () => drop(false));
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && drag) drop(false); });

sorted = document.getElementById("queue-order").getAttribute("value");
document.addEventListener("eliot:swapped", look);
