"""The log's database for the tests of its pages, and alice, who has a mailbox on a real mail server."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import Engine

from app.profile.tables import Base as ProfileBase
from tests.conftest import MailAccount
from tests.web.blocked.rows import tables
from tests.web.pages import Pages
from tests.web.test_session import ADDRESS, with_mailbox


@pytest.fixture
def log(app: Flask) -> Engine:
    """The log's database, empty."""
    engine: Engine = app.extensions["postern"].blocklog
    tables(engine)
    ProfileBase.metadata.create_all(engine)
    return engine


@pytest.fixture
def reader(app: Flask, log: Engine, mail_account: MailAccount) -> Pages:
    """alice's browser, signed in; her account is "5"."""
    with_mailbox(app, mail_account)
    browser: Pages = app.test_client()  # type: ignore[assignment]
    assert browser.sign_in(ADDRESS, mail_account.password).status_code == 303
    return browser
