// How large the pictures are. By itself: as large as all of the stage still fit in one view; the slider goes from there.
// A cookie, so that the next page begins with the same step.

const slider = document.getElementById("density");
const table = document.querySelector(".table");
const grid = document.getElementById("grid");
const wide = matchMedia("(width >= 75rem) and (height >= 32rem)"); // where the grid scrolls in its own part
const A_YEAR_S = 31_536_000;
const MIDDLE = 3;
const SMALLEST_PX = 148;
const GAP_PX = 8;
const CAPTION_PX = 24;
const MOST_IN_VIEW = 20; // a longer stage scrolls, and its pictures are no smaller

let wasEmpty = false;

// Height by width of the stage's pictures: of the first that is there, else of what the form would make.
function shape() {
  const box = grid.querySelector(".ratio")?.viewBox.baseVal;
  const size = (name) => Number(document.getElementById(`id_${name}`)?.value);
  return (box ? box.height / box.width : size("height") / size("width")) || 1;
}

function count() {
  const cells = grid.querySelectorAll(".cell").length;
  return Math.min(cells || Number(grid.dataset.want), MOST_IN_VIEW) || 1;
}

function room() {
  const style = getComputedStyle(table);
  const across = table.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  return { across, down: table.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom) };
}

// The fewest columns with which `pictures` fit; or as many as leave the pictures readable.
function fitting({ across, down }, pictures, ratio) {
  const most = Math.max(1, Math.floor((across + GAP_PX) / (SMALLEST_PX + GAP_PX)));
  for (let columns = 1; columns < Math.min(most, pictures); columns += 1) {
    const width = (across - (columns - 1) * GAP_PX) / columns;
    const rows = Math.ceil(pictures / columns);
    if (rows * (width * ratio + CAPTION_PX + GAP_PX) - GAP_PX <= down) return columns;
  }
  return Math.min(most, pictures);
}

function lay() {
  const step = Number(slider.value) - MIDDLE;
  wasEmpty = !grid.querySelector(".cell");
  if (!wide.matches) {
    grid.style.removeProperty("--cols");
    grid.style.maxInlineSize = "";
    return;
  }
  const space = room();
  const ratio = shape();
  const columns = Math.max(1, fitting(space, count(), ratio) - step);
  grid.style.setProperty("--cols", columns);
  // A single picture would be taller than the view.
  grid.style.maxInlineSize = columns === 1 ? `${Math.floor((space.down - CAPTION_PX) / ratio)}px` : "";
}

if (slider && grid) {
  lay();
  window.addEventListener("resize", lay);
  slider.addEventListener("input", () => {
    document.querySelector(".work").dataset.size = slider.value;
    document.cookie = `density=${slider.value}; path=/; max-age=${A_YEAR_S}; samesite=lax`;
    lay();
  });
  document.addEventListener("htmx:load", (event) => {
    if (wasEmpty && grid.contains(event.target)) queueMicrotask(lay);
  });
}
