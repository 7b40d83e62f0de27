// The theme button: dark, light, the system's. A cookie, so that the server paints the first frame right.

const ORDER = ["dark", "light", "system"];
const ICONS = { dark: "moon", light: "sun", system: "sun-moon" };
const A_YEAR_S = 31_536_000;
const root = document.documentElement;
const button = document.querySelector("[data-theme-next]");

function current() {
  return ORDER.includes(root.dataset.theme) ? root.dataset.theme : "dark";
}

function show() {
  const theme = current();
  const use = button.querySelector("use");
  use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${ICONS[theme]}`));
  button.setAttribute("aria-label", button.dataset[theme]);
  button.title = button.dataset[theme];
}

function next() {
  root.dataset.theme = ORDER[(ORDER.indexOf(current()) + 1) % ORDER.length];
  document.cookie = `theme=${root.dataset.theme}; path=/; max-age=${A_YEAR_S}; samesite=lax`;
  show();
}

if (button) {
  show();
  button.addEventListener("click", next);
}
