// What floats: menus that close by themselves, the sheet dialog, copy buttons, and popovers that turn into columns.

import { say } from "./say.js";

const sheet = document.getElementById("sheet");

// Menus are <details>: one at a time, gone on Escape, on a click elsewhere and after a choice.
function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!except || !menu.contains(except)) menu.open = false;
  }
}

function keepInside(menu) {
  const list = menu.querySelector(":scope > ul");
  menu.classList.remove("is-up");
  if (!menu.open || !list) return;
  list.style.translate = "";
  const { top, bottom, height } = list.getBoundingClientRect();
  menu.classList.toggle("is-up", bottom > window.innerHeight - 8 && top - height > 48);
  const box = list.getBoundingClientRect();
  const end = document.documentElement.clientWidth - 8;
  const shift = box.left < 8 ? 8 - box.left : Math.min(0, end - box.right);
  if (shift) list.style.translate = `${Math.round(shift)}px 0`;
}

document.addEventListener("toggle", (event) => {
  if (event.target.matches?.("details.menu")) {
    if (event.target.open) closeMenus(event.target);
    keepInside(event.target);
  }
}, true);

document.addEventListener("click", (event) => {
  const choice = event.target.closest("details.menu li > :is(a, button)");
  // What closes cannot keep the focus.
  choice?.closest("details.menu").querySelector("summary").focus({ preventScroll: true });
  closeMenus(choice ? null : event.target);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.querySelector("details.menu[open]");
  if (!open) return;
  event.preventDefault();
  if (open.contains(document.activeElement)) open.querySelector("summary").focus();
  open.open = false;
});

// The sheet shows itself when htmx has put something in, and is emptied when it closes.
function openSheet() {
  const body = document.getElementById("sheet-body");
  sheet.classList.toggle("sheet-wide", Boolean(body.querySelector("table")));
  sheet.classList.toggle("sheet-studio", Boolean(body.querySelector(".studio")));
  if (body.firstElementChild && !sheet.open) sheet.showModal();
}

function emptySheet() {
  document.getElementById("sheet-body").replaceChildren();
}

if (sheet) {
  sheet.addEventListener("htmx:afterSwap", openSheet);
  sheet.addEventListener("close", emptySheet);
  sheet.addEventListener("click", (event) => {
    const close = event.target.closest("[data-close]");
    if (close) event.preventDefault();
    if (close || event.target === sheet) sheet.close();
  });
}

// "Not yet": empties the region that asked.
document.addEventListener("click", (event) => {
  const dismiss = event.target.closest("[data-dismiss]");
  if (!dismiss) return;
  event.preventDefault();
  const region = document.querySelector(dismiss.dataset.dismiss);
  region.replaceChildren();
  for (const name of ["class", "role"]) region.removeAttribute(name);
  document.getElementById("continue-button")?.focus();
});

// Copy: the clipboard needs a secure context, which a studio's LAN often is not; hence the older way behind it.
function copyOldWay(text) {
  const area = document.createElement("textarea");
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    copyOldWay(button.dataset.copy);
    button.focus();
  }
  const use = button.querySelector("use");
  const before = use.getAttribute("href");
  if (before.endsWith("#copy")) {
    use.setAttribute("href", before.replace("#copy", "#check"));
    setTimeout(() => use.setAttribute("href", before), 1500);
  }
  say(button.dataset.copied);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});

// Buttons that are not possible stay focusable and say why instead of acting.
document.addEventListener("click", (event) => {
  const button = event.target.closest('button[aria-disabled="true"]');
  if (!button) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const reason = document.getElementById(button.getAttribute("aria-describedby"));
  if (reason) say(reason.textContent.trim());
}, true);

// A drawer that was open when the window grew wide enough for it to be a column.
matchMedia("(width >= 75rem)").addEventListener("change", () => {
  for (const drawer of document.querySelectorAll("[popover]:popover-open")) drawer.hidePopover();
});
