"""The devices' page says when the account was last used, by which way; a sign-in to the web is one."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import BoundedSemaphore

import pytest
from flask import Flask

from app.blocklog.tables import Base
from app.blocklog.use import last_use, used
from app.directory.engine import open_engine
from app.web.signing import used as used_module
from tests.web.conftest import FORWARDER, PASSWORD, add_account
from tests.web.pages import Pages

pytestmark = pytest.mark.servers


@pytest.fixture
def log(app: Flask) -> Iterator[Flask]:
    """The application, with a block log whose writers wait for twenty seconds."""
    held = app.extensions["postern"]
    held.blocklog = open_engine(held.settings.database_url, timeout=20)
    Base.metadata.create_all(held.blocklog)
    yield app
    held.blocklog.dispose()


def times(browser: Pages) -> dict[str, bool]:
    """By service, whether there was a use."""
    page = browser.get("/settings/sessions").get_data(as_text=True)
    return {name: "<time" in text for name, text in re.findall(r'data-service="(\w+)">(.*?)</dd>', page)}


def web_use(app: Flask, account: str = "1") -> datetime | None:
    """Its last use of the web, once it is written."""
    end = time.monotonic() + 20
    while (found := last_use(app.extensions["postern"].blocklog, account).web) is None and time.monotonic() < end:
        time.sleep(0.02)
    return found


def test_a_sign_in_is_a_use_of_the_web(log: Flask, signed_in: Pages) -> None:
    at = web_use(log)
    assert at is not None and abs(at - datetime.now(UTC)) < timedelta(seconds=30)
    assert times(signed_in) == {"imap": False, "pop3": False, "smtp": False, "web": True}


def test_it_is_written_once_a_session(log: Flask, signed_in: Pages) -> None:
    assert web_use(log)
    engine = log.extensions["postern"].blocklog
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM last_use")
    signed_in.get("/settings/sessions")
    signed_in.get("/settings/sessions")
    assert last_use(engine, "1").web is None


def test_what_the_logs_tell_is_shown_to_its_owner_only(log: Flask, signed_in: Pages) -> None:
    with log.extensions["postern"].blocklog.begin() as connection:
        used(connection, "1", "1", "imap", datetime.now(UTC))
    add_account(log, 2, "mallory")
    other: Pages = log.test_client()  # type: ignore[assignment]
    other.sign_in("mallory@one.example", PASSWORD)
    assert times(signed_in)["imap"] and not times(other)["imap"]


def test_without_a_log_signing_in_works_and_the_page_says_so(app: Flask, signed_in: Pages) -> None:
    page = signed_in.get("/settings/sessions").get_data(as_text=True)
    assert "cannot be told at the moment" in page and "session-row" in page


def test_a_log_that_takes_no_write_delays_no_sign_in(log: Flask, browser: Pages) -> None:
    """SQLite writes one at a time: while this transaction is open, nobody else's use can be written."""
    with log.extensions["postern"].blocklog.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        began = time.monotonic()
        assert browser.sign_in(FORWARDER, PASSWORD).status_code == 303
        took = time.monotonic() - began
        connection.rollback()
    assert took < 10
    assert web_use(log)


def test_uses_that_cannot_be_written_do_not_pile_up(log: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(used_module, "_writers", BoundedSemaphore(1))
    threads = threading.active_count()
    with log.extensions["postern"].blocklog.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        for _ in range(5):
            browser: Pages = log.test_client()  # type: ignore[assignment]
            assert browser.sign_in(FORWARDER, PASSWORD).status_code == 303
        assert threading.active_count() <= threads + 1
        connection.rollback()
    assert web_use(log)
