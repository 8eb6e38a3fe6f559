"""The colours: every pair that meets on a page has the contrast of WCAG 2.2 AA, light and dark, in every brand."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CSS = ROOT / "static" / "css"
BRANDS = sorted((ROOT / "config" / "brands").glob("*/brand.toml"))

PAPERS = ("paper", "paper-low", "paper-high", "paper-hover", "paper-chosen")
TEXT = [(ink, paper) for ink in ("ink", "ink-2", "ink-3") for paper in PAPERS]
TEXT += [(ink, paper) for ink in ("danger", "warning", "passed") for paper in ("paper", "paper-low", "paper-high")]
TEXT += [("accent", paper) for paper in PAPERS if paper != "paper-high"]
TEXT += [("danger", "paper-chosen")]
TEXT += [("accent-ink", "accent"), ("danger-ink", "danger"), ("header-ink", "header"), ("paper", "ink")]
EDGES = [("line-control", paper) for paper in ("paper", "paper-low", "paper-high")]
EDGES += [("header-mark", "header")]
EDGES += [("focus", paper) for paper in PAPERS] + [("accent", paper) for paper in PAPERS]


def blocks(text: str) -> dict[str, dict[str, str]]:
    """Custom properties by the selector that sets them; comments and at-rules taken away."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    found: dict[str, dict[str, str]] = {}
    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", text):
        properties = dict(re.findall(r"--([a-z0-9-]+):\s*([^;]+);", body))
        found.setdefault(selector.strip(), {}).update(properties)
    return found


TOKENS = blocks((CSS / "tokens.css").read_text())
LIGHT = TOKENS[":root"]
DARK_WISH = TOKENS[':root:not([data-theme="light"])']
DARK_CHOICE = TOKENS[':root[data-theme="dark"]']
THEMES = {"light": LIGHT, "dark": DARK_WISH}


def brand_properties(path: Path) -> dict[str, str]:
    return {f"brand-{name}": value for name, value in tomllib.loads(path.read_text()).get("colours", {}).items()}


def colour(name: str, tokens: dict[str, str]) -> tuple[int, int, int]:
    """A role's colour after var(--x, fallback)."""
    value = tokens[name] if name in tokens else LIGHT[name]
    while match := re.fullmatch(r"var\(--([a-z0-9-]+)(?:,\s*(.+))?\)", value):
        value = tokens.get(match[1]) or match[2] or LIGHT[match[1]]
    digits = re.fullmatch(r"#([0-9a-f]{6})", value)
    assert digits, f"{name} is no colour: {value}"
    return tuple(bytes.fromhex(digits[1]))  # type: ignore[return-value]


def luminance(rgb: tuple[int, int, int]) -> float:
    parts = [c / 255 for c in rgb]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


LOOKS = [
    pytest.param({**tokens, **brand_properties(path)}, id=f"{path.parent.name}-{theme}")
    for path in BRANDS
    for theme, tokens in THEMES.items()
]


def failing(pairs: list[tuple[str, str]], tokens: dict[str, str], least: float) -> list[str]:
    ratios = [(one, other, contrast(colour(one, tokens), colour(other, tokens))) for one, other in pairs]
    return [f"{one} on {other}: {ratio:.2f}" for one, other, ratio in ratios if ratio < least]


def test_the_measure_knows_black_on_white_and_a_grey_that_just_fails():
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((0x77, 0x77, 0x77), (255, 255, 255)) < 4.5 < contrast((0x76, 0x76, 0x76), (255, 255, 255))


def test_there_are_two_brands_to_look_at():
    assert len(BRANDS) >= 2


@pytest.mark.parametrize("tokens", LOOKS)
def test_all_text_has_a_contrast_of_at_least_4_5(tokens):
    assert failing(TEXT, tokens, 4.5) == []


@pytest.mark.parametrize("tokens", LOOKS)
def test_edges_of_controls_and_focus_rings_have_a_contrast_of_at_least_3(tokens):
    assert failing(EDGES, tokens, 3.0) == []


def test_the_dark_that_is_chosen_is_the_dark_that_the_device_wishes():
    assert DARK_CHOICE == DARK_WISH
    assert DARK_WISH.keys() <= LIGHT.keys()


def test_only_the_tokens_hold_literal_colours():
    literal = re.compile(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|oklch)a?\(|:\s*(?:white|black|red|gr[ae]y)\b")
    others = [path for path in CSS.glob("*.css") if path.name != "tokens.css"]
    assert others
    assert [(path.name, found[0]) for path in others if (found := literal.search(path.read_text()))] == []


def test_every_role_that_a_style_uses_is_defined():
    used = {name for path in CSS.glob("*.css") for name in re.findall(r"var\(--([a-z0-9-]+)", path.read_text())}
    defined = set(LIGHT)
    assert {name for name in used - defined if not name.startswith("brand-") and name != "pick"} == set()
