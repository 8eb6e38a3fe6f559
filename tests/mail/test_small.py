# ruff: noqa: E501  (attacks and answers stand on one line each)
from __future__ import annotations

from app.mail.small import linked, small_html


def test_small_html_keeps_plain_formatting_only():
    made = small_html('<b onclick=x>B</b><img src=x><a href="https://a" style=x>l</a><a href="javascript:x">m</a>')
    assert made == '<b>B</b><a href="https://a">l</a><a>m</a>'


def test_a_notice_is_text_with_links():
    assert linked("<b> https://a.example/x readme.md") == (
        '&lt;b&gt; <a href="https://a.example/x" rel="noopener noreferrer nofollow" target="_blank">https://a.example/x</a> readme.md'
    )


def test_a_link_whose_host_imitates_another_says_it():
    made = linked("https://xn--pypal-4ve.com/ or https://p\u0430ypal.com/ or https://good.example/")
    assert made.count("(leads to xn--pypal-4ve.com) https://") == made.count("leads to") >= 1
