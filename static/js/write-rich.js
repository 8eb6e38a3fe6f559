// Formatting: the text in an editor instead of a textarea, loaded when it is wanted. What leaves it is the field "html".
import { reason } from "./ask.js";
import { fill, parse } from "./html.js";
import { say, toast } from "./say.js";

// What the server keeps, too (app/mail/formatted.py); here it decides what is opened and pasted.
const KEPT = {
  ALLOWED_TAGS: ("a address article aside b blockquote br caption code dd del div dl dt em footer h1 h2 h3 h4 h5 h6 header hr i "
    + "img ins li ol p pre s section span strike strong sub sup table tbody td tfoot th thead tr u ul").split(" "),
  ALLOWED_ATTR: ["alt", "class", "colspan", "data-cid", "dir", "href", "rowspan", "start", "type", "width"],
  ADD_URI_SAFE_ATTR: ["colspan", "data-cid", "dir", "rowspan", "start", "type", "width"],
  ALLOW_DATA_ATTR: false,
  ALLOWED_URI_REGEXP: /^(?:https?|mailto|tel):/i,
  TRUSTED_TYPES_POLICY: null, // it gets documents that html.js made, and makes none
  IN_PLACE: true,
};
// Styles are not kept; before the parser meets them, as it reports each to the console.
const STYLED = /<style[\s>].*?(?:<\/style\s*>|$)|<[a-z][^<>]*?(\sstyle\s*=\s*(?:"[^"]*"|'[^']*'))/gis;
const FORMATTED = "a, b, code, del, h1, h2, h3, h4, h5, h6, hr, i, img, ins, ol, pre, s, strike, sub, sup, table, u, ul";
const PICTURE = /^data:[^,]*,(?:iVBORw0KGgo|\/9j\/|R0lGOD|UklGR)/; // how PNG, JPEG, GIF and WebP begin
const LARGEST = 2e6;
const pictures = new Map(); // Content-ID → the file and its data: address; a draft's own place changes with each save
let made = null; // the editor's class, once

const paint = (root) => root.querySelectorAll("img").forEach((each) => { each.src = pictures.get(each.dataset.cid)?.data ?? ""; });

const read = (file) => new Promise((resolve) => {
  Object.assign(new FileReader(), { onload: ({ target }) => resolve(target.result) }).readAsDataURL(file);
});

async function load() {
  const { default: Squire } = await import("../vendor/squire/squire.mjs");
  await import("../vendor/dompurify/purify.min.js");
  made ??= class extends Squire {
    // Its own way back to a former state makes markup of a string, which Trusted Types forbid.
    _setRawHTML(html) {
      fill(this.getRoot(), ...parse(html).body.childNodes);
      paint(this.getRoot());
      this._ignoreChange = true;
      return this;
    }

    _getRawHTML() { return super._getRawHTML().replace(/(<img\b[^>]*?) src="[^"]*"/g, "$1"); }
  };
  return made;
}

function clean(markup) {
  const page = parse(markup.replace(STYLED, (tag, style) => tag.replace(style ?? tag, "")));
  const [box, part] = [page.createElement("div"), document.createDocumentFragment()];
  box.append(...page.body.childNodes);
  for (const picture of box.querySelectorAll("img")) {
    picture.dataset.cid ??= picture.getAttribute("src")?.replace(/^cid:/i, "");
    if (!pictures.has(picture.dataset.cid)) picture.remove();
  }
  window.DOMPurify.sanitize(box, KEPT);
  fill(part, ...box.childNodes);
  paint(part);
  return part;
}

/** An editor in `box`, with its toolbar and dialog for links; it writes into `field`. */
async function editorIn(box, field) {
  const Editor = await load();
  const [area, bar, dialog] = [".write-rich", ".write-tools", ".link-dialog"].map((name) => box.querySelector(name));
  const tools = [...bar.querySelectorAll("button")];
  const address = dialog.querySelector("input");
  const tagAttributes = { blockquote: { type: "cite" } };
  const editor = new Editor(area, { sanitizeToDOMFragment: clean, tagAttributes, didError: (error) => console.error(error) });

  const anchor = () => {
    const at = editor.getSelection().commonAncestorContainer;
    return (at.closest ? at : at.parentElement).closest(".write-rich a");
  };
  const tell = () => tools.forEach(({ dataset: { tag } }, at) => tag && tools[at].setAttribute("aria-pressed", editor.hasFormat(tag)));
  const able = (name, is) => tools.find(({ dataset }) => dataset.format === name).toggleAttribute("aria-disabled", !is);

  function askLink() {
    dialog.querySelector('[value="off"]').hidden = !anchor();
    address.value = anchor()?.getAttribute("href") ?? "";
    dialog.showModal();
  }

  function setLink(typed) {
    const mail = /^[^\s:/@]+@[^\s:/@]+$/.test(typed) ? "mailto:" : "https://";
    const range = editor.getSelection();
    if (anchor() && range.collapsed) range.selectNodeContents(anchor());
    const after = editor.setSelection(range).makeLink(/^[a-z]+:/i.test(typed) ? typed : mail + typed).getSelection();
    after.collapse(false);
    editor.setSelection(after);
  }

  editor.addEventListener("input", () => {
    field.value = editor.getHTML();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
  ["PageUp", "PageDown"].forEach((key) => editor.setKeyHandler(key, null)); // a page, not all the way
  editor.addEventListener("pathChange", tell);
  editor.addEventListener("undoStateChange", ({ detail }) => { able("undo", detail.canUndo); able("redo", detail.canRedo); });
  area.addEventListener("click", (event) => event.stopPropagation()); // links lead nowhere here, pictures have no handles
  bar.addEventListener("mousedown", (event) => event.preventDefault()); // the selection stays in the text
  bar.addEventListener("click", (event) => {
    const { format, tag, off } = event.target.closest("[data-format]:not([aria-disabled])")?.dataset ?? {};
    if (format === "link") askLink();
    else if (tag && editor.hasFormat(tag)) editor[off]();
    else if (format) editor[format]();
    tell();
  });
  bar.addEventListener("keydown", (event) => {
    const at = tools.indexOf(document.activeElement);
    const next = tools.at({ ArrowLeft: at - 1, ArrowRight: (at + 1) % tools.length, Home: 0, End: -1 }[event.key] ?? at);
    tools.forEach((button) => { button.tabIndex = button === next ? 0 : -1; });
    next.focus();
  });
  dialog.addEventListener("close", () => editor.focus());
  dialog.addEventListener("submit", (event) => { // before the next key; "close" comes after it
    event.preventDefault();
    dialog.close();
    editor.focus();
    if (event.submitter.value === "set") setLink(address.value.trim());
    if (event.submitter.value === "off") editor.removeLink();
  });
  return editor;
}

/** `post(action)`: the form to the server · `upload(file, contentId)` · `unnoticed(change)`: no reason to save. */
export default function rich(section, { post, upload, unnoticed }) {
  const form = section.querySelector("form");
  const { text, html, from } = form.elements;
  const [area, bar, toggle] = [".write-rich", ".write-tools", "[data-formatting]"].map((name) => section.querySelector(name));
  const items = () => [...section.querySelectorAll(".write-files [data-cid]")];
  const shown = () => [...area.querySelectorAll("img")];
  const isRich = () => !html.disabled;
  let [editor, changing] = [null, false];

  async function begin() {
    items().forEach(fetchPicture);
    if (editor) return;
    editor = await editorIn(section, html);
    editor.addEventListener("input", follow);
    editor.addEventListener("pasteImage", ({ detail }) => [...detail.clipboardData.files].forEach(insert));
    area.addEventListener("drop", (event) => {
      if (event.dataTransfer.files.length) event.preventDefault(); // the form attaches what is dropped elsewhere
      form.classList.remove("dropping");
      [...event.dataTransfer.files].forEach(insert);
    });
  }

  async function fetchPicture(item) {
    const [place, part] = JSON.parse(item.querySelector("input").value);
    if (pictures.has(item.dataset.cid)) return;
    pictures.set(item.dataset.cid, {});
    const answer = await fetch(`/mail/${place.replaceAll(".", "/")}/part/${part}?inline=1`).catch(() => null);
    if (!answer?.ok) return;
    const file = new File([await answer.blob()], item.querySelector("bdi").title);
    pictures.set(item.dataset.cid, { file, data: await read(file) });
    paint(area);
  }

  /** A picture where the caret is; what no browser shows, or is large, is attached. */
  async function insert(file) {
    const data = await read(file);
    if (file.size > LARGEST || !PICTURE.test(data)) return void upload(file);
    const random = crypto.getRandomValues(new Uint32Array(4)).join("-");
    const cid = random + form.elements.message_id.value.replace(/^.*(?=@)|>$/g, "");
    pictures.set(cid, { file, data });
    editor.insertImage(data, { alt: file.name, "data-cid": cid });
  }

  /** The files of pictures go with them, and come back with them. */
  function follow() {
    const left = new Set(shown().map((each) => each.dataset.cid));
    items().forEach((item) => { item.querySelector("input").checked = left.delete(item.dataset.cid); });
    left.forEach(async (cid) => {
      const picture = pictures.get(cid);
      if (picture.coming || !picture.file) return;
      picture.coming = true;
      const line = await upload(picture.file, cid);
      picture.coming = false;
      if (line) follow();
      else shown().find((each) => each.dataset.cid === cid)?.remove();
    });
  }

  /** Shows the text in this kind: `markup` in the editor, or null for the textarea. */
  function show(markup) {
    const focused = [text, area, toggle].includes(document.activeElement);
    html.disabled = area.hidden = bar.hidden = markup === null;
    text.disabled = text.hidden = isRich();
    section.toggleAttribute("data-rich", isRich());
    toggle.setAttribute("aria-pressed", isRich());
    if (isRich()) editor.setHTML(markup);
    if (isRich()) toBeginning(area.querySelector(":scope > .signature")?.previousElementSibling);
    html.value = isRich() ? editor.getHTML() : "";
    if (focused) (isRich() ? editor : text).focus();
  }

  /** The caret to where writing begins, as in the textarea: above a quote, or below it and `above` the signature. */
  function toBeginning(above) {
    if (text.dataset.below === undefined) editor.moveCursorToStart();
    else if (above) editor.setSelection(editor.createRange(above, 0));
    else editor.moveCursorToEnd();
  }

  /** Asks the server for the text in another form, again where it was changed meanwhile. */
  async function change(kind) {
    let answer, sent;
    if (changing) return;
    changing = true;
    do {
      sent = text.value + html.value;
      [answer] = await Promise.all([post(kind), kind === "rich" && begin()]).catch(() => [{ ok: false, status: 0 }]);
    } while (answer.ok && sent !== text.value + html.value);
    changing = false;
    if (!answer.ok) return void toast(reason(answer), { level: "error" });
    const part = answer.page.querySelector('[data-fragment="compose"]');
    const fields = part.querySelector("form").elements;
    form.elements.signed.value = fields.signed.value;
    if (part.dataset.rich === undefined) text.value = fields.text.value;
    show(part.dataset.rich === undefined ? null : fields.html.value);
    html.dispatchEvent(new Event("input", { bubbles: true }));
    if (kind !== "signed") say(isRich() ? "With formatting" : "Plain text");
  }

  toggle.disabled = false;
  toggle.addEventListener("click", () => {
    const loses = isRich() && area.querySelector(FORMATTED);
    if (!loses || window.confirm("As plain text it loses its formatting. The words stay.")) change(isRich() ? "plain" : "rich");
  });
  if (from?.matches("select")) from.addEventListener("change", () => change("signed"));
  if (section.dataset.rich === undefined || text.value !== text.defaultValue) return; // what was typed already stays
  text.readOnly = true;
  begin().then(() => unnoticed(() => show(html.defaultValue)), () => {
    toast("The formatting cannot be shown: the network does not answer. What is saved from here is plain text.", { level: "warning" });
  }).finally(() => { text.readOnly = false; });
}

/** A signature or an answer with formatting: an editor in place of its HTML, once it is opened. */
export async function signature(box) {
  const field = box.querySelector(".signature textarea");
  const more = field.closest("details");
  if (!more.open) await new Promise((resolve) => { more.addEventListener("toggle", resolve, { once: true }); });
  (await editorIn(box, field)).setHTML(field.value);
  box.querySelectorAll(".write-rich, .write-tools").forEach((part) => { part.hidden = false; });
  field.hidden = true;
}
