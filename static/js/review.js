// The phone's review pane: shows the current cell large, and its buttons press the cell's own.

const pane = document.getElementById("review");
const thumbs = document.getElementById("thumbs");
const grid = document.getElementById("grid");
const phone = matchMedia("(width < 48rem)"); // wider, there is no pane, and nothing to load for it
const SWIPE_PX = 56;

let cell = null;

const button = (act) => cell?.querySelector(`[data-act="${act}"]`);

function show() {
  if (!phone.matches) return;
  const picture = cell?.querySelector(".shot > img[src]:not(.ghost)");
  pane.hidden = thumbs.hidden = !cell;
  if (!cell) return;
  grid.querySelector(".is-shown")?.classList.remove("is-shown");
  cell.classList.add("is-shown");
  const image = pane.querySelector("img");
  image.hidden = !picture;
  if (picture) {
    image.src = picture.dataset.full ?? picture.src;
    image.alt = picture.alt;
  }
  pane.querySelector("[data-says]").textContent = picture ? "" : [...cell.querySelectorAll(".says p")].map((line) => line.textContent.trim()).join(" ");
  const all = grid.querySelectorAll(".cell");
  pane.querySelector("[data-number]").textContent = `${cell.querySelector(".no").textContent} / ${all.length}`;
  pane.querySelector("[data-word]").textContent = cell.querySelector(".cap .word")?.textContent.trim() ?? "";
  pane.querySelector("[data-fact]").textContent = cell.querySelector(".cap .fact")?.textContent.replace(/\s+/g, " ").trim() ?? "";
  for (const press of document.querySelectorAll("[data-press]")) showPress(press);
}

// What the current cell cannot do is greyed, or absent where there is no room for it.
function showPress(press) {
  const original = button(press.dataset.press);
  press.toggleAttribute(press.hasAttribute("data-optional") ? "hidden" : "disabled", !original);
}

function step(by) {
  const all = [...grid.querySelectorAll(".cell")];
  all[all.indexOf(cell) + by]?.focus({ preventScroll: true });
}

function swipe() {
  let from = null;
  pane.addEventListener("touchstart", (event) => { from = event.changedTouches[0]; }, { passive: true });
  pane.addEventListener("touchend", (event) => {
    const to = event.changedTouches[0];
    const across = to.clientX - from.clientX;
    if (Math.abs(across) > SWIPE_PX && Math.abs(across) > 2 * Math.abs(to.clientY - from.clientY)) step(across < 0 ? 1 : -1);
  }, { passive: true });
}

if (pane && thumbs && grid) {
  cell = grid.querySelector(".cell[data-current]") ?? grid.querySelector(".cell");
  show();
  swipe();
  phone.addEventListener("change", show);
  grid.addEventListener("eliot:current", (event) => {
    cell = event.target;
    show();
  });
  document.addEventListener("click", (event) => {
    const press = event.target.closest("[data-press]");
    if (press) button(press.dataset.press)?.click();
  });
  document.addEventListener("eliot:swapped", () => {
    if (!cell?.isConnected) cell = grid.querySelector(".cell");
    show();
  });
}
