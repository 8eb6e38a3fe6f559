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

let made = null; // the editor's class, once

async function load() {
  const [{ default: Squire }] = await Promise.all([
    import("../vendor/squire/squire.mjs"),
    import("../vendor/dompurify/purify.min.js"),
  ]);
  made ??= class extends Squire {
    // Its own way back to a former state makes markup of a string, which Trusted Types forbid.
    _setRawHTML(html) {
      fill(this.getRoot(), ...parse(html).body.childNodes);
      this._ignoreChange = true;
      return this;
    }
  };
  return made;
}

function clean(markup) {
  const page = parse(markup.replace(STYLED, (tag, style) => tag.replace(style ?? tag, "")));
  const box = page.createElement("div");
  box.append(...page.body.childNodes);
  box.querySelectorAll("img").forEach((picture) => picture.remove());
  window.DOMPurify.sanitize(box, KEPT);
  const part = document.createDocumentFragment();
  part.append(...[...box.childNodes].map((node) => document.importNode(node, true)));
  return part;
}

/** An editor in `box`, with its toolbar and line for links; it writes into `field`. */
async function editorIn(box, field) {
  const Editor = await load();
  const [area, bar, line] = [".write-rich", ".write-tools", ".write-link-line"].map((name) => box.querySelector(name));
  const address = line.querySelector("input");
  const tagAttributes = { blockquote: { type: "cite" } };
  const editor = new Editor(area, { sanitizeToDOMFragment: clean, tagAttributes, didError: (error) => console.error(error) });

  const anchor = () => {
    const at = editor.getSelection().commonAncestorContainer;
    return (at.closest ? at : at.parentElement).closest(".write-rich a");
  };

  function tell() {
    for (const button of bar.querySelectorAll("[data-tag]")) {
      button.setAttribute("aria-pressed", String(editor.hasFormat(button.dataset.tag)));
    }
  }

  function able(name, is) {
    bar.querySelector(`[data-format="${name}"]`).toggleAttribute("aria-disabled", !is);
  }

  function apply({ format, tag, off }) {
    if (format === "link") return askLink();
    if (tag && editor.hasFormat(tag)) editor[off]();
    else editor[format]();
    return tell();
  }

  function askLink() {
    line.hidden = false;
    line.querySelector("[data-unlink]").hidden = !anchor();
    address.value = anchor()?.getAttribute("href") ?? "";
    address.removeAttribute("aria-invalid");
    address.select();
  }

  function setLink() {
    let typed = address.value.trim();
    if (/^[^\s:/@]+@[^\s:/@]+$/.test(typed)) typed = `mailto:${typed}`;
    else if (!/^[a-z][a-z0-9+-]*:/i.test(typed)) typed = `https://${typed}`;
    if (!/^(?:https?:\/\/[^\s/?#]|mailto:\S|tel:\S)/i.test(typed)) return address.setAttribute("aria-invalid", "true");
    let range = editor.getSelection();
    if (anchor() && range.collapsed) range.selectNodeContents(anchor());
    editor.setSelection(range).makeLink(typed);
    range = editor.getSelection();
    range.collapse(false);
    editor.setSelection(range);
    return closeLink();
  }

  function closeLink() {
    line.hidden = true;
    editor.focus();
  }

  editor.addEventListener("input", () => {
    field.value = editor.getHTML();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
  editor.addEventListener("pathChange", tell);
  editor.addEventListener("undoStateChange", ({ detail }) => { able("undo", detail.canUndo); able("redo", detail.canRedo); });
  area.addEventListener("click", (event) => event.stopPropagation()); // links lead nowhere here, pictures have no handles
  bar.addEventListener("mousedown", (event) => event.preventDefault()); // the selection stays in the text
  bar.addEventListener("click", (event) => {
    const button = event.target.closest("[data-format]:not([aria-disabled])");
    if (button) apply(button.dataset);
  });
  bar.addEventListener("keydown", (event) => {
    const all = [...bar.children];
    const at = all.indexOf(document.activeElement);
    const to = { ArrowLeft: at - 1, ArrowRight: (at + 1) % all.length, Home: 0, End: -1 }[event.key];
    if (to === undefined) return;
    const next = all.at(to);
    event.preventDefault();
    all.forEach((button) => { button.tabIndex = button === next ? 0 : -1; });
    next.focus();
  });
  line.addEventListener("click", ({ target }) => {
    if (target.closest("[data-unlink]")) editor.removeLink();
    if (target.closest("[data-setlink]")) setLink();
    else if (target.closest("button")) closeLink();
  });
  line.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closeLink();
    else if (event.key === "Enter" && event.target === address) setLink();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return editor;
}

/** `post(action)`: the form to the server · `unnoticed(change)`: what is changed so is no reason to save. */
export default function rich(section, { post, unnoticed }) {
  const form = section.querySelector("form");
  const { text, html, from } = form.elements;
  const [area, bar, toggle] = [".write-rich", ".write-tools", "[data-formatting]"].map((name) => section.querySelector(name));
  let [editor, changing] = [null, false];

  const isRich = () => !html.disabled;
  const begin = async () => { editor ??= await editorIn(section, html); };

  /** Shows the text in this kind: `markup` in the editor, or null for the textarea. */
  function show(markup) {
    const focused = [text, area, toggle].includes(document.activeElement);
    html.disabled = markup === null;
    text.disabled = text.hidden = isRich();
    area.hidden = bar.hidden = !isRich();
    section.querySelector(".write-link-line").hidden = true;
    toggle.setAttribute("aria-pressed", String(isRich()));
    if (isRich()) {
      editor.setHTML(markup);
      toBeginning();
    }
    html.value = isRich() ? editor.getHTML() : "";
    if (focused) (isRich() ? editor : text).focus();
  }

  /** The caret to where writing begins, as in the textarea: above a quote, or below it and above the signature. */
  function toBeginning() {
    const sign = area.querySelector(":scope > .signature")?.previousElementSibling;
    if (text.dataset.below === undefined) editor.moveCursorToStart();
    else if (sign) editor.setSelection(editor.createRange(sign, 0));
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

  if (section.dataset.rich !== undefined) {
    const markup = html.value;
    text.readOnly = true;
    begin().then(() => unnoticed(() => show(markup)), () => {
      toast("The formatting cannot be shown: the network does not answer. What is saved from here is plain text.", { level: "warning" });
    }).finally(() => { text.readOnly = false; });
  }
}

/** A signature with formatting: an editor in place of its HTML. */
export async function signature(box) {
  const field = box.querySelector("textarea");
  const editor = await editorIn(box, field);
  editor.setHTML(field.value);
  box.querySelectorAll(".write-rich, .write-tools").forEach((part) => { part.hidden = false; });
  field.hidden = true;
}
