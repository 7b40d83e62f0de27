// The prompt form: size presets, the count in the button's label, "random" seed, values offered by an error.

const form = document.getElementById("ask-form");
const PAIR = /(\d+)\s*[x×]\s*(\d+)/;

const field = (name) => form.elements.namedItem(name);

function setValue(input, value) {
  if (!input || input.value === value) return;
  input.value = value;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

// A preset's value is "768x512"; any other value (custom) leaves width and height alone.
function applyPreset() {
  const pair = PAIR.exec(field("size").value);
  if (!pair) return;
  field("width").value = pair[1];
  field("height").value = pair[2];
}

function matchPreset() {
  const size = field("size");
  if (!size) return;
  const wanted = [field("width").value, field("height").value].join("x");
  const fits = [...size.options].find((option) => PAIR.exec(option.value)?.slice(1).join("x") === wanted);
  const custom = [...size.options].find((option) => !PAIR.test(option.value));
  if (fits ?? custom) size.value = (fits ?? custom).value;
}

function showCount() {
  const label = document.querySelector("#generate [data-count]");
  const count = Number.parseInt(field("count")?.value, 10);
  if (label && count > 0) label.textContent = count;
}

if (form) {
  form.addEventListener("change", ({ target }) => {
    if (target.name === "size") applyPreset();
    if (target.name === "width" || target.name === "height") matchPreset();
  });
  form.addEventListener("input", ({ target }) => {
    if (target.name === "count") showCount();
  });
  form.addEventListener("click", ({ target }) => {
    const use = target.closest("[data-use]");
    const clear = target.closest("[data-clear]");
    if (use) {
      const input = document.getElementById(use.dataset.for);
      setValue(input, use.dataset.use);
      input.removeAttribute("aria-invalid");
      use.closest(".why").remove();
      input.focus();
    }
    if (clear) {
      setValue(document.getElementById(clear.dataset.clear), "");
      document.getElementById(clear.dataset.clear).focus();
    }
  });
  // Ctrl+Enter asks from within the prompt, where the letter G is a letter.
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  // A new session begins with its prompt, beside the grid or in the drawer.
  const begin = () => field("prompt").value || field("prompt").focus({ preventScroll: true });
  if (matchMedia("(width >= 75rem)").matches && !document.querySelector(".cell") && !location.hash) begin();
  document.getElementById("ask").addEventListener("toggle", (event) => event.newState === "open" && begin());
  document.addEventListener("htmx:afterSettle", ({ target }) => {
    if (target.id === "ask-fields") target.querySelector("[aria-invalid='true'], .wrong-list")?.focus();
    showCount();
  });
  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    const drawer = document.getElementById("ask");
    const isPlaced = detail.elt === form && detail.xhr.status < 300; // a form with errors comes back as 422
    if (isPlaced && drawer.matches(":popover-open")) drawer.hidePopover();
  });
}
