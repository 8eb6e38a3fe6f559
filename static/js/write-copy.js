// What is typed and not saved yet lies in this browser too, sealed with a key that only its account's pages know.
const PREFIX = "postern.copy.";
const [AGE, MOST, LARGEST] = [14 * 86400e3, 20, 256 * 1024];
const NEVER = ["csrf_token", "carry_token", "action"];

const store = (() => { try { return localStorage; } catch { return {}; } })();
const able = Boolean(window.crypto?.subtle && navigator.locks && store.setItem);
const octets = (text) => Uint8Array.from(text, (each) => each.charCodeAt(0));
const letters = (bytes) => { let text = ""; for (const each of bytes) text += String.fromCharCode(each); return text; };
const utf8 = (text) => new TextEncoder().encode(text);

const places = () => Object.keys(store).filter((key) => key.startsWith(PREFIX));
const born = (place) => parseInt(store[place], 10) || 0;
const pairs = (told) => told.split(" ").map((pair) => pair.split(":"));
const opening = (raw) => crypto.subtle.importKey("raw", octets(atob(raw)), "AES-GCM", false, ["encrypt", "decrypt"]);
const bound = (place, iv) => ({ name: "AES-GCM", iv, additionalData: utf8(place) });

/** Takes away what is too old, and the oldest beyond `most`. */
function tidy(most) {
  const all = places().sort((one, other) => born(other) - born(one));
  all.filter((place, at) => at >= most || Date.now() - born(place) > AGE).forEach((place) => store.removeItem(place));
}

/** The copy of one form: `keep()` what stands in it now, at most once a second; `drop()` it once the server has that. */
export default function copy(form) {
  const [name, raw] = pairs(form.dataset.copies)[0];
  let [timer, turn, place] = [0, 0, null];

  async function where() {
    const told = form.elements.message_id.value + form.elements.turn.value.split(".")[0]; // each tab has its own
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(told))).toString().replaceAll(",", "");
    const found = `${PREFIX}${name}.${hash.slice(0, 32)}`;
    if (found !== place) navigator.locks.request(place = found, () => new Promise(() => {})); // until this page ends
    document.querySelector(`[data-place="${found}"]`)?.remove();
  }

  async function seal() {
    const [mine, at, iv] = [++turn, Date.now(), crypto.getRandomValues(new Uint8Array(12))];
    const fields = [...new FormData(form)].filter(([field, value]) => typeof value === "string" && !NEVER.includes(field));
    const plain = utf8(JSON.stringify(fields));
    await where();
    if (plain.length > LARGEST) return;
    const sealed = await crypto.subtle.encrypt(bound(place, iv), await opening(raw), plain);
    if (mine !== turn) return; // saved meanwhile
    tidy(store[place] ? MOST : MOST - 1);
    try { store.setItem(place, `${at} ${letters(iv)}${letters(new Uint8Array(sealed))}`); } catch { tidy(5); }
  }

  const now = () => { if (timer) { clearTimeout(timer); timer = 0; seal(); } };
  const drop = () => {
    [turn, timer] = [turn + 1, clearTimeout(timer) ?? 0];
    if (place) store.removeItem(place);
  };
  if (!able) return { keep() {}, drop() {} };
  where(); // nobody is offered what is being written here
  addEventListener("pagehide", now);
  document.addEventListener("visibilitychange", now);
  return { keep: () => { timer ||= setTimeout(now, 1000); }, drop };
}

/** A quiet note of the latest copy that no tab is writing on, if there is one of whoever is signed in. */
export async function offer() {
  const shelf = document.getElementById("toasts");
  if (!able || !places().length || !document.getElementById("write-shelf")) return;
  tidy(MOST);
  const answer = await fetch("/compose/copies", { credentials: "same-origin" }).then((found) => found.json()).catch(() => ({ copies: "" }));
  for (const place of places().sort((one, other) => born(other) - born(one))) {
    const [, raw] = pairs(answer.copies).find(([name]) => place.startsWith(`${PREFIX}${name}.`)) ?? [];
    const sealed = octets(store[place].slice(store[place].indexOf(" ") + 1));
    const plain = raw && await crypto.subtle.decrypt(bound(place, sealed.slice(0, 12)), await opening(raw), sealed.slice(12)).catch(() => null);
    if (!plain) continue;
    const fields = JSON.parse(new TextDecoder().decode(plain));
    const [saved, { held }] = [await known(fields), await navigator.locks.query()];
    if (held.some(({ name }) => name === place)) continue; // somebody writes on it, or begins to
    if (!saved) return shelf.querySelector('[data-testid="copy-note"]') ?? shelf.append(note(place, fields));
    store.removeItem(place);
  }
}

function note(place, fields) {
  const [box, line] = [document.createElement("div"), document.createElement("p")];
  const time = new Date(born(place)).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  const subject = fields.find(([field]) => field === "subject")[1];
  line.textContent = `A message that was not saved is in this browser: ${subject || "(no subject)"}, ${time}.`;
  Object.assign(box, { className: "toast toast-offer" }).dataset.place = place;
  box.dataset.testid = "copy-note";
  const button = (text, act) => {
    const made = Object.assign(document.createElement("button"), { type: "button", className: "toast-action", textContent: text });
    made.addEventListener("click", () => { box.remove(); act(); });
    return made;
  };
  box.append(line, button("Open it", () => again(fields)), button("Throw it away", () => { store.removeItem(place); offer(); }));
  return box;
}

function formOf(fields, action) {
  const token = document.querySelector('[name="csrf_token"]').value;
  const form = Object.assign(document.createElement("form"), { method: "post", action: "/compose", enctype: "multipart/form-data" });
  for (const [name, value] of [...fields, ["csrf_token", token], ["action", action]]) {
    form.append(Object.assign(document.createElement("textarea"), { name, value, hidden: true }));
  }
  return form;
}

/** Whether the server has the same words, saved or sent: the answer that told so may never have arrived. */
function known(fields) {
  const body = new FormData(formOf(fields, "known"));
  return fetch("/compose", { method: "POST", body, credentials: "same-origin" }).then((answer) => answer.json()).then((told) => told.known, () => false);
}

/** The form as it was, from the server, which has not saved it. */
async function again(fields) {
  const form = formOf(fields, "again");
  if (matchMedia("(min-width: 768px)").matches) return (await import("./write.js")).open("/compose", { method: "POST", body: new FormData(form) });
  document.body.append(form);
  return HTMLFormElement.prototype.submit.call(form); // one of its fields is named "action"
}

// Who signs out leaves unsaved copies behind, sealed, and nothing else.
document.addEventListener("submit", ({ target }) => {
  if (!/\/(logout|everywhere)$/.test(target.getAttribute("action")) || !places().length) return;
  Object.keys(store).filter((key) => !key.startsWith(PREFIX)).forEach((key) => store.removeItem(key));
  target.append(Object.assign(document.createElement("input"), { type: "hidden", name: "unsaved", value: "1" }));
});
