# ruff: noqa: E501  (attacks and answers stand on one line each)
from __future__ import annotations

import pytest

from app.mail.scan import look


def test_ordinary_mail_is_vouched_for_and_its_sheets_found():
    looked = look(
        '<!doctype html><head><style type="x">a{}</style></head><body><p title="a>b">x<br><b>y</b><!-- c --><![if x]><o:p></o:p>'
    )
    assert looked.safe and looked.sheets == ["a{}"]


@pytest.mark.parametrize("html", [
    "<p><font id={}>", "<font id={}><table><td></font></table>", "<table><font id={}><td></font></td>", "<div><b id={}></div>",
    "<p><font id={} title='</font>'>", "<p><font id={}><script><!--<script></script></font></script>", "<p><font id={}><!--></font>-->",
    "<font\x0bid={}>x</font\x0b><p>",
])  # fmt: skip
def test_formatting_that_is_opened_again_and_again_is_not(html: str):
    assert not look("".join(html.format(number) for number in range(2000))).safe


@pytest.mark.parametrize(
    "html", ["<div>" * 201, "<br>" * 20_001, "<svg>", "<a 'b'>", "<!--", "</ x>", "<select>", "<noscript>"]
)
def test_what_is_deep_many_or_odd_is_not(html: str):
    assert not look(html).safe


def test_table_rows_without_end_tags_are_not_deep():
    assert look("<table>" + "<tr><td><p>x<li>y" * 400 + "</table>").safe
