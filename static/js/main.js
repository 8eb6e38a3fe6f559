// The one entry: which module belongs to which data-module.
import act from "./act.js";
import { attachIn, register } from "./attach.js";
import folders from "./folders.js";
import keys from "./keys.js";
import list from "./list.js";
import panes from "./panes.js";
import poll from "./poll.js";
import toasts from "./say.js";
import { divider, mailto, menus, once, theme } from "./small.js";

// Loaded when somebody writes, or waits for a mail: most pages are only read.
const write = async (section) => (await import("./write.js")).default(section);
const filter = async (form) => (await import("./filter.js")).default(form);
const expecting = async (part) => (await import("./expect.js")).default(part);
const signature = async (box) => (await import("./write-rich.js")).signature(box);

function openWriting(event) {
  const link = event.target.closest("a[href]");
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || !document.getElementById("write-shelf")) return;
  const mailed = link.protocol === "mailto:";
  if (!mailed && (link.origin !== location.origin || !/^\/(compose|drafts\/\d+\/\d+)$/.test(link.pathname))) return;
  const wide = matchMedia("(min-width: 768px)").matches;
  if (!wide && !mailed) return;
  event.preventDefault();
  const url = mailed ? `/compose?mailto=${encodeURIComponent(link.href)}` : link.href;
  if (wide) import("./write.js").then(({ open }) => open(url), () => location.assign(url)); // or it does not arrive
  else location.assign(url);
}

function mail(element) {
  panes();
  act();
  poll(element);
}

// What was typed and never saved: readers load what offers it only where there is any.
const unsaved = () => { try { return Object.keys(localStorage).some((key) => key.startsWith("postern.copy.")); } catch { return false; } };

register({ divider, expecting, filter, folders, list, mail, mailto, once, signature, theme, toasts, write });
menus();
document.addEventListener("click", openWriting);
keys();
attachIn(document);
if (unsaved()) import("./write-copy.js").then(({ offer }) => offer());
