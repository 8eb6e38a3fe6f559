// Writing: a panel where there is room, saved by itself, files with progress. Everything is the form's own POST.
import { ask, reason } from "./ask.js";
import { attachIn } from "./attach.js";
import { fill, target } from "./html.js";
import { fillList, listPart, messagePart, putList, rowOf, showList, takeRest } from "./panes.js";
import { takeToasts, toast } from "./say.js";
import copies, { offer } from "./write-copy.js";
import files, { changes } from "./write-files.js";
import people from "./write-people.js";
import rich from "./write-rich.js";
import texts from "./write-texts.js";

// Readers do not load the sheet: whoever comes here from the mail waits for it, so that nothing is seen without it.
const sheet = new URL("../css/write.css", import.meta.url).href;
if (![...document.styleSheets].some(({ href }) => href === sheet)) {
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: sheet });
  await new Promise((ready) => { link.onload = link.onerror = ready; document.head.append(link); });
}

const PAUSE = 2500; // ms without a key until a draft is saved
const shelf = document.getElementById("write-shelf");
let current = null; // the draft in the panel
export const left = async () => !current || current.leave(); // saved, so that another can stand there

/** Opens what an address of writing leads to in the panel beside the mail. */
export async function open(url, options) {
  if (!(await left())) return undefined;
  const answer = await ask(url, options).catch(() => null);
  const part = answer?.page?.querySelector('[data-fragment="compose"]');
  if (!part) return answer?.ok ? location.assign(url) : toast(reason(answer), { level: "error" });
  if (!shelf.contains(document.activeElement)) shelf.opener = document.activeElement;
  return show(part) ?? takeToasts(answer.page); // what is told of a draft as it is opened
}

/** Puts a message that the server sent into the panel. */
export function show(part) {
  fill(shelf, part);
  attachIn(shelf);
  const empty = [...shelf.querySelectorAll('[name="to"], [name="subject"]')].find((field) => !field.value);
  const text = shelf.querySelector("textarea");
  (shelf.querySelector("[aria-invalid]") ?? empty ?? text).focus();
  toBeginning(text);
}

/** The caret to where writing begins: above a quote, or below it and above the signature. */
function toBeginning(text) {
  const sign = text.value.lastIndexOf("\n-- \n");
  const place = text.dataset.below === undefined ? 0 : sign < 0 ? text.value.length : sign;
  text.setSelectionRange(place, place);
}

/** One draft being written: `section` is the page's part of it. */
export default function write(section) {
  const form = section.querySelector("form");
  const state = section.querySelector("[data-state]");
  let [timer, busy] = [0, false];
  const copy = copies(form);
  // What was typed before this script was there, and what the server could not save, is not saved.
  let last = "unsaved" in section.dataset || early(form) ? "" : fingerprint(form);
  let work = Promise.resolve(true); // one POST after the other: each needs the draft that the one before stored

  const told = (text, late = false) => { state.textContent = text; state.classList.toggle("late", late); };
  const changed = () => fingerprint(form) !== last;
  const unnoticed = (change) => { const saved = !changed(); change(); if (saved) last = fingerprint(form); };
  const after = (task) => { work = work.then(task, task); return work; };

  const attached = files(section, { later, ended: () => ended("save") });

  function later() {
    clearTimeout(timer);
    if (!changed()) return void copy.drop();
    told("Not saved yet");
    copy.keep();
    timer = setTimeout(save, PAUSE);
  }

  /** Resolves to whether the server has what stands in the form; `whole`: files that it keeps apart are put in, too. */
  function save(whole = false) {
    clearTimeout(timer);
    return after(async () => {
      if (!changed() && !(whole && attached.apart())) return true;
      const sent = typed(form);
      const answer = await post("save", { brief: true, whole });
      if (!answer.ok) {
        told(reason(answer).replace(/^(?!Not saved)/, "Not saved. "), true);
        timer = setTimeout(save, 15000);
        return false;
      }
      take(answer.page, sent);
      return true;
    });
  }

  function post(action, { brief = false, whole = false, body = new FormData(form) } = {}) {
    body.set("action", action);
    attached.going();
    const turn = form.elements.turn; // which save of this form it is, should an answer be lost
    turn.value = turn.value.replace(/\d+$/, (count) => Number(count) + 1);
    body.set("turn", turn.value);
    if (brief) body.delete("upload");
    if (whole) body.set("whole", "1");
    const headers = { "X-Postern-Fragment": brief ? "saved" : "1", Accept: "text/html" };
    return ask(target(form), { method: "POST", body, headers, ended: () => ended(action) });
  }

  /** The session is over: the browser sends the form itself, and the answer is a page to sign in that carries it. */
  function ended(action) {
    const button = document.createElement("input");
    Object.assign(button, { type: "hidden", name: "action", value: action });
    form.append(button);
    [last, section.inert] = [fingerprint(form), false]; // who comes back finds it as it was
    form.submit();
  }

  /** The draft's new place and its files, from the answer to a save of what was `sent`. */
  function take(page, sent) {
    page.querySelectorAll("[data-kept] input").forEach((input) => { form.elements[input.name].value = input.value; });
    attached.take(page);
    told(page.querySelector("[data-state]").textContent);
    const conflict = page.querySelector("[data-conflict]");
    if (conflict) fill(section.querySelector("[data-conflict]"), ...conflict.children);
    takeToasts(page);
    last = JSON.stringify([sent, []]);
    later();
  }

  async function finish(action) {
    if (busy) return;
    busy = true;
    clearTimeout(timer);
    if (action === "discard") section.querySelectorAll(".sending button").forEach((stop) => stop.click());
    if (action === "discard") await save(); // so that the trash has it as it stands
    const [there, focused] = [await filesThere(), document.activeElement];
    const answer = (there || action === "discard") && await after(() => {
      section.inert = true; // what is typed from here on would not go along
      const body = new FormData(form); // not before: a save may have been under way, and moved the draft
      if (listPart() && section.closest("#write-shelf")) body.set("next", listPart().dataset.url);
      return post(action, { body });
    });
    busy = section.inert = false;
    if (!answer) return;
    const again = answer.page?.querySelector('[data-fragment="compose"]');
    if (!answer.ok && !again) {
      focused.focus();
      later();
      return void toast(reason(answer, "Your text is still here; try again"), { level: "error" });
    }
    last = fingerprint(form);
    if (again?.dataset.unsaved === undefined) copy.drop();
    if (again && section.closest("#write-shelf")) return void show(again);
    if (again) return void replace(again);
    if (!section.closest("#write-shelf")) return void location.assign(answer.url);
    close();
    takeRest(answer.page);
    const list = answer.page?.querySelector('[data-fragment="list"]');
    if (list && listPart()?.dataset.url === list.dataset.url) putList(list);
  }

  function replace(part) {
    const pane = section.parentElement;
    fill(pane, part);
    attachIn(pane);
    pane.querySelector("[aria-invalid], [data-testid='compose-send-anyway']")?.focus();
  }

  /** Resolves to whether everything that was chosen is attached. */
  async function filesThere() {
    if (section.querySelector(".sending")) told("Waits for the files");
    await attached.done();
    const name = attached.missing();
    if (name) toast(`${name} is not attached. Try again, or remove it.`, { level: "warning" });
    return !name;
  }

  async function leave() {
    if (!(await filesThere())) return false;
    if (!(await save(true))) {
      toast("The draft is not saved yet. It stays open.", { level: "warning" });
      return false;
    }
    const url = listPart()?.dataset.url; // a list beside it knows the draft by its former place
    if (url?.startsWith(`/mail/${form.elements.draft.value.split(".")[0]}/`)) fillList(url, listPart()).then((put) => put && messagePart() && !rowOf(messagePart().dataset.uid) && showList(url));
    return true;
  }

  function close() {
    current = shelf.replaceChildren() ?? null;
    shelf.opener?.focus();
  }

  form.addEventListener("input", later);
  people(form);
  texts(section);
  rich(section, { post, upload: attached.upload, unnoticed });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    event.stopPropagation();
    const action = event.submitter?.value ?? "send";
    if (action === "save") save(true);
    else finish(action);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); finish("send"); }
    else if (event.key === "Enter" && event.target.matches('input[type="text"]')) event.preventDefault();
    else if (event.key === "Escape" && !section.querySelector(".menu[open]") && section.closest("#write-shelf")) leave().then((saved) => saved && close());
    else return;
    event.stopPropagation();
  });
  section.addEventListener("click", async (event) => {
    if (event.target.closest("[data-close]")) {
      event.preventDefault();
      event.stopPropagation();
      const back = section.dataset.back;
      if (!(await leave())) return;
      if (section.closest("#write-shelf")) close();
      else location.assign(back);
    }
  });
  addEventListener("online", () => { if (section.isConnected) save(); });
  addEventListener("beforeunload", (event) => { if (section.isConnected && (changed() || section.querySelector(".sending"))) event.preventDefault(); });
  if (section.closest("#write-shelf")) current = { leave };
  later();
  offer();
}

const early = ({ elements }) => ["to", "cc", "bcc", "subject", "text"].some((name) => elements[name].value !== elements[name].defaultValue);

/** What a person has typed or chosen, to see whether it is saved. */
const fingerprint = (form) => JSON.stringify([typed(form), changes(form)]);
const typed = ({ elements }) => [...["from", "to", "cc", "bcc", "subject", "text", "html", "when"].map((name) => elements[name]?.value), elements.notify.checked];
