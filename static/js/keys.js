// Keys of every page: "?" opens the list of keys, whose tick says whether single letters act on this computer.

const sheet = document.getElementById("keys");
const toggle = document.querySelector("[data-hotkeys]");
const OFF = "eliot.hotkeys.off";

export const inField = (target) => Boolean(target.closest?.("input:not([type=range], [type=checkbox]), textarea, select, [contenteditable]"));

/** Whether this key is a single letter, and somebody has switched those off. */
export function isOff(key) {
  return /^[a-z]$/.test(key) && localStorage.getItem(OFF) === "1";
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key !== "?" || inField(event.target)) return;
  event.preventDefault();
  sheet.togglePopover();
});

toggle.checked = localStorage.getItem(OFF) !== "1";
toggle.addEventListener("change", () => {
  if (toggle.checked) localStorage.removeItem(OFF);
  else localStorage.setItem(OFF, "1");
});
