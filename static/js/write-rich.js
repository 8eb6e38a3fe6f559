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
const FORMATTED = "a, b, code, del, h1, h2, h3, h4, h5, h6, hr, i, img, ins, ol, pre, s, strike, sub, sup, table, u, ul";

// Styles are not kept; before the parser meets them, as it reports each to the console.
const STYLED = /<style[\s>].*?(?:<\/style\s*>|$)|<[a-z][^<>]*?(\sstyle\s*=\s*(?:"[^"]*"|'[^']*'))/gis;

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

/** `post(action)`: the form to the server · `unnoticed(change)`: what is changed so is no reason to save. */
export default function rich(section, { post, unnoticed }) {
  const form = section.querySelector("form");
  const { text, html } = form.elements;
  const area = section.querySelector(".write-rich");
  const bar = section.querySelector('[role="toolbar"]');
  const line = section.querySelector(".write-link-line");
  const address = line.querySelector("input");
  const toggle = section.querySelector("[data-formatting]");
  let editor = null;

  const isRich = () => !html.disabled;

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

  async function begin() {
    const Editor = await load();
    if (editor) return;
    const tagAttributes = { blockquote: { type: "cite" } };
    editor = new Editor(area, { sanitizeToDOMFragment: clean, tagAttributes, didError: (error) => console.error(error) });
    editor.addEventListener("input", () => {
      html.value = editor.getHTML();
      html.dispatchEvent(new Event("input", { bubbles: true }));
    });
    editor.addEventListener("pathChange", tell);
    editor.addEventListener("undoStateChange", ({ detail }) => {
      off(bar.querySelector('[data-format="undo"]'), !detail.canUndo);
      off(bar.querySelector('[data-format="redo"]'), !detail.canRedo);
    });
    area.addEventListener("click", (event) => event.stopPropagation()); // links lead nowhere here, pictures have no handles
  }

  function off(button, is) {
    if (is) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
  }

  /** Shows the text in this kind: `markup` in the editor, or null for the textarea. */
  function show(markup) {
    const focused = [text, area, toggle].includes(document.activeElement);
    html.disabled = markup === null;
    text.disabled = !html.disabled;
    text.hidden = area.hidden = bar.hidden = false;
    (isRich() ? text : area).hidden = true;
    bar.hidden = !isRich();
    line.hidden = true;
    toggle.setAttribute("aria-pressed", String(isRich()));
    if (isRich()) {
      editor.setHTML(markup);
      html.value = editor.getHTML();
      toBeginning();
      if (focused) editor.focus();
    } else {
      html.value = "";
      if (focused) text.focus();
    }
  }

  /** The caret to where writing begins, as in the textarea: above a quote, or below it and above the signature. */
  function toBeginning() {
    const sign = area.querySelector(".signature")?.previousElementSibling;
    if (text.dataset.below === undefined) editor.moveCursorToStart();
    else if (sign) editor.setSelection(editor.createRange(sign, 0));
    else editor.moveCursorToEnd();
  }

  function tell() {
    for (const button of bar.querySelectorAll("[data-tag]")) {
      button.setAttribute("aria-pressed", String(editor.hasFormat(button.dataset.tag)));
    }
  }

  async function change() {
    const kind = isRich() ? "plain" : "rich";
    if (kind === "plain" && area.querySelector(FORMATTED) && !window.confirm("As plain text it loses its formatting. The words stay.")) return;
    toggle.disabled = text.readOnly = true;
    area.inert = true;
    const [answer] = await Promise.all([post(kind), kind === "rich" && begin()]).catch(() => [{ ok: false, status: 0 }]);
    toggle.disabled = text.readOnly = area.inert = false;
    if (!answer.ok) return void toast(reason(answer), { level: "error" });
    const fields = answer.page.querySelector('[data-fragment="compose"] form').elements;
    if (kind === "plain") text.value = fields.text.value;
    show(kind === "rich" ? fields.html.value : null);
    (kind === "rich" ? area : text).focus();
    say(kind === "rich" ? "With formatting" : "Plain text");
    html.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function apply({ format, tag, off: out }) {
    if (format === "link") return openLink();
    if (tag && editor.hasFormat(tag)) editor[out]();
    else editor[format]();
    tell();
    return undefined;
  }

  const anchor = () => {
    const at = editor.getSelection().commonAncestorContainer;
    return (at.closest ? at : at.parentElement).closest(".write-rich a");
  };

  function openLink() {
    line.hidden = false;
    line.querySelector("[data-unlink]").hidden = !anchor();
    address.value = anchor()?.getAttribute("href") ?? "";
    address.removeAttribute("aria-invalid");
    address.focus();
    address.select();
  }

  function closeLink() {
    line.hidden = true;
    editor.focus();
  }

  function setLink() {
    let typed = address.value.trim();
    if (/^[^\s:/@]+@[^\s:/@]+$/.test(typed)) typed = `mailto:${typed}`;
    else if (!/^[a-z][a-z0-9+-]*:/i.test(typed)) typed = `https://${typed}`;
    if (!/^(?:https?:\/\/[^\s/?#]|mailto:\S|tel:\S)/i.test(typed)) return address.setAttribute("aria-invalid", "true");
    const [range, inside] = [editor.getSelection(), anchor()];
    if (inside && range.collapsed) {
      range.selectNodeContents(inside);
      editor.setSelection(range);
    }
    editor.makeLink(typed);
    const after = editor.getSelection();
    after.collapse(false);
    editor.setSelection(after);
    return closeLink();
  }

  toggle.addEventListener("click", change);
  bar.addEventListener("mousedown", (event) => event.preventDefault()); // the selection stays in the text
  bar.addEventListener("click", (event) => {
    const button = event.target.closest("[data-format]");
    if (button && !button.hasAttribute("aria-disabled")) apply(button.dataset);
  });
  bar.addEventListener("keydown", (event) => {
    const all = [...bar.querySelectorAll("button")];
    const at = all.indexOf(document.activeElement);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    all.forEach((button) => { button.tabIndex = -1; });
    const next = all.at(to % all.length);
    next.tabIndex = 0;
    next.focus();
  });
  line.addEventListener("click", (event) => {
    const { unlink, setlink } = event.target.closest("button")?.dataset ?? {};
    if (setlink !== undefined) setLink();
    else if (unlink !== undefined) { editor.removeLink(); closeLink(); }
  });
  line.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target === address) setLink();
    else if (event.key === "Escape") closeLink();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  if (section.dataset.rich !== undefined) {
    const markup = html.value;
    text.readOnly = true;
    begin().then(() => unnoticed(() => show(markup)), () => {
      toast("The formatting cannot be shown: the network does not answer. What is saved from here is plain text.", { level: "warning" });
    }).finally(() => { text.readOnly = false; });
  }
}
