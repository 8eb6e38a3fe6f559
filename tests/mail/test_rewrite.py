# ruff: noqa: E501  (attacks and answers stand on one line each)
from __future__ import annotations

import pytest

from app.mail.rewrite import MAX_DEPTH, rewrite


@pytest.mark.parametrize(("html", "written"), [
    ("<b><i>x</b>y", "<b><i>x</i></b>y"), ("<p>a<p>b", "<p>a</p><p>b</p>"), ("<ul><li>a<li>b</ul>", "<ul><li>a</li><li>b</li></ul>"),
    ("<a href='\"'>x", '<a href="&quot;">x</a>'), ("<svg><b>x</svg>", "<b>x</b>"), ("<td>x", "x"), ("a < b", "a &lt; b"),
    ("<table><tr><td>a<td>b</table>", "<table><tr><td>a</td><td>b</td></tr></table>"), ("x<!-- never", "x"), ("</p>x", "x"), ("<p", ""),
    ("<script><b></script>x", "x"), ("<P CLASS=a onclick=b>x", '<p class="a" onclick="b">x</p>'),
])  # fmt: skip
def test_it_is_written_clearly_and_balanced(html: str, written: str):
    assert rewrite(html)[0] == written


def test_sheets_are_handed_out_and_depth_is_bounded():
    written, sheets = rewrite("<style>a{}</style>" + "<div>" * 1000 + "x")
    assert sheets == ["a{}"] and written.count("<div>") == MAX_DEPTH and "x" in written
