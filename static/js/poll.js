// New mail: asks /changes while the page is seen, every 4 s (so it is seen within 5), and less often when something is in the way.
import { ask } from "./ask.js";
import { takeFolders, unread } from "./folders.js";
import { picked } from "./list.js";
import { listPart, putList, setTitle } from "./panes.js";
import { say } from "./say.js";

const USUAL = 4000;
const SLOWEST = 120000;
let wait = USUAL;
let since = "";
let next; // UIDNEXT: as many may have come as went
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

// Own actions raise the token, too: the list is asked for again only if the counts are not those on the page.
async function take(news) {
  since = news.token;
  const part = listPart();
  const whole = part?.dataset.mailbox === "INBOX" && part.dataset.total !== undefined;
  const came = whole && next && news.uidnext && news.uidnext !== next;
  next = news.uidnext ?? next;
  const differs = came || (news.unseen !== null && news.unseen !== unread()) || (whole && news.exists !== null && news.exists !== Number(part.dataset.total));
  if (part && differs) await refresh(part);
}

/** Takes the newer list where that disturbs nothing: at its top, nothing selected. Else a line says what is there. */
async function refresh(part) {
  const before = new Set([...part.querySelectorAll(".row")].map((row) => row.dataset.uid));
  const answer = await ask(part.dataset.url);
  const newer = answer.page?.querySelector('[data-fragment="list"]');
  if (!answer.ok || !newer || part !== listPart()) return;
  const come = [...newer.querySelectorAll('.row[data-seen="false"]')].filter((row) => !before.has(row.dataset.uid)).length;
  takeFolders(answer.page);
  setTitle();
  if (picked(part).length || part.querySelector(".rows")?.scrollTop > 8) {
    if (come) notice(part, come);
  } else {
    putList(newer);
    if (come) say(come === 1 ? "1 new message" : `${come} new messages`);
  }
}

function notice(part, come) {
  const line = part.querySelector('[data-testid="new-mail-notice"]');
  line.querySelector("a").textContent = come === 1 ? "Show 1 new message" : `Show ${come} new messages`;
  line.hidden = false;
}

export default function attach(element) {
  const { changes } = element.dataset;
  if (!changes) return;
  look(changes);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { wait = USUAL; look(changes); } });
  addEventListener("online", () => { wait = USUAL; look(changes); });
}
