# ruff: noqa: E501  (attacks and answers stand on one line each)
"""Bounded time and memory: 512 KB of each flood, read in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from app.mail.sanitize import frame_html
from tests.hostile.floods import READERS, floods

SECONDS = 2.0
MEGABYTES = 300


@pytest.mark.slow
def test_no_flood_takes_two_seconds_or_fills_the_memory():
    done = subprocess.run([sys.executable, "-m", "tests.hostile.floods"], capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert told["count"] == len(READERS) * sum(1 for _ in floods())
    assert told["slowest"][0][0] < SECONDS, told["slowest"]
    assert told["peak"] < MEGABYTES, told
    assert told["longest"][3] < 8 * 1024 * 1024, told["longest"]


@pytest.mark.parametrize("html", ["&" * 500_000, "\xa0" * 500_000, "&nbsp;" * 80_000, "<p title='" + "&" * 500_000 + "'>"],
                         ids=["ampersands", "spaces", "named spaces", "attribute"])  # fmt: skip
def test_what_the_sanitiser_writes_quadratically_is_bounded_before_it(html: str):
    cleaned = frame_html(html)
    assert cleaned.html.count("&amp;") <= 65_536 and cleaned.html.count("&nbsp;") <= 65_536


def test_unclosed_formatting_does_not_multiply():
    html = "".join(f"<p><font id={number}>x" for number in range(8000))
    assert len(frame_html(html).html) < 4 * len(html)
