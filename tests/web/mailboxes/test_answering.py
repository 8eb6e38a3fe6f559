"""The line above the inbox: while mail is answered, and never by what another hand wrote into the setting."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from flask import Flask

from app.profile.tables import Base
from app.sieve.script import Script
from app.sieve.vacation import Bound, Vacation
from app.web.mailboxes import answering
from app.web.profile import keep_setting
from app.web.session import Current, current
from tests.web.conftest import FORWARDER, PASSWORD
from tests.web.pages import Pages

pytestmark = pytest.mark.servers


@pytest.fixture
def me(app: Flask, browser: Pages) -> Iterator[Current]:
    Base.metadata.create_all(app.extensions["postern"].database)
    assert browser.sign_in(FORWARDER, PASSWORD).status_code == 303
    with browser:
        browser.get("/settings/sessions")
        yield current()


def script(**told: object) -> Script:
    return Script.read(b"").put(None, Vacation("Away", **told))  # type: ignore[arg-type]


def test_it_is_said_once_it_is_noted_and_no_more_when_it_is_off(me: Current):
    assert answering.shown(me) == ""
    assert answering.noted(me, script())
    assert answering.shown(me) == "Mail is answered."
    assert not answering.noted(me, script())
    assert answering.noted(me, script(enabled=False))
    assert answering.shown(me) == ""


@pytest.mark.parametrize("told", ["x", 1, [[]], {"start": 1}, [["2026-01-01", "x", "x"], None]])
def test_what_cannot_be_read_says_nothing(me: Current, told: object):
    keep_setting(me, answering.SETTING, told)
    assert answering.shown(me) == ""


def test_a_near_day_has_no_year():
    now, day = datetime(2026, 11, 28, tzinfo=UTC), date(2026, 12, 20)
    assert answering.short(Bound(day, "+0100"), now) == "20 December"
    assert answering.short(Bound(day.replace(year=2027), "+0100"), now) == "20 December 2027"
