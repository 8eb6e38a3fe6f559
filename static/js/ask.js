// Asks the server for a part of a page, shows that it takes a while after 200 ms, and tells failures apart.
import { parse } from "./html.js";

const bar = document.getElementById("progress");
let running = 0;

async function withProgress(work) {
  running += 1;
  const late = setTimeout(() => { bar.hidden = false; }, 200);
  try {
    return await work;
  } finally {
    clearTimeout(late);
    running -= 1;
    if (running === 0) bar.hidden = true;
  }
}

/** Resolves to {ok, status, url, page}; `page` is null for anything but HTML. Without a network: ok false, status 0. */
export async function ask(url, options = {}) {
  let answer, text;
  try {
    [answer, text] = await withProgress(fetchText(url, options));
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return { ok: false, status: 0, url, page: null };
  }
  const page = (answer.headers.get("Content-Type") ?? "").startsWith("text/html") ? parse(text) : null;
  const whose = page?.querySelector('meta[name="account"]')?.content ?? "";
  const other = options.method !== "POST" && whose && whose !== document.querySelector(".account-name")?.textContent;
  if (answer.status === 401 || other || (answer.redirected && new URL(answer.url).pathname === "/login")) {
    // The sign-in page, or that of who signed in meanwhile; it comes back to what was asked for, and repeats no change.
    if (options.ended) options.ended();
    else if (options.method === "POST") location.reload();
    else location.assign(url);
    return new Promise(() => {});
  }
  return { ok: answer.ok, status: answer.status, url: answer.url, page };
}

async function fetchText(url, options) {
  const headers = { "X-Postern-Fragment": "1", Accept: "text/html" };
  const answer = await fetch(url, { credentials: "same-origin", headers, ...options });
  return [answer, await answer.text()];
}

/** What a failed answer says, in one or two sentences; `then` where it says nothing. */
export function reason(answer, then = "Nothing was changed; try again") {
  const said = (name) => answer.page?.querySelector(`[data-testid="${name}"]`)?.textContent.trim() ?? "";
  if (said("error-title")) return `${said("error-title")}. ${said("error-text")}`.replace(/\.\./g, ".").replace(/\s+/g, " ");
  const fault = answer.page?.querySelector(".note-error p");
  if (fault) return fault.textContent;
  return answer.status ? `The server could not do this. ${then} in a minute.` : `The server cannot be reached. ${then} when you are connected.`;
}
