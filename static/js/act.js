// Flags, filing, moving and undo: shown at once, sent one after the other, taken back with a sentence if the server says no.
import { ask, reason } from "./ask.js";
import { setIcon, target } from "./html.js";
import { refresh } from "./list.js";
import { doubt, fillList, focusRow, go, listPart, messagePart, putList, rowOf, showList, takeRest } from "./panes.js";
import { clearToasts, toast } from "./say.js";

const FLAGS = { read: ["seen", "true"], unread: ["seen", "false"], flag: ["flagged", "true"], unflag: ["flagged", "false"] };
let queue = Promise.resolve();
let waiting = 0;

/** Does `action` to rows of the list, by the list's own form. */
export function act(action, rows) {
  const form = listPart()?.querySelector(".list-body");
  if (!form || !rows.length) return;
  const body = new FormData();
  for (const name of ["csrf_token", "uidvalidity"]) body.append(name, form.elements[name].value);
  rows.forEach((row) => body.append("uid", row.dataset.uid));
  body.set("action", action);
  send(target(form), body);
}

function send(url, body) {
  const action = body.get("action");
  const uids = body.getAll("uid");
  const takeBack = FLAGS[action] ? showFlag(action, uids) : action === "forward" ? () => {} : showGone(uids);
  if (listPart()) body.set("next", listPart().dataset.url);
  waiting += 1;
  queue = queue.then(() => deliver(url, body, takeBack));
}

async function deliver(url, body, takeBack) {
  const answer = await ask(url, { method: "POST", body });
  waiting -= 1;
  if (!answer.ok) {
    takeBack();
    doubt(answer);
    return toast(reason(answer, "Perhaps it was done all the same: look at the list again"), { level: "error" });
  }
  clearToasts();
  takeRest(answer.page);
  const draft = answer.page?.querySelector('[data-fragment="compose"]'); // sending was undone, or messages are forwarded
  if (draft) return import("./write.js").then(async ({ left, show }) => { if (await left()) show(draft); });
  const part = answer.page?.querySelector('[data-fragment="list"]');
  // An older answer does not know of what was done since: only the last one of a row replaces the list, if that is still open.
  if (part && waiting === 0 && body.get("next") === listPart()?.dataset.url) putList(part, body.getAll("uid"));
  else if (part && waiting === 0 && listPart()) fillList(listPart().dataset.url, listPart());
  if (document.activeElement === document.body) document.querySelector("#list h1")?.focus(); // the button is gone with its toast
  return undefined;
}

function showFlag(action, uids) {
  const [name, value] = FLAGS[action];
  const changed = uids.map(rowOf).filter((row) => row && row.dataset[name] !== value);
  const set = (to) => changed.forEach(({ dataset: { uid } }) => {
    const row = rowOf(uid);
    if (row) row.dataset[name] = to;
    if (row && name === "flagged") showFlagMark(row, to === "true");
  });
  set(value);
  const button = messagePart() && uids.includes(messagePart().dataset.uid) ? messagePart().querySelector('[value="flag"], [value="unflag"]') : null;
  if (name === "flagged" && button) showFlagButton(button, value === "true");
  if (action === "unread" && uids.includes(messagePart()?.dataset.uid) && listPart()) showList(listPart().dataset.url);
  return () => {
    set(value === "true" ? "false" : "true");
    if (name === "flagged" && button) showFlagButton(button, value !== "true");
  };
}

function showFlagMark(row, flagged) {
  row.querySelector(".row-flag")?.remove();
  if (flagged) row.querySelector(".row-marks").append(listPart().querySelector("[data-flag]").content.cloneNode(true));
}

function showFlagButton(button, flagged) {
  const action = flagged ? "unflag" : "flag";
  button.value = action;
  button.dataset.testid = `action-${action}`;
  button.title = flagged ? "Take flag off" : "Flag";
  button.querySelector(".tool-text").textContent = button.title;
  setIcon(button.querySelector("svg"), flagged ? "flag-off" : "flag");
}

function showGone(uids) {
  const rows = uids.map(rowOf).filter(Boolean);
  const focused = rows.some((row) => row.contains(document.activeElement)) || document.activeElement?.closest(".selection");
  const last = rows.at(-1);
  let next = last?.nextElementSibling;
  while (next?.matches(".leaving") || rows.includes(next)) next = next.nextElementSibling;
  rows.forEach((row) => {
    row.classList.add("leaving");
    row.querySelector('[name="uid"]').checked = false;
  });
  if (listPart()) refresh(listPart());
  const opened = uids.includes(messagePart()?.dataset.uid);
  if (opened && listPart()) showList(listPart().dataset.url, { focus: false });
  if (opened || focused) focusRow(next ?? rows[0]?.previousElementSibling);
  return () => uids.forEach((uid) => rowOf(uid)?.classList.remove("leaving"));
}

function submitted(event) {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  const url = target(form);
  const body = new FormData(form, event.submitter);
  if (url.pathname.endsWith("/actions")) {
    if (!listPart()) return; // alone on the page: the server leads back
    event.preventDefault();
    if (body.get("action") === "move" && !body.get("target")) {
      form.elements.target.focus();
      toast("Choose a folder to move to.");
    } else {
      document.querySelector(":popover-open")?.hidePopover();
      send(url, body);
    }
  } else if (url.pathname.endsWith("/undo") && listPart()) {
    event.preventDefault();
    body.set("next", listPart().dataset.url);
    event.submitter.disabled = true; // pressed twice, the second would find nothing left to undo
    queue = queue.then(() => deliver(url, body, () => { event.submitter.disabled = false; }));
    waiting += 1;
  } else if (url.pathname.endsWith("/remote") && messagePart()) {
    event.preventDefault();
    choose(url, body, form);
  }
}

async function choose(url, body, form) {
  const answer = await ask(url, { method: "POST", body });
  if (!answer.ok) toast(reason(answer), { level: "error" });
  else if (form.isConnected) go(answer.url, { push: false }); // else another message is open by now
}

export default function attach() {
  document.addEventListener("submit", submitted);
}
