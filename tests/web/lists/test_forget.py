"""The filter forgets a sender for the person who asks, and the page says what became of it."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine

from app.directory.engine import open_engine
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


def test_a_message_s_menu_leads_there(memory: Engine, app: Flask) -> None:
    assert 'value="x@y.example"' in enter(app, USER).get(f"{PAGE}?sender=x@y.example").get_data(as_text=True)


def test_where_it_is_not_set_up_nothing_is_offered(log: Engine, app: Flask) -> None:
    browser = enter(app, USER)
    assert "forget-sender" not in browser.get(PAGE).get_data(as_text=True)
    assert browser.submit(FORGET, {"sender": "x@y.example"}, page=PAGE).status_code == 404
