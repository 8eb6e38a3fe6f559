// Files of a message being written: each put on the mail server by a request of its own, with progress and a way to stop it.
import { ask, reason } from "./ask.js";
import { fill } from "./html.js";
import { say } from "./say.js";

const AT_ONCE = 2; // of three that an account may have over all its windows

/** What the server does not know of: files put since the last save, and files taken off. */
export const changes = (form) => boxes(form).filter((box) => !box.checked || box.closest("[data-new]")).map((box) => box.value);
const boxes = (form) => [...form.querySelectorAll('[name="file"]')];
const what = (box) => JSON.stringify(JSON.parse(box.value).slice(2)); // a file, wherever it lies: a save moves it
const isAside = (box) => JSON.parse(box.value)[1] === "TEXT"; // in a message of its own, which no draft has taken in
const megabytes = (octets) => `${Math.floor(Math.max(octets, 0) / 1e5) / 10} MB`;
const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
const button = (textContent, onclick) => make("button", { type: "button", className: "tool", textContent, onclick });

/** `later()`: something is to be saved · `ended()`: the session is over. */
export default function files(section, { later, ended }) {
  const form = section.querySelector("form");
  const list = section.querySelector(".write-files");
  const [under, queue] = [new Set(), []]; // uploads under way; those that wait for one to end
  let running = 0;
  const headers = () => ({ "X-CSRFToken": form.elements.csrf_token.value, "X-Postern-Fragment": "file" });
  const address = (about) => `${form.dataset.files}?${new URLSearchParams({ message_id: form.elements.message_id.value, ...about })}`;
  const used = () => [...list.querySelectorAll("[data-size]:not([hidden])")].reduce((sum, row) => sum + Number(row.dataset.size), 0);

  /** Puts one File on the mail server. Resolves to its line of the form, null where it is not attached. */
  function upload(file, contentId = "") {
    const work = put(file, contentId).finally(() => under.delete(work));
    return under.add(work) && work;
  }

  async function put(file, contentId) {
    const [large, row] = [tooLarge(file), waiting(file)];
    list.append(row);
    list.hidden = false;
    if (large) return failed(row, large);
    if (running >= AT_ONCE) await new Promise((resolve) => { queue.push(resolve); });
    running += 1;
    const answer = row.isConnected ? await sent(file, contentId, row) : null;
    running -= 1;
    queue.shift()?.();
    const item = answer?.page?.querySelector("li");
    if (!answer) return gone(row);
    if (answer.status === 401) return lost();
    if (!answer.ok || !item) return failed(row, reason(answer), () => upload(file, contentId));
    const line = document.importNode(item, true);
    row.replaceWith(line);
    say(`${file.name} is attached`);
    later();
    return line;
  }

  function tooLarge(file) {
    const [{ most, each }, taken] = [form.dataset, used()];
    if (file.size > each) return `Too large: a file may have ${megabytes(each)}.`;
    return taken + file.size > most ? `Too large: of ${megabytes(most)} for all files ${megabytes(most - taken)} are left.` : "";
  }

  async function sent(file, contentId, row) {
    const about = { name: file.name.slice(0, 200), type: file.type, content_id: contentId, beside: used() - file.size };
    const url = address({ ...about, draft: form.elements.draft.value });
    for (let tries = 1; ; tries += 1) {
      const answer = await request(url, headers(), file, row);
      if (![429, 503].includes(answer?.status) || tries === 40 || !row.isConnected) return answer;
      await new Promise((resolve) => { setTimeout(resolve, answer.wait * 1000); });
    }
  }

  /** The session is over: what was typed goes on by itself, a file has to be attached again. */
  function lost() {
    list.querySelectorAll(".sending").forEach((row) => {
      form.append(make("input", { type: "hidden", name: "lost", value: row.dataset.name }));
      row.remove();
    });
    ended();
    return null;
  }

  function gone(row) {
    row.remove();
    list.hidden = !list.children.length;
    return null;
  }

  function failed(row, text, again) {
    row.className = "attachment failed";
    row.dataset.testid = "compose-file-failed";
    delete row.dataset.size;
    row.replaceChildren(row.firstElementChild, make("span", { role: "alert", textContent: text }), button("Remove", () => gone(row)));
    if (again) row.lastElementChild.before(button("Try again", () => { gone(row); again(); }));
    return null;
  }

  /** The files as the server has them after a save, with what came or went meanwhile. */
  function take(page) {
    const off = [...list.querySelectorAll("[data-sent]:not(:checked)")].map(what);
    const came = [...list.children].filter((row) => row.matches(".sending, .failed, [data-new]:not(:has([data-sent]))"));
    fill(list, ...page.querySelector(".write-files").children);
    boxes(form).filter((box) => off.includes(what(box)) && off.splice(off.indexOf(what(box)), 1)).forEach(drop);
    list.append(...came);
    list.hidden = !list.children.length;
  }

  function drop(box) {
    box.checked = false;
    box.closest("li").hidden = true;
  }

  function chosen(input) {
    [...input.files].forEach((file) => upload(file));
    input.value = "";
  }

  form.addEventListener("change", (event) => { if (event.target.name === "upload") chosen(event.target); });
  queueMicrotask(() => chosen(form.elements.upload)); // before this script was there
  section.addEventListener("click", (event) => {
    const box = event.target.closest("[data-drop]")?.closest("li").querySelector("input");
    if (!box) return;
    drop(box);
    later();
    if ("sent" in box.dataset || !isAside(box)) return; // it lies in the draft, or will
    ask(address({ file: box.value }), { method: "DELETE", headers: headers(), ended: () => {} });
  });
  for (const name of ["dragover", "dragleave", "drop"]) {
    form.addEventListener(name, (event) => {
      if (!event.dataTransfer?.types.includes("Files") || event.defaultPrevented) return;
      event.preventDefault();
      form.classList.toggle("dropping", name === "dragover");
      if (name === "drop") [...event.dataTransfer.files].forEach((file) => upload(file));
    });
  }
  return {
    upload, take,
    apart: () => boxes(form).some((box) => box.checked && isAside(box)),
    going: () => boxes(form).forEach((box) => { if (box.checked) box.dataset.sent = ""; }), // with the save that follows
    done: async () => { while (under.size) await Promise.all(under); },
    missing: () => list.querySelector(".failed")?.dataset.name,
  };
}

function waiting(file) {
  const row = make("li", { className: "attachment sending" });
  row.dataset.testid = "compose-file-sending";
  Object.assign(row.dataset, { name: file.name, size: file.size });
  const bar = make("progress", { max: 1, value: 0, ariaLabel: file.name });
  row.append(make("bdi", { textContent: file.name }), bar, button("Stop", () => row.remove()));
  return row;
}

/** fetch cannot tell how far an upload is. Resolves as `ask` does, with the seconds to wait; null when it was stopped. */
function request(url, headers, file, row) {
  return new Promise((resolve) => {
    const sending = new XMLHttpRequest();
    const answer = (page) => ({ ok: sending.status > 0 && sending.status < 400, status: sending.status, page, wait: Number(sending.getResponseHeader("Retry-After")) || 5 });
    sending.open("PUT", url);
    sending.responseType = "document";
    Object.entries({ ...headers, "Content-Type": "application/octet-stream" }).forEach((each) => sending.setRequestHeader(...each));
    sending.upload.onprogress = (event) => { row.querySelector("progress").value = event.loaded / event.total; };
    sending.onload = () => resolve(answer(sending.responseXML));
    sending.onerror = () => resolve(answer(null));
    sending.onabort = () => resolve(null);
    row.querySelector("button").onclick = () => { row.remove(); sending.abort(); };
    sending.send(file);
  });
}
