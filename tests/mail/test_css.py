# ruff: noqa: E501  (attacks and answers stand on one line each)
from __future__ import annotations

import pytest

from app.mail.css import plain_declarations, style, style_rules
from app.mail.stylesheet import sheet_rules


def kept(text: str, address: str | None = None) -> str:
    return style(text, lambda _: address)


@pytest.mark.parametrize("text", [
    "color:#fff;", "font-family:'Helvetica Neue', Arial, sans-serif;", "padding:0 10px 3px .5em;", "width:100% !important;",
    "color:rgba(1,2,3,.5);", "font:12px/1.5 Arial;", "background:linear-gradient(to right, #fff 10%, rgb(1,2,3));",
])  # fmt: skip
def test_what_newsletters_write_is_kept(text: str):
    assert kept(text) == text


@pytest.mark.parametrize("text", [
    "cursor:url(http://t)", "color:expression(alert(1))", "color:var(--x,url(http://t))", "font:1px url(http://t)",
    "background-image:image-set('http://t' 1x)", "position:fixed", "margin:-10px", "width:99999px", "width:1e9px",
    "font-family:'</style>'", "((((", "content:'x'", "list-style:url(http://t)", "--x:1", "a", "",
    "background:\\75 rl!important",
])  # fmt: skip
def test_what_is_not_known_to_be_harmless_is_dropped(text: str):
    assert kept(text) == ""


def test_one_bad_declaration_takes_no_other_with_it():
    assert kept("color:red;position:fixed;width:1px") == "color:red;width:1px;"


@pytest.mark.parametrize(
    "text", ["background:url(http://t)", "background:URL('http://t')", "background:\\75 rl(http://t)"]
)
def test_a_picture_is_asked_for_however_it_is_written(text: str):
    assert kept(text) == ""
    assert kept(text, "https://t/") == 'background:url("https://t/");'


def test_a_blocked_picture_leaves_the_colour():
    assert kept("background:red url(http://t) no-repeat").split() == ["background:red", "no-repeat;"]


def test_the_quick_way_refuses_what_it_does_not_know():
    assert plain_declarations("color:red;width:calc(1px)") is None
    assert plain_declarations("color:red/**/") is None
    assert plain_declarations("color:red;position:fixed") == "color:red;"


def test_what_repeats_is_compiled_once_and_what_is_too_long_for_that_fills_no_memory():
    short, long = "color:red;background:url(a);", "background:url(a);" * 400
    assert style_rules(short) is style_rules(short) and style_rules(long) is not style_rules(long)
    sheets = f".a{{{short}}}", f".a{{{short}}}" * 3000
    assert sheet_rules(sheets[0]) is sheet_rules(sheets[0]) and sheet_rules(sheets[1]) is not sheet_rules(sheets[1])
