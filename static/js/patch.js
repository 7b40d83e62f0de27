// Brings an element up to date in place, as a bar that has another value: far cheaper than a new element, which is
// styled, laid out, given its icons and searched by htmx from nothing.

const HTMX = "[hx-get], [hx-post], [hx-trigger], [hx-preserve]";
const TRAVELS = "hx-swap-oob"; // says how a fragment comes, not what it is

const isElement = (node) => node.nodeType === Node.ELEMENT_NODE;
const isAlike = (old, fresh) => old.nodeName === fresh.nodeName && old.id === fresh.id;

function areAligned(old, fresh) {
  const { childNodes: before } = old;
  const { childNodes: after } = fresh;
  return before.length === after.length && [...before].every((child, at) => isAlike(child, after[at]));
}

// htmx reads its attributes once, when an element comes: one that asks for something else is another element.
const htmxOf = (element) => [...element.attributes].filter(({ name }) => name.startsWith("hx-") && name !== TRAVELS);

function asksTheSame(old, fresh) {
  const asked = htmxOf(fresh);
  return htmxOf(old).length === asked.length && asked.every(({ name, value }) => old.getAttribute(name) === value);
}

function canPatch(old, fresh) {
  if (!isElement(old)) return true;
  if (!asksTheSame(old, fresh)) return false;
  if (areAligned(old, fresh)) return [...old.childNodes].every((child, at) => canPatch(child, fresh.childNodes[at]));
  return !old.querySelector(HTMX) && !fresh.querySelector(HTMX);
}

function update(old, fresh) {
  if (!isElement(old)) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (name !== TRAVELS && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  if (areAligned(old, fresh)) old.childNodes.forEach((child, at) => update(child, fresh.childNodes[at]));
  else old.replaceChildren(...document.importNode(fresh, true).childNodes);
}

// Returns whether it could be done; if not, nothing has changed.
export function patch(old, fresh) {
  const fits = isAlike(old, fresh) && canPatch(old, fresh);
  if (fits) update(old, fresh);
  return fits;
}
