"""The lists of the log: sentences, filters, pages, one row; nobody else's row, whatever the address says."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine

from app.blocklog.codes import Accepted, Outcome, Policy, Resolved
from app.blocklog.tables import Base
from app.store.connect import Gate
from app.web.blocked import pages
from tests.conftest import MailAccount
from tests.web.blocked.rows import block, now, recent
from tests.web.conftest import PASSWORD, add_account
from tests.web.pages import Pages
from tests.web.test_session import ADDRESS

pytestmark = pytest.mark.servers
HOUR = timedelta(hours=1)


def words(browser: Pages, path: str, status: int = 200) -> str:
    """The page's text, tags taken out."""
    answer = browser.get(path)
    assert answer.status_code == status
    return " ".join(unescape(re.sub(r"<[^>]+>", "", answer.get_data(as_text=True))).split())


def rows(browser: Pages, path: str, kind: str = "blocked-row") -> int:
    return browser.get(path).get_data(as_text=True).count(f'data-testid="{kind}"')


def test_each_stopped_message_is_a_sentence_with_its_sender_server_and_answer(log: Engine, signed_in: Pages) -> None:
    block(log, subject="Your statement")
    arrived = {"resolved_at": now(), "resolved_how": Resolved.greylist_passed}
    block(log, policy=Policy.greylist, outcome=Outcome.delayed, **arrived)
    page = words(signed_in, "/blocked")
    assert "Refused: their server is on the block list zen.spamhaus.org." in page
    assert "it arrived at" in page and "info@bank.example" in page and "Your statement" in page
    assert "mail.bank.example" in page and "554 Service unavailable; Client host" in page
    assert rows(signed_in, "/blocked") == 2


def test_what_was_accepted_is_listed_without_what_was_sent(log: Engine, signed_in: Pages) -> None:
    recent(log)
    recent(log, outcome=Accepted.junk, sender_local="", sender_domain="")
    recent(log, outcome=Accepted.forwarded, final_rcpt="elsewhere@two.example")
    recent(log, outcome=Accepted.sent, sender_local="me")
    page = words(signed_in, "/received")
    assert "Delivered to you, 12 KB." in page and "Put into your spam folder" in page and "No sender" in page
    assert "Forwarded to elsewhere@two.example" in page and "me@friend.example" not in page
    assert rows(signed_in, "/received?outcome=junk", "received-row") == 1


def test_what_is_only_for_admins_and_what_stopped_nothing_is_not_shown(log: Engine, signed_in: Pages) -> None:
    hidden = [
        block(log, policy=Policy.relay),
        block(log, policy=Policy.internal, outcome=Outcome.delayed),
        block(log, outcome=Outcome.would_block),
    ]
    assert rows(signed_in, "/blocked") == rows(signed_in, "/blocked?policy=relay&outcome=would-block") == 0
    for row in hidden:
        words(signed_in, f"/blocked/{row}", 404)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("q=bank.example", 1),
        ("q=%20INFO@Bank.Example", 1),
        ("q=shop.example", 2),
        ("q=nobody@shop.example", 0),
        ("policy=virus", 1),
        ("policy=virus&policy=rbl", 2),
        ("policy=nonsense", 3),
        ("outcome=delayed", 1),
        ("since=2001-01-01&until=2001-12-31", 0),
        ("since=2001-01-01", 3),
        ("until=2001-01-01", 0),
        ("since=gestern&until=0000-00-00&before=1-2-3", 3),
        ("before=0-0", 0),
        ("before=99999999999-9223372036854775807", 3),
        ("before=99999999999-9999999999999999999", 3),
    ],
)
def test_the_list_is_searched_and_filtered(log: Engine, signed_in: Pages, query: str, count: int) -> None:
    block(log)
    block(log, policy=Policy.virus, sender_domain="shop.example")
    block(log, policy=Policy.greylist, outcome=Outcome.delayed, sender_domain="shop.example")
    assert rows(signed_in, f"/blocked?{query}") == count


def test_a_search_that_finds_nothing_leads_to_the_search_everywhere(log: Engine, signed_in: Pages) -> None:
    page = signed_in.get("/blocked?q=nobody.example").get_data(as_text=True)
    assert "/where?q=nobody.example" in page
    assert "Nothing was stopped." in words(signed_in, "/blocked")


def test_pages_follow_each_other_by_the_last_row_and_keep_the_filter(
    log: Engine, signed_in: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PER_PAGE", 2)
    at = timedelta(minutes=1)
    made = [block(log, ago=at) for _ in range(5)]  # all in one second: the number decides
    block(log, policy=Policy.virus)
    seen: list[str] = []
    path = "/blocked?policy=rbl"
    while path:
        page = signed_in.get(path).get_data(as_text=True)
        seen += re.findall(r'href="/blocked/(\d+-\d+)"', page)
        older = re.search(r'href="([^"]+)" rel="next"', page)
        path = unescape(older[1]) if older else ""
        assert not path or "policy=rbl" in path
    assert seen == made[::-1]
    back = re.search(r'href="([^"]+)" rel="prev"', page)
    assert back
    page = signed_in.get(unescape(back[1])).get_data(as_text=True)
    assert re.findall(r'href="/blocked/(\d+-\d+)"', page) == made[::-1][2:4]
    back = re.search(r'href="([^"]+)" rel="prev"', page)
    assert back
    first = signed_in.get(unescape(back[1]))
    assert first.location == "/blocked?policy=rbl"  # nothing is newer than these: the first page, not a part of it


def test_the_page_of_a_row_tells_all_that_is_known(log: Engine, signed_in: Pages) -> None:
    row = block(log, subject="Hello", message_id="<1@bank.example>", queue_id="4Xy", score=18.5, rcpts_known=2)
    page = words(signed_in, f"/blocked/{row}")
    for part in ("Hello", "info@bank.example", "forward@one.example", "203.0.113.7", "554 5.7.1", "4Xy", "18.5"):
        assert part in page
    assert "As you were named as the recipient" in page and "others, whom no log names" in page
    assert 'href="https://check.spamhaus.org/"' in signed_in.get(f"/blocked/{row}").get_data(as_text=True)


@pytest.mark.parametrize("row", ["1-1", "0-0", "x", "1", "99999999999-99999999999999999999", "%2e%2e", "1-1-1"])
def test_a_row_that_is_not_there_is_no_page(log: Engine, signed_in: Pages, row: str) -> None:
    words(signed_in, f"/blocked/{row}", 404)


def test_nobody_reaches_another_account_s_rows(app: Flask, log: Engine, signed_in: Pages) -> None:
    add_account(app, 2, "bob")
    theirs = block(log, account="2", subject="Bob's secret")
    nobodys = block(log, account="", policy=Policy.rbl)
    recent(log, account="2")
    for path in ("/blocked", "/blocked?account_id=2&account=2", "/received", "/blocked.csv", "/received.csv"):
        page = signed_in.get(path).get_data(as_text=True)
        assert (
            "secret" not in page
            and "friend.example" not in page
            and "bank.example" not in page.replace("bank.example or info@bank.example", "")
        )
    for row in (theirs, nobodys):
        words(signed_in, f"/blocked/{row}", 404)
    assert "nothing from bank.example has tried" in words(signed_in, "/where?q=bank.example").lower()
    other: Pages = app.test_client()  # type: ignore[assignment]
    other.sign_in("bob@one.example", PASSWORD)
    assert "Bob's secret" in words(other, f"/blocked/{theirs}")


def test_what_strangers_wrote_is_text(log: Engine, signed_in: Pages) -> None:
    odd = "<script>alert(1)</script>\u202e\x00\r\n'\"{{7*7}}"
    row = block(
        log, subject=odd, sender_local=odd[:60], sender_domain="x.example", reason=odd, helo=odd, client_name=odd,
        detail=odd, queue_id="<b>", message_id=odd, policy=Policy.virus, rcpt=odd,
    )  # fmt: skip
    recent(log, sender_local=odd, reply=odd, client_name=odd, rcpt=odd, final_rcpt=odd + "x")
    for path in ("/blocked", f"/blocked/{row}", "/received", "/where?q=x.example", f"/blocked?q={'%3Cscript%3E'}"):
        page = signed_in.get(path).get_data(as_text=True)  # Pages checks what a browser would make of it
        assert (
            "<script>alert" not in page
            and "\u202e" not in page
            and "\x00" not in page
            and "49" not in words(signed_in, path).replace("{{7*7}}", "")
        )


def test_the_chart_counts_a_day_and_a_week_by_reason(log: Engine, signed_in: Pages) -> None:
    for ago in (HOUR, HOUR, 30 * HOUR, 200 * HOUR):
        block(log, ago=ago)
    block(log, ago=100 * HOUR, policy=Policy.virus)
    block(log, ago=HOUR, policy=Policy.rcpt)
    page = words(signed_in, "/blocked")
    assert "2 stopped in 24 hours, 4 in 7 days" in page
    assert re.search(r"Server on a block list\s*2\s*3", page) and re.search(r"Virus\s*0\s*1", page)
    assert 'data-testid="blocked-chart"' not in signed_in.get("/blocked?policy=rbl").get_data(as_text=True)


def test_rows_are_new_until_they_were_seen_and_for_as_long_as_somebody_sits_there(
    log: Engine, signed_in: Pages
) -> None:
    block(log, ago=HOUR)
    block(log, ago=8 * 24 * HOUR)
    for _ in range(2):
        assert signed_in.get("/blocked").get_data(as_text=True).count('data-new="true"') == 1


def test_while_the_log_is_away_its_pages_say_so_and_others_do_not_notice(log: Engine, signed_in: Pages) -> None:
    Base.metadata.drop_all(log)
    for path in ("/blocked", "/received", "/blocked/1-1", "/blocked.csv"):
        assert "The log cannot be read at the moment" in words(signed_in, path, 503)
    assert "The log could not be searched" in words(signed_in, "/where?q=x.example")
    assert signed_in.get("/settings/sessions").status_code == 200


def test_while_the_log_is_busy_its_pages_say_so_after_two_seconds(log: Engine, signed_in: Pages) -> None:
    with ExitStack() as others:
        for _ in range(8):  # as many as there may be
            others.enter_context(log.connect())
        answer = signed_in.get("/blocked")
    assert answer.status_code == 503 and "The log is busy" in answer.get_data(as_text=True)
    assert answer.headers["Retry-After"] == "5"


def test_who_only_forwards_mail_begins_with_the_log(app: Flask, log: Engine, signed_in: Pages) -> None:
    assert signed_in.get("/").location == "/blocked"
    page = signed_in.get("/blocked").get_data(as_text=True)
    assert "/mail/INBOX" not in page and 'action="/where"' in page


def test_a_brand_without_the_log_has_none_of_its_pages(app: Flask, log: Engine, signed_in: Pages) -> None:
    held: Any = app.extensions["postern"]
    postern = replace(held.brands.by_id["postern"], off=frozenset({"blocked"}))
    held.brands = replace(held.brands, by_id={**held.brands.by_id, "postern": postern})
    for path in ("/blocked", "/blocked/1-1", "/blocked.csv", "/where", "/expecting", "/expecting/news"):
        words(signed_in, path, 404)
    assert "/blocked" not in signed_in.get("/settings/sessions").get_data(as_text=True)
    assert signed_in.get("/").location == "/mail/INBOX/"


def test_mail_pages_and_sign_ins_do_not_keep_a_log_shut_that_is_back(
    app: Flask, reader: Pages, mail_account: MailAccount
) -> None:
    held: Any = app.extensions["postern"]
    held.blocklog_gate = Gate(0.05)
    held.blocklog_gate.failed()
    time.sleep(0.06)
    assert reader.get("/mail/INBOX/").status_code == 200
    assert app.test_client().sign_in(ADDRESS, mail_account.password).status_code == 303  # type: ignore[attr-defined]
    assert reader.get("/blocked").status_code == 200
