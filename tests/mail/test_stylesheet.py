# ruff: noqa: E501  (attacks and answers stand on one line each)
from __future__ import annotations

import pytest

from app.mail.stylesheet import sheet


def kept(text: str) -> str:
    return " ".join(sheet(text, lambda _: None).split())


def test_rules_media_queries_and_states_are_kept():
    text = "@media only screen and (max-width:600px){.a[class=b] > td:hover{width:100% !important}} u + .c{color:red}"
    assert (
        kept(text)
        == "@media only screen and (max-width:600px){ .a[class=b] > td:hover{width:100% !important;} } u + .c{color:red;}"
    )


@pytest.mark.parametrize("text", [
    "@import url(x);", "@font-face{src:url(x)}", "@keyframes x{from{color:red}}", "a::after{content:'x'}", ":root{color:red}",
    "@media (prefers-color-scheme:dark){a{color:red}}", "@media print{a{color:red}}", "@supports (a:b){a{color:red}}", "a\\:b{color:red}", "/* never closed a{color:red}",
])  # fmt: skip
def test_all_else_is_dropped(text: str):
    assert kept(text) == ""
    assert kept(text + "*/" * ("/*" in text) + " b{color:red}") == "b{color:red;}"


def test_no_sheet_can_end_its_element():
    assert "<" not in kept("a{color:red}</style><script>x</script> b{font-family:'</style>'}")


def test_both_ways_read_the_same():
    text = "a.b, td > p{color:red;padding:1px 2px}\n@media screen{#x{width:10%}}"
    assert kept(text) == kept(text + " z{color:'\\\\'}")
