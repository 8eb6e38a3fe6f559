"""Whether a brand's colours can be read on each other and on the paper.

WCAG 2.2 §1.4.3 wants 4.5 to 1 of all text; unread counts are small text in the brand's accent. What a brand does not
say is as in static/css/tokens.css.
"""

from collections.abc import Mapping

WANTED = 4.5
USUAL = {
    "accent": "#0b5f66",
    "accent-ink": "#ffffff",
    "header": "#f4f2ec",
    "header-ink": "#211f1b",
    "accent-dark": "#6fc0c4",
    "accent-ink-dark": "#05282b",
    "header-dark": "#151412",
    "header-ink-dark": "#ebe8e2",
}
# What the accent stands on besides: the folder pane, and a chosen folder in it.
PAPER = {"": ("#f4f2ec", "#e9e5dc"), "-dark": ("#151412", "#302d2a")}


def unreadable(colours: Mapping[str, str]) -> str:
    """What cannot be read with these colours (#rrggbb by name), in a sentence; "" where everything can."""
    all_of_them = {**USUAL, **colours}
    for mode, papers in PAPER.items():
        accent, header = f"accent{mode}", f"header{mode}"
        pairs = [(f"{name}-ink{mode}", name + mode, all_of_them[name + mode]) for name in ("accent", "header")]
        pairs += [(accent, f"the page's own {paper}", paper) for paper in papers]
        for ink, name, ground in pairs:
            found = contrast(all_of_them[ink], ground)
            if found < WANTED and colours.keys() & {accent, header, ink}:
                return f"{ink} cannot be read on {name}: a contrast of {found:.1f}, and {WANTED} is wanted"
    return ""


def contrast(one: str, other: str) -> float:
    """1 to 21 (WCAG 2.2, contrast ratio)."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in (red, green, blue)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
