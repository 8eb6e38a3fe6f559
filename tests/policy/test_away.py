"""An answer out of SQL: its days are days by its owner's clock, and what another tab changed is not lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, insert, select

from app.policy import away
from app.policy.away import Away
from app.policy.errors import Changed
from app.policy.tables import AwayAnswerRow, AwayRow
from tests.policy.rules import NOW

ANSWER = Away(True, "Fort.\n\n’n Gruß 🏖", "Ferien", 5, date(2026, 3, 28), date(2026, 10, 25), "Europe/Berlin")
_AWAY: Any = AwayRow.__table__


def test_an_answer_comes_back_as_it_was_kept(engine: Engine) -> None:
    assert away.away(engine, "7") is None and away.mark(None) == ""
    for wish in (ANSWER, replace(ANSWER, on=False, contacts=("a@b.example", "c@d.example"), first=None, last=None)):
        away.keep(engine, "7", wish, NOW, seen=away.mark(away.away(engine, "7")))
        assert away.away(engine, "7") == wish and away.away(engine, "8") is None


def test_days_begin_and_end_by_the_clock_of_their_own(engine: Engine) -> None:
    away.keep(engine, "7", ANSWER, NOW, seen="")
    with engine.connect() as connection:
        row = connection.execute(select(_AWAY)).one()
    assert row.starts_at == datetime(2026, 3, 27, 23, tzinfo=UTC), "winter"
    assert row.ends_at == datetime(2026, 10, 25, 23, tzinfo=UTC), "the day on which the clocks are put back"


def test_what_was_changed_elsewhere_stays_until_it_was_seen(engine: Engine) -> None:
    away.keep(engine, "7", ANSWER, NOW, seen="")
    other = replace(ANSWER, text="Other")
    for seen in ("", "0" * 24):
        with pytest.raises(Changed):
            away.keep(engine, "7", other, NOW, seen=seen)
    away.keep(engine, "7", ANSWER, NOW, seen="sent twice")
    assert away.away(engine, "7") == ANSWER
    away.keep(engine, "7", other, NOW, seen=away.mark(ANSWER))
    assert away.away(engine, "7") == other


def test_whom_was_answered_is_forgotten_once_everybody_would_be_again(engine: Engine) -> None:
    with engine.begin() as connection:
        for name, days in (("old", 367), ("new", 300)):
            at = NOW - timedelta(days=days)
            connection.execute(insert(AwayAnswerRow).values(account_id="7", mark=name, answered_at=at))
    assert away.forget(engine, NOW) == 1
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(AwayAnswerRow)) == 1
