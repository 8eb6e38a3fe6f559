// One list: selecting rows (also ranges and all shown), the bar that then replaces its head, and the tools of a row.
import { act } from "./act.js";
import { go } from "./panes.js";

const ROW_TOOLS = [["archive", "Archive", "action-archive"], ["trash", "Delete", "action-trash"], ["flag", "Flag", "action-flag"], ["read", "Mark read", "action-read"]];
const states = new WeakMap();

export const rowsOf = (list) => [...list.querySelectorAll(".row:not(.leaving)")];
export const picked = (list) => rowsOf(list).filter((row) => row.querySelector('[name="uid"]').checked);

/** Sets a row's checkbox, or those from the last one to this (`range`). */
export function pick(list, row, on, { range = false } = {}) {
  const rows = rowsOf(list);
  const from = range ? Math.max(0, rows.indexOf(states.get(list)?.last)) : rows.indexOf(row);
  const [first, last] = [from, rows.indexOf(row)].sort((a, b) => a - b);
  rows.slice(first, last + 1).forEach((each) => { each.querySelector('[name="uid"]').checked = on; });
  refresh(list, row);
}

export function pickAll(list, on) {
  rowsOf(list).forEach((row) => { row.querySelector('[name="uid"]').checked = on; });
  refresh(list, null);
}

/** Shows or takes away the bar. It is in the page only while something is selected, so its names are unique. */
export function refresh(list, last) {
  const state = states.get(list);
  if (!state) return;
  if (last !== undefined) state.last = last;
  const count = picked(list).length;
  const all = rowsOf(list).length;
  list.classList.toggle("selecting", count > 0 || state.mode);
  if (!count) state.bar.remove();
  else if (!state.bar.isConnected) state.form.prepend(state.bar);
  const shown = state.bar.querySelector('[data-testid="selection-count"]');
  shown.textContent = `${count} selected`;
  shown.title = count === all ? "All on this page" : "";
  const remove = state.bar.querySelector('[data-testid="action-delete"]');
  if (remove) remove.textContent = `Delete ${count} ${count === 1 ? "message" : "messages"}`;
  if (state.all) {
    state.all.checked = count > 0 && count === all;
    state.all.indeterminate = count > 0 && count < all;
  }
}

function rowTools(list) {
  const tools = document.createElement("span");
  tools.className = "row-tools";
  for (const [name, label, like] of ROW_TOOLS) {
    const model = states.get(list).bar.querySelector(`[data-testid="${like}"]`);
    if (!model) continue;
    const tool = document.createElement("button");
    Object.assign(tool, { type: "button", className: "tool", title: label, ariaLabel: label });
    tool.dataset.rowAction = name;
    tool.append(model.querySelector("svg").cloneNode(true));
    tools.append(tool);
  }
  return tools;
}

function showTools(list, tools, row) {
  if (!row || tools.parentElement === row) return;
  const label = (name, text) => {
    const tool = tools.querySelector(`[data-row-action="${name}"]`);
    if (tool) tool.title = tool.ariaLabel = text;
  };
  label("flag", row.dataset.flagged === "true" ? "Take flag off" : "Flag");
  label("read", row.dataset.seen === "true" ? "Mark unread" : "Mark read");
  row.append(tools);
}

/** The action that a row's tool means for the row as it is: flag or unflag, read or unread. */
export function meant(name, row) {
  if (name === "flag" && row.dataset.flagged === "true") return "unflag";
  if (name === "read" && row.dataset.seen === "true") return "unread";
  return name;
}

export default function attach(list) {
  const form = list.querySelector(".list-body");
  list.querySelector(".sort select")?.addEventListener("change", (event) => event.target.form.requestSubmit());
  if (!form) return;
  const state = { form, bar: form.querySelector(".selection"), all: list.querySelector("[data-select-all]"), last: null, mode: false };
  states.set(list, state);
  let shift = false;
  form.addEventListener("pointerdown", (event) => { shift = event.shiftKey; }, true);
  form.addEventListener("keydown", (event) => { shift = event.shiftKey; }, true);
  form.addEventListener("change", (event) => {
    if (event.target.name === "uid") pick(list, event.target.closest(".row"), event.target.checked, { range: shift });
  });
  state.all?.addEventListener("change", () => pickAll(list, state.all.checked));
  state.bar.querySelector("[data-select-none]").addEventListener("click", () => {
    state.mode = false;
    pickAll(list, false);
    list.querySelector("h1").focus();
  });
  const mode = list.querySelector("[data-select-mode]");
  mode?.addEventListener("click", () => {
    state.mode = !state.mode;
    mode.setAttribute("aria-pressed", String(state.mode));
    refresh(list);
  });
  const tools = rowTools(list);
  for (const kind of ["pointerover", "focusin"]) form.addEventListener(kind, (event) => showTools(list, tools, event.target.closest(".row")));
  form.addEventListener("click", (event) => {
    const tool = event.target.closest("[data-row-action]");
    const row = event.target.closest(".row");
    if (tool) act(meant(tool.dataset.rowAction, row), [row]);
    else if (state.mode && row && event.target.closest("a")) {
      event.preventDefault();
      pick(list, row, !row.querySelector('[name="uid"]').checked);
    }
  });
  refresh(list);
}

/** Opens a row's message. */
export const open = (row) => go(row.querySelector(".row-subject").href);
