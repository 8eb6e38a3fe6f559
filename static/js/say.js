// What the page says: to screen readers in the live region, to everyone in toasts at the lower left.
const SECONDS = 10;
const shelf = document.getElementById("toasts");
const offered = new Set();
const live = document.getElementById("live");

export function say(text) {
  live.textContent = "";
  requestAnimationFrame(() => { live.textContent = text; });
}

/** A sentence of the page's own. */
export function toast(text, { level = "message" } = {}) {
  const box = document.createElement("div");
  const line = document.createElement("p");
  box.className = `toast toast-${level}`;
  box.dataset.testid = "notice";
  line.textContent = text;
  box.append(line);
  show([box]);
  return box;
}

/** A line with a button that stops what takes long; take it away by remove(). */
export function offerStop(text, stop) {
  const box = toast(text);
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "toast-action", textContent: "Stop" });
  button.dataset.testid = "stop-button";
  button.addEventListener("click", () => { stop(); box.remove(); });
  box.append(button);
  return box;
}

/** Takes over the toasts of a page that the server sent. */
export function takeToasts(page) {
  const sent = [...(page?.querySelectorAll("#toasts > *") ?? [])].filter(isNew);
  if (sent.length) show(sent.map((node) => document.importNode(node, true)));
}

// An undo is offered by every page for a while; here it comes up once.
function isNew(box) {
  const token = box.querySelector('[name="token"]')?.value;
  if (!token) return true;
  if (offered.has(token)) return false;
  offered.add(token);
  return true;
}

export function clearToasts() {
  shelf.replaceChildren();
}

function show(boxes) {
  shelf.replaceChildren(...boxes);
  boxes.forEach(expire);
}

// Ten seconds, counted only while neither the pointer nor the focus is on it (WCAG 2.2.1).
function expire(box) {
  let left = Number(box.dataset.seconds) || SECONDS; // somebody's own time to undo sending
  const tick = setInterval(() => {
    if (!box.isConnected) return clearInterval(tick);
    if (box.matches(":hover, :focus-within") || document.hidden) return undefined;
    left -= 1;
    return left > 0 || box.remove();
  }, 1000);
}

export default function attach() {
  [...shelf.children].filter(isNew).forEach(expire);
}
