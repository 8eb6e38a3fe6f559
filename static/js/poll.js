// New mail: asks /changes while the page is seen, every 5 s, and less often when something is in the way.
import { ask } from "./ask.js";
import { listPart, putList, setTitle, takeRest } from "./panes.js";
import { picked } from "./list.js";
import { say } from "./say.js";

const USUAL = 5000;
const SLOWEST = 120000;
let wait = USUAL;
let since = "";
let timer;

async function look(url) {
  clearTimeout(timer);
  if (!document.hidden && navigator.onLine) {
    try {
      const answer = await fetch(`${url}?since=${encodeURIComponent(since)}`, { credentials: "same-origin", headers: { Accept: "application/json" } });
      if (answer.status === 401) return; // signed out elsewhere: the next click says so
      if (!answer.ok) throw new Error(String(answer.status));
      wait = USUAL;
      if (answer.status === 200) await take(await answer.json());
    } catch {
      wait = Math.min(wait * 2, SLOWEST);
    }
  }
  timer = setTimeout(look, document.hidden ? SLOWEST : wait, url);
}

async function take(news) {
  const known = since;
  since = news.token ?? since;
  if (!known || news.token === known) return;
  const part = listPart();
  const inbox = part?.dataset.mailbox === "INBOX";
  const top = inbox && !part.querySelector(".pager [rel=prev]") && !(part.querySelector(".rows")?.scrollTop > 8);
  if (top && !picked(part).length) await refresh(part);
  else if (part) notice(part, news);
}

/** Takes the newer list when the reader is at its top and has nothing selected; else says what is there. */
async function refresh(part) {
  const before = new Set([...part.querySelectorAll(".row")].map((row) => row.dataset.uid));
  const answer = await ask(part.dataset.url);
  const newer = answer.page?.querySelector('[data-fragment="list"]');
  if (!answer.ok || !newer || part !== listPart()) return;
  const come = [...newer.querySelectorAll('.row[data-seen="false"]')].filter((row) => !before.has(row.dataset.uid)).length;
  putList(newer);
  takeRest(answer.page);
  setTitle();
  if (come) say(come === 1 ? "1 new message" : `${come} new messages`);
}

function notice(part, news) {
  const line = part.querySelector('[data-testid="new-mail-notice"]');
  line.querySelector("a").textContent = news.unseen ? `There is new mail: ${news.unseen} unread in Inbox` : "There is new mail";
  line.hidden = false;
}

export default function attach(element) {
  const { changes } = element.dataset;
  if (!changes) return;
  look(changes);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { wait = USUAL; look(changes); } });
  addEventListener("online", () => { wait = USUAL; look(changes); });
}
