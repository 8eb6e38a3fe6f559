// Expecting a mail: asks what became of it every 5 s while the page is seen, until the server names no address for more.
import { ask } from "./ask.js";
import { fill } from "./html.js";
import { say } from "./say.js";

export default function attach(part) {
  if (!part.dataset.news) return;
  setTimeout(async () => {
    const newer = (!document.hidden && (await ask(part.dataset.news)).page?.querySelector('[data-fragment="expecting"]')) || part;
    if (newer.textContent !== part.textContent) {
      fill(part, ...newer.children);
      say(newer.dataset.words);
    }
    if (newer.dataset.news) attach(part);
  }, 5000);
}
