// The folder pane: counts follow the server, and folders folded away stay so.
import { fill } from "./html.js";

const KEY = "postern.folded";
const pane = document.getElementById("folders");

const folded = () => { try { return new Set(JSON.parse(localStorage.getItem(KEY) ?? "[]")); } catch { return new Set(); } };

function restore() {
  const away = folded();
  pane.querySelectorAll("details").forEach((part) => { part.open = !away.has(part.dataset.folder); });
}

function remember(event) {
  if (!event.target.matches("details")) return;
  const away = folded();
  away[event.target.open ? "delete" : "add"](event.target.dataset.folder);
  try { localStorage.setItem(KEY, JSON.stringify([...away].slice(-200))); } catch { /* not remembered, nothing else */ }
}

/** Takes names, counts and the open folder from a page that the server sent; keeps focus and place. */
export function takeFolders(page) {
  const sent = page?.querySelector("#folders");
  if (!sent || !pane) return;
  const focused = pane.contains(document.activeElement) ? document.activeElement.dataset.mailbox : null;
  const place = pane.scrollTop;
  fill(pane, ...sent.children);
  restore();
  pane.scrollTop = place;
  if (focused) pane.querySelector(`[data-mailbox="${CSS.escape(focused)}"]`)?.focus();
}

/** How many unread messages the pane shows for the inbox. */
export function unread() {
  const shown = pane?.querySelector('[data-use="inbox"] .count')?.firstChild.textContent ?? "0";
  return Number(shown.replace(/\D/g, ""));
}

export default function attach() {
  restore();
  pane.addEventListener("toggle", remember, true);
}
