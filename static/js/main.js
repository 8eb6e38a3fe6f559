// The one entry: which module belongs to which data-module.
import act from "./act.js";
import { attachIn, register } from "./attach.js";
import folders from "./folders.js";
import keys from "./keys.js";
import list from "./list.js";
import panes from "./panes.js";
import poll from "./poll.js";
import toasts from "./say.js";
import { divider, menus, once, theme } from "./small.js";

function mail(element) {
  panes();
  act();
  poll(element);
}

register({ divider, folders, list, mail, once, theme, toasts });
menus();
keys();
attachIn(document);
