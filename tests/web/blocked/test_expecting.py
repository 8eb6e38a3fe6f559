"""Expecting a mail: its state is its address; it tells for fifteen minutes what happened, at next to no cost."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import Engine

from app.blocklog.codes import Accepted, Outcome, Policy
from app.blocklog.tables import Base
from app.store.notices import bump_notice
from tests.conftest import MailAccount
from tests.mail.boxes import letter
from tests.web.blocked.rows import block, recent
from tests.web.pages import Pages

pytestmark = pytest.mark.servers
SHOP = "Shop <order@shop.example>"
PART = {"X-Postern-Fragment": "1"}


def said(browser: Pages, path: str, **headers: str) -> str:
    answer = browser.get(path, headers=headers)
    assert answer.status_code == 200
    return " ".join(unescape(re.sub(r"<[^>]+>", "", answer.get_data(as_text=True))).split())


def now() -> int:
    return int(time.time())


def test_who_names_a_sender_is_sent_on_with_the_time(log: Engine, reader: Pages) -> None:
    assert 'data-testid="expect-answer"' not in reader.get("/expecting").get_data(as_text=True)
    answer = reader.get("/expecting?q=%20Shop.Example")
    assert answer.status_code == 303 and re.fullmatch(r"/expecting\?q=shop\.example&since=\d+", answer.location)
    page = reader.get(answer.location).get_data(as_text=True)
    assert "Nothing from" in page and "has tried to reach us" in page
    assert 'data-live="true"' in page and "/expecting/news?q=shop.example&amp;since=" in page
    assert 'data-testid="expect-again"' in page  # without a script


def test_what_happens_meanwhile_is_told(log: Engine, reader: Pages) -> None:
    news = f"/expecting/news?q=shop.example&since={now() - 60}"
    block(log, account="5", sender_domain="shop.example", ago=timedelta(seconds=30))
    assert "Refused: their server is on the block list" in said(reader, news, **PART)
    block(
        log, account="5", sender_domain="shop.example", ago=timedelta(seconds=20),
        policy=Policy.greylist, outcome=Outcome.delayed, detail=None,
    )  # fmt: skip
    assert "to come again, as it was the first mail" in said(reader, news, **PART)
    recent(log, account="5", sender_domain="shop.example", ago=timedelta(seconds=10), outcome=Accepted.junk)
    page = reader.get(news, headers=PART).get_data(as_text=True)
    assert 'data-words="A message was accepted for you."' in page and ", into your spam folder." in page
    assert "Refused" not in said(reader, f"/expecting/news?q=other.example&since={now()}", **PART)


def test_what_came_before_is_not_told(log: Engine, reader: Pages) -> None:
    block(log, account="5", sender_domain="shop.example", ago=timedelta(hours=2))
    assert "has tried to reach us" in said(reader, f"/expecting?q=shop.example&since={now()}")


def test_the_mailbox_is_searched_after_new_mail_was_noticed_and_not_before(
    app: Flask, log: Engine, reader: Pages, mail_account: MailAccount
) -> None:
    news = f"/expecting/news?q=shop.example&since={now()}"
    assert "has tried to reach us" in said(reader, news)
    mail_account.deliver(letter("Your order", sender=SHOP))
    assert "Your order" not in said(reader, news, **PART)  # nobody has noticed yet
    bump_notice(app.extensions["postern"].redis, "5")
    page = said(reader, news, **PART)
    assert "Arrived at" in page and "Your order" in page
    assert "Your order" in said(reader, news, **PART)
    assert "Your order" in said(reader, f"/expecting?q=shop.example&since={now()}")


def test_after_fifteen_minutes_nothing_is_asked_any_more(log: Engine, reader: Pages) -> None:
    page = reader.get(f"/expecting?q=shop.example&since={now() - 15 * 60}").get_data(as_text=True)
    assert 'data-live="false"' in page and "data-news" not in page and "The 15 minutes are over." in page
    assert 'data-testid="expect-longer"' in page


@pytest.mark.parametrize("since", ["x", "-1", "0", "99999999999", "9" * 40, "", "1e9", "٣"])
def test_a_time_that_makes_no_sense_begins_anew(log: Engine, reader: Pages, since: str) -> None:
    answer = reader.get("/expecting", query_string={"q": "shop.example", "since": since})
    assert answer.status_code == 303 and abs(int(answer.location.rpartition("=")[2]) - time.time()) < 60


def test_while_the_log_is_away_the_page_says_so(log: Engine, reader: Pages) -> None:
    Base.metadata.drop_all(log)
    assert "The log cannot be read at the moment" in said(reader, f"/expecting?q=shop.example&since={now()}")


def test_waiting_does_not_keep_a_session_alive(app: Flask, log: Engine, reader: Pages) -> None:
    redis = app.extensions["postern"].redis
    (name,) = (key for key in redis.keys("s:*") if redis.type(key) in (b"hash", b"string"))
    redis.expire(name, 50)
    assert reader.get(f"/expecting/news?q=shop.example&since={now()}", headers=PART).status_code == 200
    assert redis.ttl(name) <= 50
    assert reader.get("/blocked").status_code == 200
    assert redis.ttl(name) > 50
