// Moves between folders and messages by putting parts of pages into the two panes; addresses and Back stay true.
import { ask, reason } from "./ask.js";
import { fill, target } from "./html.js";
import { offerStop, say, takeToasts, toast } from "./say.js";
import { takeFolders, unread } from "./folders.js";
import { attachIn } from "./attach.js";

const panes = document.querySelector(".panes");
const list = document.getElementById("list");
const reading = document.getElementById("reading");
const LIST = /^\/mail\/[^/]+\/$/;
const MESSAGE = /^\/mail\/[^/]+\/\d+\/\d+(\/headers|\/raw)?$/;
const brand = document.title.split(" · ").pop();
let asking = new AbortController();

export const listPart = () => list?.querySelector('[data-fragment="list"]') ?? null;
export const messagePart = () => reading?.querySelector('[data-fragment="message"]') ?? null;
export const wide = () => matchMedia("(min-width: 768px)").matches;
const path = (url) => new URL(url, location.href).pathname;
const whole = (url) => { const to = new URL(url, location.href); return to.pathname + to.search; };

/** Opens a folder or a message. `push` false: the address is already there (Back, first load). */
export async function go(url, { push = true, focus = true } = {}) {
  const toList = LIST.test(path(url));
  if (!panes || !(toList || MESSAGE.test(path(url)))) return location.assign(url);
  asking.abort();
  if (toList && listPart()?.dataset.url === whole(url) && panes.dataset.view === "message") return showList(url, { push, focus });
  asking = new AbortController();
  if (!toList) mark(url);
  const answer = await asked(url, asking);
  if (!answer) return mark(); // overtaken by the next one, or stopped
  const part = answer.page?.querySelector("[data-fragment]");
  if (!part) return answer.ok ? location.assign(url) : toast(reason(answer), { level: "error" });
  const at = answer.ok ? whole(answer.url) : whole(url);
  if (push) history.pushState({}, "", at);
  takeRest(answer.page);
  if (part.dataset.fragment === "list") {
    putList(part);
    return showList(at, { push: false, focus });
  }
  fill(reading, part);
  attachIn(reading);
  showMessage({ focus });
  if (wide() && part.dataset.back && path(part.dataset.back) !== path(listPart()?.dataset.url ?? "/")) fillList(part.dataset.back, listPart());
  if (!answer.ok) say(reason(answer));
  return doubt(answer);
}

/** Asks, and offers to stop when it takes more than two seconds; undefined when it was stopped. */
async function asked(url, asking) {
  let offer;
  const late = setTimeout(() => { offer = offerStop("This takes a while.", () => asking.abort()); }, 2000);
  try {
    return await ask(url, { signal: asking.signal });
  } catch {
    return undefined;
  } finally {
    clearTimeout(late);
    offer?.remove();
  }
}

/** Asks for the list again after an answer that says that what it shows is no longer so. */
export const doubt = ({ status }) => { if ((status === 404 || status === 409) && listPart()) fillList(listPart().dataset.url, listPart()); };

/** Replaces the list by a newer one, keeping place, focus, the open row and what is selected, without what is `done`. */
export function putList(part, done = []) {
  const before = listPart();
  const same = before?.dataset.url === part.dataset.url;
  const place = same ? before.querySelector(".rows")?.scrollTop ?? 0 : 0;
  const row = same ? document.activeElement?.closest?.(".row") : null;
  const onPick = document.activeElement?.matches?.('[name="uid"]');
  const chosen = same ? [...before.querySelectorAll('[name="uid"]:checked')].map((box) => box.value).filter((uid) => !done.includes(uid)) : [];
  fill(list, part);
  attachIn(list);
  if (!same) aimSearch(part.dataset.url);
  if (place) list.querySelector(".rows")?.scrollTo(0, place);
  chosen.forEach((uid) => rowOf(uid)?.querySelector('[name="uid"]').click());
  if (row) focusRow(rowOf(row.dataset.uid) ?? null, onPick);
  mark();
}

// The search box is that of the folder which is open, and says what its list was searched for.
function aimSearch(url) {
  const box = document.getElementById("search");
  const name = list.querySelector("h1").textContent;
  box.form.setAttribute("action", path(url));
  if (document.activeElement !== box) box.value = new URL(url, location.href).searchParams.get("q") ?? "";
  box.placeholder = `Search ${name}`;
  box.labels[0].textContent = `Search in ${name}`;
}

/** Counts, notices and undo that came with a part. */
export function takeRest(page) {
  takeFolders(page);
  setTitle();
  takeToasts(page);
}

export const rowOf = (uid) => list?.querySelector(`.row[data-uid="${CSS.escape(uid)}"]`) ?? null;
export const focusRow = (row, onPick = false) => row?.querySelector(onPick ? '[name="uid"]' : ".row-subject")?.focus();

/** Back to the list: the message leaves the reading pane. */
export function showList(url, { push = true, focus = true } = {}) {
  const row = messagePart() && rowOf(messagePart().dataset.uid);
  if (push) history.pushState({}, "", url);
  panes.dataset.view = "list";
  fill(reading, document.getElementById("nothing-open").content);
  mark();
  setTitle(listPart()?.dataset.title);
  if (!focus) return;
  if (row) focusRow(row);
  else list.querySelector("h1")?.focus({ preventScroll: true });
  say(`${listPart()?.dataset.title ?? ""}, ${list.querySelector(".range")?.textContent ?? "empty"}`);
}

function showMessage({ focus }) {
  panes.dataset.view = "message";
  const part = reading.querySelector("[data-fragment]");
  const row = messagePart() && rowOf(part.dataset.uid);
  if (row) row.dataset.seen = "true";
  mark();
  setTitle(part.dataset.title);
  if (!focus) return;
  // On a wide screen the list keeps the focus, so that its keys go on working.
  if (wide() && document.activeElement?.closest?.("#list")) say(`${part.dataset.title} is open`);
  else reading.querySelector("h1")?.focus();
}

/** Marks the row of the open message, or of the one that is about to open. */
function mark(url) {
  list.querySelectorAll(".row.open").forEach((row) => { row.classList.remove("open"); row.querySelector("a").removeAttribute("aria-current"); });
  const [, , mailbox, , uid] = path(url ?? location.href).split("/");
  const row = uid && path(listPart()?.dataset.url ?? "/").split("/")[2] === mailbox ? rowOf(uid) : null;
  row?.classList.add("open");
  row?.querySelector("a").setAttribute("aria-current", "true");
}

export function setTitle(title) {
  const name = title ?? document.title.replace(/^\([\d,]+\) /, "").split(" · ")[0];
  document.title = `${unread() ? `(${unread().toLocaleString("en")}) ` : ""}${name} · ${brand}`;
}

/** The list at `url` in place of `before`, if that is still what stands there; whether it was put. */
export async function fillList(url, before = null) {
  const answer = await ask(url).catch(() => null);
  const part = answer?.page?.querySelector('[data-fragment="list"]');
  return part && listPart() === before && !putList(part);
}

function followLinks(event) {
  const link = event.target.closest("a[href]");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (link.origin !== location.origin || link.target || link.hasAttribute("download")) return;
  if (!LIST.test(link.pathname) && !MESSAGE.test(link.pathname)) return;
  event.preventDefault();
  // What is open already: a second time leads into it.
  if (wide() && messagePart()?.dataset.url === whole(link.href)) return reading.querySelector("h1").focus();
  document.getElementById("folders")?.matches(":popover-open") && document.getElementById("folders").hidePopover();
  return go(link.href);
}

function followForms(event) {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "get" || !LIST.test(target(form).pathname)) return;
  event.preventDefault();
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
  go(`${target(form).pathname}${query.size ? `?${query}` : ""}`);
}

export default function attach() {
  document.addEventListener("click", followLinks);
  document.addEventListener("submit", followForms);
  addEventListener("popstate", () => go(location.href, { push: false }));
  const back = reading.querySelector("[data-fragment]")?.dataset.back;
  if (back && wide()) fillList(back);
  setTitle();
}
