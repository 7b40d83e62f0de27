// The large view: a dialog filled by htmx, with its own keys, zoom, grey ground, and the page's address while it is open.

import { isOff } from "./keys.js";

const dialog = document.getElementById("large");
const body = document.getElementById("large-body");
const GREY = "eliot.grading";
const ACTS = { k: "keep", d: "drop", u: "clear", ArrowLeft: "prev", ArrowRight: "next" };
let home = location.href;
const root = dialog ?? document.querySelector(".alone");

const shown = () => root?.querySelector(".lit");

function press(selector) {
  root.querySelector(selector)?.click();
}

function setGrey(isGrey) {
  const view = shown();
  if (!view) return;
  view.classList.toggle("is-grey", isGrey);
  view.querySelector("[data-grading]")?.setAttribute("aria-pressed", String(isGrey));
}

function toggleGrey() {
  const isGrey = !shown().classList.contains("is-grey");
  localStorage.setItem(GREY, isGrey ? "1" : "");
  setGrey(isGrey);
}

function toggleZoom() {
  const isZoomed = shown().classList.toggle("is-zoomed");
  shown().querySelector("[data-zoom]")?.setAttribute("aria-pressed", String(isZoomed));
  shown().querySelector(".lit-picture").tabIndex = isZoomed ? 0 : -1; // scrolls by keyboard then
}

// One address per picture, so that a reload or a copied link shows the same.
function open() {
  const view = shown();
  if (!view) return;
  setGrey(Boolean(localStorage.getItem(GREY)));
  if (!dialog) return;
  if (!dialog.open) {
    home = location.href;
    dialog.showModal();
    dialog.focus();
  }
  history.replaceState(history.state, "", view.dataset.url);
}

function close() {
  const cell = document.getElementById(`cell-${shown()?.dataset.cell}`);
  body.replaceChildren();
  history.replaceState(history.state, "", home);
  cell?.focus();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !shown()) return;
  if (event.target.closest("input, textarea, select")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const onControl = Boolean(event.target.closest("a, button"));
  if (isOff(key)) return;
  if (ACTS[key]) press(`[data-act="${ACTS[key]}"]:not([hidden])`);
  else if (key === "z") toggleZoom();
  else if (key === " " && !onControl && dialog) dialog.close();
  else return;
  event.preventDefault();
}

function onClick(event) {
  if (event.target.closest("[data-zoom]") || event.target.matches(".lit-picture > img")) toggleZoom();
  else if (event.target.closest("[data-grading]")) toggleGrey();
  else if (event.target.closest("[data-close]") && dialog) {
    event.preventDefault();
    dialog.close();
  }
}

if (root) {
  root.addEventListener("keydown", onKey);
  root.addEventListener("click", onClick);
}
if (dialog) {
  dialog.addEventListener("htmx:afterSwap", (event) => {
    if (event.target === body || body.contains(event.target)) open();
  });
  dialog.addEventListener("close", close);
}
