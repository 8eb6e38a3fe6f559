"""How a message travels after DATA, whatever its bytes and however it is cut."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from app.mail.smtp import stuffed

BYTES = st.lists(st.sampled_from([b".", b"\r", b"\n", b"\r\n", b"a"]), max_size=30).map(b"".join)


@given(BYTES, st.lists(st.integers(0, 40), max_size=6))
def test_no_bare_line_end_no_early_dot_and_nothing_lost(text: bytes, cuts: list[int]) -> None:
    marks = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    sent = b"".join(stuffed(text[a:b] for a, b in zip(marks, marks[1:], strict=False)))
    assert sent == b"".join(stuffed([text]))
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", sent)
    lines = sent.split(b"\r\n")
    assert b"." not in lines and lines.pop() == b""
    wanted = re.sub(rb"\r\n|\r|\n", b"\r\n", text)
    received = b"".join(line.removeprefix(b".") + b"\r\n" for line in lines)
    assert received == wanted + (b"" if wanted.endswith(b"\r\n") or not wanted else b"\r\n")
