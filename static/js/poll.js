// New mail: asks /changes while the page is seen, every 4 s (so it is seen within 5), and less often when something is in the way.
import { ask } from "./ask.js";
import { takeFolders, unread } from "./folders.js";
import { picked } from "./list.js";
import { listPart, putList, setTitle } from "./panes.js";
import { say } from "./say.js";

const USUAL = 4000;
const SLOWEST = 15000;
const SILENT = 10000; // a line that died while the computer slept is silent for minutes
let wait = USUAL;
let since = "";
let next; // UIDNEXT: as many may have come as went
let timer;

async function look(url) {
  clearTimeout(timer);
  if (!document.hidden && navigator.onLine) {
    const line = new AbortController();
    setTimeout(() => line.abort(), SILENT);
    try {
      const answer = await fetch(`${url}?since=${encodeURIComponent(since)}`, { credentials: "same-origin", headers: { Accept: "application/json" }, signal: line.signal });
      if (answer.status === 401) return tell();
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
  const part = listPart();
  const whole = part?.dataset.mailbox === "INBOX" && part.dataset.total !== undefined;
  const came = whole && next && news.uidnext && news.uidnext !== next;
  const differs = came || (news.unseen !== null && news.unseen !== unread()) || (whole && news.exists !== null && news.exists !== Number(part.dataset.total));
  if (differs && !(await refresh(part))) return; // told again by the next poll
  since = news.token;
  next = news.uidnext ?? next;
}

/** Takes the newer list where that disturbs nothing: seen, at its top, nothing selected. Else a line says what is there.
    A search is not made again, and a message on a phone may stand alone: then only the counts are taken. */
async function refresh(part) {
  const at = new URL(part?.dataset.url ?? document.querySelector("#reading [data-back]")?.dataset.back ?? "/", location.href);
  const only = !part || at.searchParams.has("q");
  const answer = await ask(only ? at.pathname : at.href, { headers: { "X-Postern-Fragment": "news", Accept: "text/html" }, ended: () => tell() }); // no session lives longer by it
  const newer = answer.page?.querySelector('[data-fragment="list"]');
  if (!answer.ok || !newer) throw new Error(String(answer.status));
  if (part !== listPart()) return false;
  takeFolders(answer.page);
  setTitle();
  if (only) return true;
  const before = new Set([...part.querySelectorAll(".row")].map((row) => row.dataset.uid));
  const come = [...newer.querySelectorAll('.row[data-seen="false"]')].filter((row) => !before.has(row.dataset.uid)).length;
  const said = come === 1 ? "1 new message" : `${come} new messages`;
  const waits = !part.offsetParent || picked(part).length || part.querySelector(".rows")?.scrollTop > 8;
  if (!waits) putList(newer);
  if (come && waits) tell(`Show ${said}`);
  else if (come) say(said);
  return true;
}

// In a line above the list, which leads to the list as it is now; said once, however long it stands.
function tell(text = "You are signed out. Sign in to see new mail") {
  const line = listPart()?.querySelector('[data-testid="new-mail-notice"]');
  if (line?.textContent.trim() !== text) say(text);
  if (line) [line.firstChild.textContent, line.hidden] = [text, false];
}

export default function attach({ dataset: { changes } }) {
  look(changes);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { wait = USUAL; look(changes); } });
  addEventListener("online", () => { wait = USUAL; look(changes); });
}
