// Recipients as chips, and whom the word being typed may mean. The form's own field stays the truth: it always holds all
// that was typed, and whoever changes it (with an "input" event) changes the chips.
import { say } from "./say.js";

const PAUSE = 150; // ms without a key until anything is asked for
const FOLDED = ".chip:nth-child(n+8):not(:last-child, .wrong)"; // as write.css hides them
let dragged = null; // takes the chip that is dragged out of its line

export default (form) => form.querySelectorAll("[data-people]").forEach((field) => line(field, form));

const got = (url, options) => fetch(url, options).then((answer) => (answer.ok ? answer.json() : null)).catch(() => null);
const shown = (person) => person.name || person.address || person.typed;
const written = ({ name, address }) => (name ? `"${name.replace(/["\\]/g, "")}" <${address}>` : address);

/** A text with what of it was typed in bold, from the beginnings of its words; case and accents do not count. */
function marked(text, typed) {
  const bare = (letters) => [...letters].map((each) => each.normalize("NFD").charAt(0).toLowerCase()).join("");
  const plain = bare(text);
  const begins = (piece) => [...plain].findIndex((_, at) => plain.startsWith(piece, at) && !/[\p{L}\p{N}]/u.test(plain[at - 1] ?? ""));
  const hits = bare(typed).split(/\s+/).map((piece) => [begins(piece), piece.length]).filter(([from]) => from >= 0);
  return [...text].map((each, at) => (hits.some(([from, length]) => at >= from && at < from + length) ? Object.assign(document.createElement("b"), { textContent: each }) : each));
}

function line(field, form) {
  const row = field.parentElement;
  const [label, box, fault] = ["label", ".write-people", ".write-fault"].map((name) => row.querySelector(name));
  const [chips, more, entry, list] = box.children;
  let [timer, active] = [0, -1];
  box.hidden = false;
  label.htmlFor = entry.id;
  Object.entries({ class: "truth", tabindex: "-1", "aria-hidden": "true", "aria-label": label.textContent, "aria-describedby": "" }).forEach((each) => field.setAttribute(...each));
  [entry.ariaInvalid, field.ariaInvalid] = [field.ariaInvalid, null];

  const copy = (name) => form.querySelector(".write-head > template").content.querySelector(name).cloneNode(true);
  const all = () => [...chips.children];
  const text = (chip) => chip.querySelector(".chip-text");
  const mark = (chip) => chip.person.address.toLowerCase();
  const unfold = () => { chips.classList.add("unfolded"); draw(); };
  const close = () => { clearTimeout(timer); list.replaceChildren(); move(-1); };

  function made(person) {
    const chip = copy(".chip");
    const told = [person.name && person.address, person.why || (person.doubt && `is it ${person.doubt}?`)].filter(Boolean).join(", ");
    chip.querySelectorAll("bdi").forEach((each) => { each.textContent = shown(person); });
    chip.querySelector(".hidden").textContent = ` ${told}`;
    text(chip).title = told || shown(person);
    chip.classList.toggle("wrong", Boolean(person.why));
    chip.classList.toggle("doubted", Boolean(person.doubt));
    return Object.assign(chip, { person });
  }

  /** Puts people in place of a chip, or behind all; each address of the line once. */
  function put(everyone, place = chips.appendChild(document.createElement("li"))) {
    const known = new Set(all().filter((each) => each !== place).map(mark));
    const focused = place.contains(document.activeElement);
    place.replaceWith(...everyone.map(made).filter((each) => !each.person.address || (!known.has(mark(each)) && known.add(mark(each)))));
    if (focused) (text(chips.lastElementChild ?? box) ?? entry).focus();
    changed();
  }

  /** What was typed or pasted: a chip as it stands, until the server has said what it reads. */
  async function commit(typed = entry.value) {
    entry.value = "";
    close();
    if (!typed.trim()) return draw();
    const waiting = chips.appendChild(made({ typed: typed.trim(), name: "", address: "" }));
    changed();
    const body = new URLSearchParams({ csrf_token: form.elements.csrf_token.value, text: typed });
    const read = await got(field.dataset.check, { method: "POST", body });
    return read && waiting.isConnected && put(read, waiting);
  }

  function changed() {
    const now = [...all().map((each) => each.person.typed), entry.value.trim()].filter(Boolean).join(", ");
    draw();
    if (field.value === now) return;
    field.value = now;
    box.dispatchEvent(new Event("input", { bubbles: true })); // to be saved
  }

  function draw() {
    const odd = all().map((each) => each.person).filter(({ why, doubt }) => why || doubt);
    const folded = chips.classList.contains("unfolded") ? 0 : chips.querySelectorAll(FOLDED).length;
    fault.hidden = !odd.length;
    fault.dataset.testid = odd.length ? "compose-fault" : "";
    fault.lastElementChild.textContent = odd.slice(0, 3).map(({ typed, why, doubt, address }) => (why ? `“${typed}” ${why}.` : `Is “${address}” at ${doubt}?`)).join(" ");
    row.classList.remove("write-wrong"); // what the server said was of former chips
    entry.ariaInvalid = odd.some(({ why }) => why) ? "true" : null;
    chips.classList.toggle("folded", folded > 1);
    more.hidden = folded < 2;
    more.textContent = `and ${folded} more`;
  }

  function remove(chip) {
    const next = chip.nextElementSibling ?? chip.previousElementSibling;
    chip.remove();
    changed();
    say(`${shown(chip.person)} is taken off`);
    (next ? text(next) : entry).focus();
  }

  function edit(chip) {
    commit();
    chip.remove();
    entry.value = chip.person.typed;
    changed();
    entry.focus();
    entry.select();
  }

  function suggest() {
    const word = entry.value.trim();
    clearTimeout(timer);
    if (word.length < 2 && !(word > "\u007f")) close();
    else timer = setTimeout(async () => {
      const found = await got(`${field.dataset.people}?q=${encodeURIComponent(word)}`);
      if (found && entry.value.trim() === word && document.activeElement === entry) offer(found, word);
    }, PAUSE);
  }

  function offer(found, word) {
    const chosen = new Set([...form.querySelectorAll(".chip")].map(mark));
    const options = found.filter(({ address }) => !address || !chosen.has(address.toLowerCase())).map((person, at) => {
      const about = person.people ? `${person.people} ${person.people === 1 ? "person" : "people"}` : person.name && person.address;
      const option = Object.assign(copy(".suggestion"), { id: `${list.id}-${at}`, person });
      option.children[0].append(...marked(shown(person), word));
      option.children[1].append(...marked(about, word));
      return option;
    });
    list.replaceChildren(...options);
    move(/@.*\./.test(word) ? -1 : 0); // a whole address is what it is
    if (options.length) say(`${options.length} suggested`);
  }

  function move(to) {
    active = to;
    list.hidden = !list.children.length;
    [...list.children].forEach((each, at) => each.setAttribute("aria-selected", String(at === active)));
    list.children[active]?.scrollIntoView({ block: "nearest" });
    entry.setAttribute("aria-expanded", String(!list.hidden));
    entry.setAttribute("aria-activedescendant", list.children[active]?.id ?? "");
  }

  async function choose({ person }) {
    entry.value = "";
    close();
    const everyone = person.people ? await got(`${field.dataset.people}?group=${encodeURIComponent(person.name)}`) : [person];
    put((everyone ?? []).map((each) => ({ typed: written(each), ...each })));
    say(everyone ? `${shown(person)} is added` : `${person.name} cannot be reached now`);
  }

  function typing({ key, shiftKey }) {
    const count = list.children.length;
    if (count && key === "ArrowDown") move((active + 1) % count);
    else if (count && key === "ArrowUp") move(active < 1 ? count - 1 : active - 1);
    else if (count && key === "Escape") close();
    else if (count && active >= 0 && !shiftKey && /^(Enter|Tab)$/.test(key)) choose(list.children[active]);
    else if (key === "Enter" || (/^[,;]$/.test(key) && entry.value.split('"').length % 2)) commit();
    else if (/^(Backspace|ArrowLeft)$/.test(key) && !entry.selectionEnd && chips.lastElementChild) text(chips.lastElementChild).focus();
    else return false;
    return true;
  }

  function walking({ key, target }) {
    const chip = target.closest(".chip");
    const to = { ArrowLeft: chip.previousElementSibling, ArrowRight: chip.nextElementSibling ?? entry, Home: chips.firstElementChild, End: entry, Escape: entry }[key];
    if (to) (text(to) ?? to).focus();
    else if (/^(Backspace|Delete)$/.test(key)) remove(chip);
    else if (/^(Enter|F2)$/.test(key) && target.matches(".chip-text")) edit(chip);
    else return false;
    return true;
  }

  box.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!(event.target === entry ? typing(event) : event.target.closest(".chip") && walking(event))) return;
    event.preventDefault();
    event.stopPropagation();
  });
  box.addEventListener("click", ({ target }) => { if (target === box) entry.focus(); });
  chips.addEventListener("click", ({ target }) => target.closest(".chip-off") && remove(target.closest(".chip")));
  more.addEventListener("click", () => { unfold(); text(all()[7]).focus(); });
  box.addEventListener("dblclick", ({ target }) => target.closest(".chip-text") && edit(target.closest(".chip")));
  chips.addEventListener("focusin", ({ target }) => { unfold(); target.scrollIntoView({ block: "nearest" }); });
  list.addEventListener("mousedown", (event) => {
    event.preventDefault(); // the focus stays where it is
    if (event.target.closest(".suggestion")) choose(event.target.closest(".suggestion"));
  });
  entry.addEventListener("input", () => { suggest(); changed(); });
  entry.addEventListener("blur", () => commit());
  entry.addEventListener("paste", (event) => {
    const pasted = event.clipboardData.getData("text/plain");
    if (!/[\n,;]|@.*@/.test(pasted)) return;
    event.preventDefault(); // before the field takes the line ends away
    commit(entry.value.slice(0, entry.selectionStart) + pasted + entry.value.slice(entry.selectionEnd));
  });
  chips.addEventListener("dragstart", ({ target, dataTransfer }) => {
    dataTransfer.setData("text/plain", target.person.typed);
    dragged = () => { target.remove(); changed(); return target.person; };
  });
  box.addEventListener("dragend", () => { dragged = null; });
  box.addEventListener("dragover", (event) => dragged && event.preventDefault());
  box.addEventListener("drop", (event) => dragged && [event.preventDefault(), put([dragged()])]);
  const refill = () => { chips.replaceChildren(); commit(field.value); };
  field.addEventListener("input", () => { chips.replaceChildren(); clearTimeout(timer); timer = setTimeout(refill, PAUSE); }); // by a program; no former chip, still being read, writes over it
  chips.append(...JSON.parse(field.dataset.read).map(made));
  if (document.activeElement === field && /^[^,;@]+$/.test(field.value) && !field.defaultValue) entry.value = field.value; // begun already
  else if (field.value !== field.defaultValue) refill();
  else if (chips.children.length) draw();
  if (document.activeElement === field) entry.focus();
}
