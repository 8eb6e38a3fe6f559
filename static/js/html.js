// The one place where text becomes a document. Trusted Types allow it to this policy alone (CSP: trusted-types postern).
const policy = window.trustedTypes?.createPolicy("postern", { createHTML: (text) => text }) ?? { createHTML: (text) => text };

/** A page of our own as a document of its own: nothing in it runs or loads. */
export function parse(text) {
  const page = new DOMParser().parseFromString(policy.createHTML(text), "text/html");
  page.querySelectorAll("script").forEach((script) => script.remove());
  return page;
}

/** Puts `nodes` of another document in place of what `target` holds. */
export function fill(target, ...nodes) {
  target.replaceChildren(...nodes.map((node) => document.importNode(node, true)));
}

/** Where a form goes: its buttons are named "action", which hides the property. */
export const target = (form) => new URL(form.getAttribute("action"), location.href);

/** <svg> of one of the sprite's icons, from any icon already on the page. */
export function setIcon(svg, name) {
  const use = svg.querySelector("use");
  use.setAttribute("href", use.getAttribute("href").replace(/#.*$/, `#${name}`));
}
