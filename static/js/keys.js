// The keyboard: one key each, never while typing, and a switch to turn them off (WCAG 2.1.4).
import { act } from "./act.js";
import { meant, open, pick, pickAll, picked, rowsOf } from "./list.js";
import { focusRow, go, listPart, messagePart } from "./panes.js";

const KEY = "postern.keys";
const FILING = { e: "archive", "#": "trash", Delete: "trash", "!": "junk", s: "flag", m: "read" };
const PLACES = { i: "inbox", s: "sent", d: "drafts", a: "archive", t: "trash", f: "flagged", b: "blocked" };
const help = document.getElementById("help");
let going = 0;

const on = () => { try { return localStorage.getItem(KEY) !== "off"; } catch { return true; } };

const rows = () => (listPart() ? rowsOf(listPart()) : []);
const cursor = () => document.activeElement?.closest?.(".row") ?? listPart()?.querySelector(".row.open") ?? null;

function step(by) {
  const all = rows();
  const at = all.indexOf(cursor());
  const row = all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + by))];
  if (messagePart() && !row) messagePart().querySelector(by > 0 ? '[rel="next"]' : '[rel="prev"]')?.click();
  focusRow(row);
  if (row && (messagePart() || listPart().querySelector(".row.open"))) open(row); // or while one is on its way
}

function file(name) {
  const chosen = listPart() ? picked(listPart()) : [];
  const row = cursor();
  const on = chosen.length ? chosen : row ? [row] : [];
  if (on.length) return act(meant(name, on[0]), on);
  const form = messagePart()?.querySelector(".message-actions");
  return form?.querySelector(`[value="${name}"], [value="un${name}"]`)?.click();
}

function leave() {
  if (picked(listPart() ?? document.body).length) pickAll(listPart(), false);
  else SINGLE.u();
}

const select = (range) => cursor() && pick(listPart(), cursor(), range || !cursor().querySelector('[name="uid"]').checked, { range });

const follow = (name) => document.querySelector(`[data-testid="${name}"]`)?.click();

const SINGLE = {
  j: () => step(1),
  k: () => step(-1),
  o: () => cursor()?.querySelector(".row-subject").click(),
  u: () => document.querySelector("#reading .back")?.click(),
  x: () => select(false),
  X: () => select(true),
  "*": () => listPart() && pickAll(listPart(), !picked(listPart()).length),
  c: () => follow("compose-link"),
  r: () => follow("reply"),
  a: () => follow("reply-all"),
  f: () => follow("forward"),
  z: () => document.querySelector('[data-testid="undo-button"]')?.click(),
  "/": () => document.getElementById("search")?.focus(),
  "?": () => help.showModal(),
  Escape: leave,
  g: () => { going = Date.now(); },
};

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || help.open) return;
  const typing = event.target.closest("input:not([type=checkbox]), select, textarea, [contenteditable]");
  if (typing) {
    if (event.key === "Escape") typing.blur();
    return;
  }
  if (document.querySelector(":popover-open, .menu[open]") || (!on() && event.key !== "Escape")) return;
  const place = Date.now() - going < 1500 && PLACES[event.key];
  going = 0;
  const link = place && document.querySelector(`#folders [data-use="${place}"]`);
  const run = place ? () => link && go(link.href) : SINGLE[event.key] ?? (FILING[event.key] && (() => file(FILING[event.key])));
  if (!run) return;
  event.preventDefault();
  run();
}

export default function attach() {
  if (!help) return;
  const box = document.getElementById("keys-on");
  box.checked = on();
  box.addEventListener("change", () => { try { localStorage.setItem(KEY, box.checked ? "on" : "off"); } catch { /* for this page only */ } });
  document.addEventListener("keydown", pressed);
  document.addEventListener("click", (event) => { if (event.target.closest("[data-open-help]")) help.showModal(); });
}
