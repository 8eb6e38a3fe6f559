"""The filter forgets a sender for the person who asks, and the page says what became of it."""

from __future__ import annotations

import dataclasses
import re
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, insert, update

from app.directory.engine import open_engine
from app.directory.tables import AccountRow, ServerRow
from app.outbox.tables import Base as Outbox
from tests.conftest import MailAccount
from tests.directory.filling import run
from tests.web.admin.world import USER, enter
from tests.web.pages import Pages

pytestmark = pytest.mark.servers
PAGE, FORGET = "/filters/senders", "/filters/senders/forget"


@pytest.fixture
def memory(log: Engine, app: Flask, tmp_path: Path) -> Engine:
    """What the filter learnt of one sender for alice and for bob, on a node that may have it forget."""
    held, url = app.extensions["postern"], f"sqlite:///{tmp_path}/memory.db"
    held.settings = dataclasses.replace(held.settings, reputation_url=url)
    engine = open_engine(url)
    rows = ", ".join(f"('{name}', 'x@y.example')" for name in (USER, "somebody@one.example"))
    run(engine, "CREATE TABLE awl (username text, email text)", f"INSERT INTO awl VALUES {rows}")
    return engine


def left(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.exec_driver_sql("SELECT username FROM awl").scalars())


def forget(browser: Pages, sender: str) -> tuple[int, str]:
    answer = browser.submit(FORGET, {"sender": sender}, page=PAGE, follow_redirects=True)
    return answer.status_code, " ".join(re.sub(r"<[^>]+>", "", answer.get_data(as_text=True)).split())


def test_a_sender_is_forgotten_for_oneself_alone(memory: Engine, app: Flask) -> None:
    browser = enter(app, USER)
    status, told = forget(browser, " X@Y.example ")
    assert status == 200 and "Forgotten: the filter judges x@y.example anew." in told
    assert left(memory) == ["somebody@one.example"]
    assert "The filter knew nothing about x@y.example." in forget(browser, "x@y.example")[1]


def test_what_is_no_address_stays_in_the_field_with_the_reason(memory: Engine, app: Flask) -> None:
    browser = enter(app, USER)
    answer = browser.submit(FORGET, {"sender": "y.example"}, page=PAGE)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422 and 'value="y.example"' in page
    assert "Nothing was changed: it is not an address: it has no @." in page and len(left(memory)) == 2


def test_a_memory_that_is_away_loses_nothing(memory: Engine, app: Flask) -> None:
    run(memory, "DROP TABLE awl")
    status, told = forget(enter(app, USER), "x@y.example")
    assert status == 503 and "cannot be reached at the moment" in told


def test_a_message_s_menu_leads_there(memory: Engine, log: Engine, app: Flask, mail_account: MailAccount) -> None:
    Outbox.metadata.create_all(log)
    server = {"server_id": 1, "name": "one", "imap_host": "127.0.0.1", "imap_port": mail_account.server.imap_port}
    mailbox = {"kind": "mailbox", "server_id": 1, "login": mail_account.login, "password_hash": None}
    with app.extensions["postern"].directory.engine.begin() as rows:
        rows.execute(insert(ServerRow).values(**server, imap_security="plain"))
        rows.execute(update(AccountRow).where(AccountRow.account_id == 1).values(**mailbox, forward_to=None))
    mail_account.append(b"From: X <x@y.example>\r\nSubject: Offer\r\n\r\nText\r\n")
    browser: Pages = app.test_client()  # type: ignore[assignment]
    assert browser.sign_in(USER, mail_account.password).status_code == 303
    (path,) = set(re.findall(r'href="(/mail/INBOX/\d+/\d+)', browser.get("/mail/INBOX/").get_data(as_text=True)))
    menu = browser.get(path).get_data(as_text=True)
    (link,) = re.findall(r'href="([^"]+)" data-testid="forget-learnt"', menu)
    assert 'value="x@y.example"' in browser.get(unescape(link)).get_data(as_text=True)


def test_where_it_is_not_set_up_nothing_is_offered(log: Engine, app: Flask) -> None:
    browser = enter(app, USER)
    assert "forget-sender" not in browser.get(PAGE).get_data(as_text=True)
    assert browser.submit(FORGET, {"sender": "x@y.example"}, page=PAGE).status_code == 404
