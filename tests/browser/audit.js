// Run in the page by audit.py: returns sentences about what is wrong with it.
() => {
  const problems = [];
  const shown = (e) => e.checkVisibility({ opacityProperty: false, visibilityProperty: true }) && !e.closest("[inert]");
  const tell = (rule, e, more = "") => problems.push(`${rule}: <${e.localName} class="${e.className?.baseVal ?? e.className}" data-testid="${e.dataset?.testid ?? ""}"> ${(e.textContent ?? "").trim().slice(0, 40)} ${more}`);
  const text = (e) => [...e.childNodes].map((n) => n.nodeType === 3 ? n.data : n.nodeType === 1 && n.getAttribute("aria-hidden") !== "true" && getComputedStyle(n).display !== "none" ? (n.getAttribute("alt") ?? text(n)) : "").join("").trim();
  const byIds = (e, name) => (e.getAttribute(name) ?? "").split(/\s+/).filter(Boolean).map((id) => document.getElementById(id));
  const name = (e) => byIds(e, "aria-labelledby").filter(Boolean).map(text).join(" ") || e.getAttribute("aria-label") || [...(e.labels ?? [])].map(text).join(" ") || text(e) || e.title;

  // Names (2.4.4, 4.1.2) and sizes of what can be pressed (2.5.8)
  for (const e of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0'], iframe")) {
    if (!shown(e)) continue;
    if (!name(e)) tell("no name", e);
    if (e.matches("iframe, [role=separator], pre")) continue;
    const box = (e.closest("label") ?? e).getBoundingClientRect();
    const inLine = getComputedStyle(e).display === "inline" && e.matches("a");
    if (!inLine && box.width > 1 && (box.width < 24 || box.height < 24)) tell("smaller than 24 px", e, `${box.width}x${box.height}`);
  }

  // Ids and what points to them (4.1.2)
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  ids.filter((id, at) => ids.indexOf(id) !== at).forEach((id) => problems.push(`id twice: ${id}`));
  for (const ref of ["aria-labelledby", "aria-describedby", "for", "popovertarget", "form"])
    for (const e of document.querySelectorAll(`[${ref}]`)) if (byIds(e, ref).includes(null)) tell(`${ref} leads nowhere`, e, e.getAttribute(ref));

  // Landmarks, headings, language, title (1.3.1, 2.4.1, 2.4.2, 3.1.1)
  if (document.querySelectorAll("main").length !== 1) problems.push("not one main");
  if (!document.documentElement.lang) problems.push("no language");
  if (!document.title.trim()) problems.push("no title");
  const headings = [...document.querySelectorAll("h1, h2, h3")].filter(shown);
  if (headings[0]?.localName !== "h1") problems.push("the first heading is not h1");
  const navs = [...document.querySelectorAll("nav")].filter(shown);
  navs.filter((e) => !name(e)).forEach((e) => tell("nav without a name", e));
  for (const e of document.querySelectorAll("body *")) {
    if (e.closest("main, header, nav, dialog, template, [role=status], .skip, #progress, script, style")) continue;
    if (shown(e) && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) tell("text outside landmarks", e);
  }
  for (const e of document.querySelectorAll("img:not([alt])")) tell("no alt", e);
  for (const e of document.querySelectorAll("svg:not([aria-hidden=true])")) tell("svg not hidden", e);

  // Contrast of text (1.4.3)
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (css) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = css; canvas.fillRect(0, 0, 1, 1); const d = canvas.getImageData(0, 0, 1, 1).data; return [d[0], d[1], d[2], d[3] / 255]; };
  const over = (top, low) => top.slice(0, 3).map((c, i) => c * top[3] + low[i] * (1 - top[3])).concat(1);
  const back = (e) => { const c = rgba(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c; return over(c, e.parentElement ? back(e.parentElement) : [255, 255, 255, 1]); };
  const light = (c) => { const [r, g, b] = c.map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const e = node.parentElement;
    if (!node.data.trim() || !shown(e) || e.closest(".hidden, option, [aria-disabled], template, .skip, .row-pick")) continue;
    const style = getComputedStyle(e);
    if (Number(style.opacity) < 0.1) continue;
    const [a, b] = [light(over(rgba(style.color), back(e))), light(back(e))].sort((x, y) => y - x);
    const big = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < (big ? 3 : 4.5) - 0.01) tell(`contrast ${ratio.toFixed(2)}`, e);
  }

  // Nothing wider than the window (1.4.10)
  if (document.documentElement.scrollWidth > innerWidth) problems.push(`wider than the window: ${document.documentElement.scrollWidth}`);
  for (const e of document.querySelectorAll("main, header, .pane, .message, .list-head, .message-bar, .message-scroll, .selection, .list-title, .list-tools")) {
    if (shown(e) && e.scrollWidth > e.clientWidth + 1) tell("its content is cut off", e, `${e.scrollWidth} of ${e.clientWidth}`);
  }

  // In a bar nothing lies over what stands beside it
  for (const bar of document.querySelectorAll(".message-bar, .write-foot")) {
    const boxes = [...bar.querySelectorAll("a, button, select, summary, label.tool")].filter((e) => shown(e) && !e.closest(".hidden, .menu-panel, .more:popover-open")).map((e) => [e, e.getBoundingClientRect()]);
    boxes.sort(([, a], [, b]) => a.left - b.left).forEach(([e, box], at) => {
      const before = boxes.slice(0, at).find(([, other]) => other.right > box.left + 1 && other.top < box.bottom && box.top < other.bottom);
      if (before) tell("lies over its neighbour", e);
    });
  }
  return [...new Set(problems)];
}
