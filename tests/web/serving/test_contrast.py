"""Colours of a brand that nobody could read."""

import re
from pathlib import Path

import pytest

from app.web.serving.contrast import PAPER, USUAL, contrast, unreadable

TOKENS = (Path(__file__).parents[3] / "static/css/tokens.css").read_text()


def test_the_ratio_is_that_of_the_guidelines() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#ffffff", "#777777") == contrast("#777777", "#ffffff")


@pytest.mark.parametrize(
    ("colours", "words"),
    [
        ({"accent": "#ffd800"}, "accent-ink cannot be read on accent: a contrast of 1.4"),
        ({"accent": "#ffd800", "accent-ink": "#000000"}, "accent cannot be read on the page's own #f4f2ec"),
        ({"accent-ink": "#0b5f66"}, "accent-ink cannot be read on accent: a contrast of 1.0"),
        ({"header": "#202020"}, "header-ink cannot be read on header"),
        ({"accent-dark": "#303030", "accent-ink-dark": "#ffffff"}, "accent-dark cannot be read on the page's own"),
        ({"header-ink-dark": "#202020"}, "header-ink-dark cannot be read on header-dark"),
    ],
)
def test_what_cannot_be_read_is_named(colours: dict[str, str], words: str) -> None:
    assert unreadable(colours).startswith(words)


def test_what_can_be_read_is_taken() -> None:
    assert unreadable({}) == ""
    assert unreadable({"accent": "#8a3b12", "header": "#2b211b", "header-ink": "#f4ece6"}) == ""


def test_the_usual_colours_are_those_of_the_tokens() -> None:
    light, dark = TOKENS.partition("@media screen")[::2]
    for name, colour in USUAL.items():
        sheet = dark if name.endswith("-dark") else light
        said = re.findall(rf"var\(--brand-{name}, ([^)]+)\)?", sheet)[0]
        named = said.removeprefix("var(--")
        assert colour == (said if said.startswith("#") else re.findall(rf"--{named}: (#\w+);", sheet)[0]), name
    for mode, sheet in (("", light), ("-dark", dark)):
        assert PAPER[mode] == tuple(
            re.findall(rf"--{name}: (#\w+);", sheet)[0] for name in ("paper-low", "paper-chosen")
        )
