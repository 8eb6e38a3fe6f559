"""The mark in the folders: how much was stopped since the last visit; mail pages never wait for it."""

from __future__ import annotations

import re
import time

import pytest
from flask import Flask
from sqlalchemy import Engine

from app.blocklog.codes import Outcome, Policy
from app.blocklog.tables import Base
from app.profile.tables import Base as ProfileBase
from app.web.mailboxes import stopped
from tests.conftest import MailAccount
from tests.web.blocked.rows import block, tables
from tests.web.pages import Pages
from tests.web.test_session import ADDRESS, with_mailbox

pytestmark = pytest.mark.servers
INBOX = "/mail/INBOX/"


@pytest.fixture
def log(app: Flask) -> Engine:
    engine: Engine = app.extensions["postern"].blocklog
    tables(engine)
    ProfileBase.metadata.create_all(engine)
    return engine


@pytest.fixture
def reader(app: Flask, log: Engine, mail_account: MailAccount) -> Pages:
    with_mailbox(app, mail_account)
    browser: Pages = app.test_client()  # type: ignore[assignment]
    assert browser.sign_in(ADDRESS, mail_account.password).status_code == 303
    return browser


def shown(reader: Pages, app: Flask) -> int:
    """The mark, after the looks that a page set going, on a page whose folders are read anew."""
    reader.get(INBOX)
    stopped._LOOKS.wait()
    app.extensions["postern"].redis.delete("notice:5")  # the folders were kept under it
    app.extensions["postern"].redis.hset("notice:5", "token", int(time.time() * 1e6))
    found = re.search(r'data-testid="blocked-unread">(\d+)', reader.get(INBOX).get_data(as_text=True))
    return int(found[1]) if found else 0


def forget(app: Flask) -> None:
    """What is kept of alice's in the cache, as after a minute."""
    redis = app.extensions["postern"].redis
    if kept := redis.keys("c:*"):
        redis.delete(*kept)


def test_what_was_stopped_since_the_last_visit_is_counted_until_it_is_seen(
    app: Flask, log: Engine, reader: Pages
) -> None:
    block(log, account="5")
    block(log, account="5", policy=Policy.virus)
    block(log, account="5", outcome=Outcome.delayed)
    block(log, account="5", policy=Policy.rcpt)
    block(log, account="1")
    assert shown(reader, app) == 2
    assert reader.get("/blocked", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200
    assert "blocked-unread" in reader.get(INBOX).get_data(as_text=True)  # led there by another site: not seen
    assert reader.get("/blocked").status_code == 200
    assert "blocked-unread" not in reader.get(INBOX).get_data(as_text=True)


def test_mail_pages_do_not_notice_that_the_log_is_away(app: Flask, log: Engine, reader: Pages) -> None:
    Base.metadata.drop_all(log)
    assert shown(reader, app) == 0
    assert 'data-testid="blocked-link"' in reader.get(INBOX).get_data(as_text=True)


def test_a_log_that_was_away_is_left_alone_for_a_while(app: Flask, log: Engine, reader: Pages) -> None:
    Base.metadata.drop_all(log)
    assert shown(reader, app) == 0
    tables(log)
    block(log, account="5")
    forget(app)
    assert shown(reader, app) == 0  # not asked again so soon
    stopped._LOOKS._rests[log].answered()
    forget(app)
    assert shown(reader, app) == 1


def test_it_is_looked_at_once_a_minute_at_most(app: Flask, log: Engine, reader: Pages) -> None:
    assert shown(reader, app) == 0
    block(log, account="5")
    assert shown(reader, app) == 0
