"""What can be measured of WCAG 2.2 AA on a page as the browser shows it: names, sizes, contrast, landmarks, ids."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

_AUDIT = Path(__file__).with_name("audit.js").read_text()

_FOCUSED = r"""
() => {
  const e = document.activeElement;
  const rings = [getComputedStyle(e), getComputedStyle(e, "::after")];
  const seen = rings.some((s) => s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2);
  const box = e.getBoundingClientRect();
  const at = [e.localName, e.dataset.testid ?? e.className, Math.round(box.width), Math.round(box.height)].join(" ");
  const away = box.right <= 0 || box.bottom <= 0 || box.left >= innerWidth || box.top >= innerHeight;
  return { at, seen: seen || e === document.body, away: away && e !== document.body };
}
"""


def audit(page: Page) -> list[str]:
    """Sentences about what is wrong; none for a page that passes."""
    found: list[str] = page.evaluate(_AUDIT)
    return found


def tabbed(page: Page, steps: int) -> list[str]:
    """What `steps` presses of Tab reach whose focus cannot be seen, or that lies outside the window."""
    wrong = []
    for _ in range(steps):
        page.keyboard.press("Tab")
        page.wait_for_timeout(20)
        state = page.evaluate(_FOCUSED)
        if not state["seen"] or state["away"]:
            wrong.append(f"focus not visible: {state['at']}")
    return wrong
