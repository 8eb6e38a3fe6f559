"""The page of spam says what the filter learnt, in words, and never anybody else's."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from flask import Flask
from sqlalchemy import Engine, insert

from app.blocklog.codes import Lesson
from app.blocklog.learnt import Taught
from app.blocklog.tables import LearntRow
from app.web.lists.taught import Lot, lots
from tests.blocklog.filling import arrived
from tests.web.admin.world import SITE_ADMIN, USER, enter
from tests.web.lists.test_senders import text

pytestmark = pytest.mark.servers
PAGE = "/filters/spam"
AT = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
_ids = count(1)


@pytest.fixture
def learning(log: Engine, app: Flask) -> Iterator[Engine]:
    held = app.extensions["postern"]
    held.settings = dataclasses.replace(held.settings, learning=True)
    yield log


def taught(engine: Engine, account: str, lesson: Lesson, *, spam: bool = True, at: datetime = AT, **more: str) -> None:
    row = {
        "account_id": account,
        "learnt_at": at,
        "id": next(_ids),
        "site": "1",
        "spam": spam,
        "lesson": lesson,
        **more,
    }
    with engine.begin() as connection:
        connection.execute(insert(LearntRow.__table__).values(row))


def test_what_was_learnt_stands_there_with_whose_mail_it_was(learning: Engine, app: Flask) -> None:
    arrived(learning, "1", AT - timedelta(hours=3), "shop@cheap.example", message_id="<1@cheap.example>")
    taught(learning, "1", Lesson.learnt, message_id="1@cheap.example")
    taught(learning, "1", Lesson.known, at=AT + timedelta(minutes=1))
    taught(learning, "1", Lesson.refused, spam=False, at=AT + timedelta(minutes=2))
    taught(learning, "1", Lesson.failed, at=AT + timedelta(minutes=3))
    taught(learning, "2", Lesson.learnt, spam=False, at=AT + timedelta(minutes=4))
    page = enter(app, USER).get(PAGE)
    told = re.findall(r'data-testid="learnt-row".*?</li>', page.get_data(as_text=True), re.DOTALL)
    words = [re.sub(r"<[^>]+>", "", each.partition(">")[2].partition(" <time")[0]) for each in told]
    assert words == [
        "A message: not learnt as spam, as the filter did not answer",
        "A message: not learnt as good mail, with too little text or nothing that the filter learns from",
        "A message: known as spam already",
        "A message of shop@cheap.example: learnt as spam",
    ]
    assert 'data-class="ham" data-outcome="refused" data-count="1"' in told[1]


def test_before_anything_was_learnt_and_while_the_log_is_away_it_says_so(learning: Engine, app: Flask) -> None:
    browser = enter(app, USER)
    assert "Nothing yet" in text(browser.get(PAGE))
    LearntRow.__table__.drop(learning)
    page = browser.get(PAGE)
    assert page.status_code == 200 and "cannot be told at the moment" in text(page)


def test_nothing_of_it_stands_where_no_filter_learns_or_with_administrators(learning: Engine, app: Flask) -> None:
    assert 'id="learnt"' not in enter(app, SITE_ADMIN).get("/admin/site/spam").get_data(as_text=True)
    held = app.extensions["postern"]
    held.settings = dataclasses.replace(held.settings, learning=False)
    assert 'id="learnt"' not in enter(app, USER).get(PAGE).get_data(as_text=True)


def test_messages_that_went_alike_on_one_day_are_one_line() -> None:
    late = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)
    rows = [
        Taught(AT, True, Lesson.learnt),
        Taught(AT - timedelta(hours=1), False, Lesson.learnt),
        Taught(AT - timedelta(hours=2), True, Lesson.learnt),
        Taught(late, True, Lesson.learnt),
        Taught(late - timedelta(hours=1), True, Lesson.learnt, "a@x.example"),
    ]
    assert [(lot.at, lot.count) for lot in lots(rows, UTC)] == [
        (AT, 2),
        (rows[1].at, 1),
        (late, 1),
        (rows[4].at, 1),
    ]
    assert lots(rows[:1], UTC) == [Lot(AT, 1, "", True, Lesson.learnt)]
    assert Lot(AT, 1, "", False, Lesson.learnt).words == "learnt as good mail"
