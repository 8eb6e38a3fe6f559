// Small things: menus that close, colours, the divider between the panes, forms that are sent once.
const store = (key, value) => { try { localStorage.setItem(key, value); } catch { /* not remembered */ } };

/** Menus are <details>: a click elsewhere or Escape closes them. */
export function menus() {
  const opened = () => document.querySelectorAll(".menu[open]");
  document.addEventListener("click", (event) => {
    opened().forEach((menu) => { if (!menu.contains(event.target) || event.target.closest(".menu-item:not([data-module])")) menu.open = false; });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    opened().forEach((menu) => {
      menu.open = false;
      menu.querySelector("summary").focus();
      event.preventDefault();
    });
  });
}

const THEMES = { "": ["as the device", "light"], light: ["light", "dark"], dark: ["dark", ""] };

export function theme(button) {
  const root = document.documentElement;
  const name = button.querySelector("[data-theme-name]");
  const show = () => { name.textContent = THEMES[root.dataset.theme ?? ""][0]; };
  button.addEventListener("click", () => {
    const next = THEMES[root.dataset.theme ?? ""][1];
    if (next) root.dataset.theme = next;
    else delete root.dataset.theme;
    store("postern.theme", next);
    show();
  });
  show();
}

/** The list's width, by pointer or arrow keys, in steps of 16 px; a double click puts it back. */
export function divider(bar) {
  const root = document.documentElement;
  const list = document.getElementById("list");
  const set = (width) => {
    const kept = Math.round(Math.min(Math.max(width, 320), innerWidth * 0.6));
    root.style.setProperty("--list", `${kept}px`);
    bar.ariaValueNow = kept;
    store("postern.list", kept);
  };
  Object.assign(bar, { ariaValueMin: 320, ariaValueMax: Math.round(innerWidth * 0.6), ariaValueNow: Math.round(list.clientWidth) });
  bar.addEventListener("pointerdown", (event) => {
    bar.setPointerCapture(event.pointerId);
    bar.classList.add("dragging");
    event.preventDefault();
  });
  bar.addEventListener("pointermove", (event) => {
    if (bar.classList.contains("dragging")) set(event.clientX - list.getBoundingClientRect().left);
  });
  bar.addEventListener("lostpointercapture", () => bar.classList.remove("dragging"));
  bar.addEventListener("dblclick", () => set(420));
  bar.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -16, ArrowRight: 16 }[event.key];
    if (by) set(list.clientWidth + by);
  });
}

/** Mail links of all pages lead to the composer here, if the browser's owner agrees (RFC 6068). */
export function mailto(button) {
  button.hidden = !navigator.registerProtocolHandler;
  button.addEventListener("click", () => navigator.registerProtocolHandler("mailto", `${location.origin}/compose?mailto=%s`));
}

/** A form that must not be sent twice: signing in takes its time on purpose. */
export function once(form) {
  form.addEventListener("submit", () => { setTimeout(() => { form.querySelector(".primary").disabled = true; }); });
  addEventListener("pageshow", () => { form.querySelector(".primary").disabled = false; });
}
