// Toasts: eight seconds, for ever while hovered or focused; Ctrl+Z presses the last Undo. Also says when a request failed.

import { say } from "./say.js";

const STAY_MS = 8000;
const MOST = 3;
const tray = document.getElementById("toasts");
const left = new Map(); // toast -> timer
const watched = new WeakSet();

function start(toast) {
  stop(toast);
  if (!toast.hasAttribute("data-stay")) left.set(toast, setTimeout(() => toast.remove(), STAY_MS));
}

function stop(toast) {
  clearTimeout(left.get(toast));
  left.delete(toast);
}

function tend(toast) {
  toast.addEventListener("pointerenter", () => stop(toast));
  toast.addEventListener("pointerleave", () => start(toast));
  toast.addEventListener("focusin", () => stop(toast));
  toast.addEventListener("focusout", () => start(toast));
  say(toast.querySelector("p").textContent.trim());
  start(toast);
}

// The oldest make room, unless somebody is at them or they must be answered.
function crowd() {
  const toasts = [...tray.querySelectorAll("[data-toast]")];
  const passing = toasts.filter((toast) => !toast.matches(":hover, :focus-within, [data-stay]"));
  for (const toast of passing.slice(0, Math.max(0, toasts.length - MOST))) if (toast !== toasts.at(-1)) toast.remove();
}

function failed(event) {
  const { xhr, requestConfig, elt } = event.detail;
  const toast = document.getElementById("toast-failed").content.querySelector(".toast").cloneNode(true);
  const status = xhr?.status ?? 0;
  const reason = status === 0 ? "unreachable" : status === 503 ? "busy" : "refused";
  toast.querySelector("p").textContent = toast.dataset[reason];
  toast.querySelector("[data-again]").addEventListener("click", () => {
    toast.remove();
    again(requestConfig?.elt ?? elt);
  });
  for (const old of tray.querySelectorAll(".toast.is-err")) old.remove();
  tray.append(toast);
}

// Listens on the element itself: what happens to one that has left the page meanwhile reaches nobody else.
function watch(elt) {
  if (watched.has(elt)) return;
  watched.add(elt);
  elt.addEventListener("htmx:sendError", failed);
  elt.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.failed) failed(event);
    if (event.detail.successful) elt.closest("[data-undo]")?.closest("[data-toast]")?.remove();
  });
}

// The element may have been replaced meanwhile; its successor has the same id.
function again(elt) {
  const now = elt.isConnected ? elt : document.getElementById(elt.id);
  if (now instanceof HTMLFormElement) now.requestSubmit();
  else now?.click();
}

// While a dialog is open everything else is inert, so the tray moves into it.
function follow() {
  const home = document.querySelector("dialog[open]") ?? document.body;
  if (tray.parentElement !== home) home.append(tray);
}

if (tray) {
  for (const toast of tray.querySelectorAll("[data-toast]")) tend(toast);
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) {
      for (const node of addedNodes) if (node.matches?.("[data-toast]")) tend(node);
    }
    crowd();
    follow();
  }).observe(tray, { childList: true });

  document.addEventListener("close", follow, true);
  tray.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) event.target.closest("[data-toast]").remove();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "z" || event.shiftKey || !(event.ctrlKey || event.metaKey)) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const undo = [...tray.querySelectorAll("[data-undo]")].pop();
    if (!undo) return;
    event.preventDefault();
    undo.click();
  });
  document.addEventListener("htmx:beforeSend", (event) => watch(event.detail.elt));
}
