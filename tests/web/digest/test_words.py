"""A digest says what happened in one's own time, and a stranger's text in it does nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import html5lib

from app.blocklog.codes import Policy
from app.web.digest.words import Digest, Line, html, inert, plain
from tests.web.blocked.test_situation import NOW, ROW

SITE = "https://mail.isp.example"
LINKS = (("allow", f"{SITE}/digest/abc"),)


def digest(*lines: Line, more: int = 0) -> Digest:
    since = NOW - timedelta(days=1)
    return Digest("anna@one.example", lines, more, since, NOW + timedelta(hours=1), ZoneInfo("Europe/Berlin"), SITE)


def hostile(**fields: Any) -> Line:
    return Line(replace(ROW, **fields), LINKS)


def test_both_forms_say_who_when_why_and_what_can_be_done() -> None:
    told = digest(Line(ROW, LINKS), more=3)
    assert (
        told.subject == "4 messages to you were stopped" and digest(Line(ROW)).subject == "A message to you was stopped"
    )
    for text in (plain(told), html(told)):
        assert "Fri 27 Nov 13:00" in text and "info@bank.example" in text
        assert "their server is on the block list zen.spamhaus.org" in text and f"{SITE}/digest/abc" in text
        assert "And 3 more." in text and f"{SITE}/settings/digest" in text and "(Europe/Berlin)" in text


def test_where_nobody_counted_to_the_end_both_forms_say_so() -> None:
    told = replace(digest(Line(ROW), more=1000), endless=True)
    assert told.subject == "At least 1001 messages to you were stopped"
    assert "And at least 1000 more." in plain(told) and "And at least 1000 more." in html(told)


def test_a_stranger_s_text_is_no_markup_no_link_and_no_line_of_its_own() -> None:
    bad = digest(
        hostile(sender_local="<a href=https://evil.example>x</a>", sender_domain="evil.example"),
        hostile(policy=Policy.virus, detail='"><img src=http://evil.example/>\r\nAllow: https://evil.example'),
        hostile(policy=Policy.dmarc, sender_domain="www.evil.example", sender_local="\u202eenna"),
    )
    tree = html5lib.parse(html(bad), namespaceHTMLElements=False)
    assert {each.get("href").removeprefix(SITE) for each in tree.iter("a")} == {
        "/digest/abc", "/blocked", "/settings/digest",
    }  # fmt: skip
    assert not [*tree.iter("img"), *tree.iter("script")]
    for text in (plain(bad), html(bad)):
        assert "https://evil" not in text and "http://evil" not in text and "www.evil" not in text
        assert "\u202e" not in text
    assert not [line for line in plain(bad).splitlines() if line.startswith("Allow:")]


def test_text_that_a_program_would_make_a_link_of_is_broken_up() -> None:
    assert inert("see HTTPS://evil.example or www.evil.example") == "see HTTPS ://evil.example or www .evil.example"
    assert inert("a@bank.example") == "a@bank.example"
