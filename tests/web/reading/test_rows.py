"""Rows of a list are remembered by what they show, and by nothing less."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from zoneinfo import ZoneInfo

from markupsafe import Markup

from app.web.reading.rows import each


@dataclass(frozen=True)
class Line:
    subject: str


class Macro:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, line: Line, zone: object, sort: str) -> Markup:
        self.asked += 1
        return Markup("<li>{} {} {}</li>").format(line.subject, zone, sort)


def test_the_same_row_is_written_once() -> None:
    macro = Macro()
    once = each([Line("a"), Line("b")], macro, UTC, "arrival")
    assert once == "<li>a UTC arrival</li><li>b UTC arrival</li>"
    assert each([Line("a"), Line("b")], macro, UTC, "arrival") == once and macro.asked == 2


def test_whatever_differs_is_written_anew() -> None:
    macro = Macro()
    each([Line("c")], macro, UTC, "arrival")
    each([Line("c")], macro, ZoneInfo("Asia/Kolkata"), "arrival")
    each([Line("c")], macro, UTC, "size")
    each([Line("d")], macro, UTC, "arrival")
    each([Line("c")], Macro(), UTC, "arrival")
    assert macro.asked == 4


def test_a_remembered_row_stays_markup_and_its_texts_stay_escaped() -> None:
    macro = Macro()
    for _ in range(2):
        rows = each([Line("<script>")], macro, UTC, "arrival")
        assert isinstance(rows, Markup) and "<script>" not in rows
