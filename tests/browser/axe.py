"""axe-core over a page as the browser shows it: rules of WCAG 2.2 AA and good practice that are not the house's own.

Playwright puts it into the page by the debugging protocol: the pages' policy is not loosened for it.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

_AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What depends on widths and colours; the house's own audit measures contrast and sizes of all pages at each of them.
_LOOKS = [
    "color-contrast",
    "target-size",
    "button-name",
    "link-name",
    "label",
    "select-name",
    "scrollable-region-focusable",
]
# Mail in its frame is a stranger's, and the frame lets no script in.
_EXAMINE = """
async (only) => {
  const found = await axe.run(document, { runOnly: only, resultTypes: ["violations"], iframes: false, preload: false });
  return found.violations.flatMap((rule) => rule.nodes.map((node) =>
    `${rule.id}: ${node.html.slice(0, 160)} ${node.failureSummary.split("\\n").slice(1, 3).join(" ").slice(0, 200)}`));
}
"""


def examine(page: Page) -> list[str]:
    """Sentences about what axe finds wrong; none for a page that passes."""
    return _run(page, {"type": "tag", "values": _TAGS})


def examine_narrow(page: Page) -> list[str]:
    """The same of the page, examined before, as a telephone shows it in the dark: what that changes."""
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 800})
    found = _run(page, {"type": "rule", "values": _LOOKS})
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 800})
    return [f"narrow and dark: {each}" for each in found]


def _run(page: Page, only: dict[str, object]) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE)
    found: list[str] = page.evaluate(_EXAMINE, only)
    return found
