// Attaches each module named by data-module to its element, once; fragments that come later call attachIn again.
const done = new WeakSet();
const modules = new Map();

export function register(known) {
  Object.entries(known).forEach(([name, attach]) => modules.set(name, attach));
}

export function attachIn(root) {
  for (const element of root.querySelectorAll("[data-module]")) {
    if (done.has(element)) continue;
    done.add(element);
    modules.get(element.dataset.module)?.(element);
  }
}
