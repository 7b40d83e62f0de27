// Says a line to people who listen rather than look; live.js has the place for it.

export function say(text) {
  document.dispatchEvent(new CustomEvent("eliot:say", { detail: text }));
}
