// Before the first paint: says that scripts run, and puts back the colours and the pane width chosen earlier.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  // A script that did not arrive: the page as it is without scripts.
  addEventListener("error", (event) => { if (event.target.localName === "script") root.classList.remove("js"); }, true);
  try {
    const theme = localStorage.getItem("postern.theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    const width = Number(localStorage.getItem("postern.list"));
    if (width > 0) root.style.setProperty("--list", `${width}px`);
  } catch { /* storage is closed: the device's colours, the usual width */ }
})();
