"""Lines of postern-learn: whose login it was, what was taught, and nothing that a stranger's Message-ID pretends."""

from __future__ import annotations

import pytest

from app.blocklog.codes import Lesson
from app.blocklog.event import Learnt, Odd
from app.blocklog.formats.learn import PROGRAMS, Reader
from tests.blocklog.lines import AT, line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "user=<alice@isp.example>, class=spam, outcome=learnt, message-id=<1@x.example>",
            Learnt(AT, "alice@isp.example", True, Lesson.learnt, "1@x.example"),
        ),
        ("user=<box1>, class=ham, outcome=known, message-id=<>", Learnt(AT, "box1", False, Lesson.known)),
        (
            "user=<box1>, class=ham, outcome=failed, message-id=<a,class=spam,outcome=learnt,message-id=b>",
            Learnt(AT, "box1", False, Lesson.failed, "a,class=spam,outcome=learnt,message-id=b"),
        ),
    ],
)
def test_a_line_tells_who_taught_what(text: str, expected: Learnt) -> None:
    assert {"postern-learn"} == PROGRAMS
    assert list(Reader().read(line(text, "postern-learn"))) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "user=<a b>, class=spam, outcome=learnt, message-id=<1@x>",
        "user=<a>, class=spam, outcome=learnt, message-id=<1@x>, message-id=<2@x>",
        "user=<a>, class=spam, outcome=forgotten, message-id=<1@x>",
        "user=<a>, class=both, outcome=learnt, message-id=<1@x>",
        "user=<a>, class=spam, outcome=learnt, message-id=<1@x>\nuser=<b>",
        f"user=<{'a' * 321}>, class=spam, outcome=learnt, message-id=<1@x>",
        f"user=<a>, class=spam, outcome=learnt, message-id=<{'a' * 251}>",
        "",
    ],
)
def test_anything_else_is_counted_and_tells_nothing(text: str) -> None:
    assert [type(each) for each in Reader().read(line(text, "postern-learn"))] == [Odd]
