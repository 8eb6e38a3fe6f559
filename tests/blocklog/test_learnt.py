"""What filters learnt: from lines of the log to rows of the account, a few hundred of them, kept as the log is."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select

from app.blocklog import follow as following
from app.blocklog.codes import Lesson
from app.blocklog.errors import LogAway
from app.blocklog.learnt import MOST, SLACK, Taught, forget_old, lately
from app.blocklog.retain import retain
from app.blocklog.source import Source
from app.blocklog.tables import LearntRow
from app.directory.engine import open_engine
from tests.blocklog.filling import NOW, ago, arrived
from tests.blocklog.followed import follower
from tests.blocklog.test_apart import forbid

BEGIN = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
_ids = count(1)


def said(second: int, login: str, kind: str, outcome: str, message_id: str = "") -> str:
    at = (BEGIN + timedelta(seconds=second)).isoformat()
    return f"{at} mx1 postern-learn[7]: user=<{login}>, class={kind}, outcome={outcome}, message-id=<{message_id}>\n"


def taught(engine: Engine, account: str, *moments: datetime, site: str = "s") -> None:
    rows = [
        {"account_id": account, "learnt_at": at, "id": next(_ids), "site": site, "spam": True, "lesson": 1}
        for at in moments
    ]
    with engine.begin() as connection:
        connection.execute(insert(LearntRow.__table__), rows)


def test_lines_become_rows_of_whose_login_it_is(engine: Engine, tmp_path: Path) -> None:
    log = tmp_path / "mail.log"
    log.write_text(
        said(0, "box1", "spam", "learnt", "1@x.example")
        + said(1, "stranger", "spam", "learnt", "2@x.example")
        + said(2, "box1", "ham", "refused")
        + said(2, "box2", "ham", "failed", "1@x.example")
    )
    arrived(engine, "1", BEGIN - timedelta(hours=1), "shop@x.example", message_id="<1@x.example>")
    reader = follower(engine, [Source("mx1", str(log))])
    reader.run()
    assert lately(engine, "1") == (
        Taught(BEGIN + timedelta(seconds=2), False, Lesson.refused),
        Taught(BEGIN, True, Lesson.learnt, "shop@x.example"),
    )
    assert lately(engine, "2") == (Taught(BEGIN + timedelta(seconds=2), False, Lesson.failed),)
    assert reader.rows == 3 and lately(engine, "") == ()


def test_the_same_lines_read_again_double_nothing(engine: Engine, tmp_path: Path) -> None:
    log = tmp_path / "mail.log"
    log.write_text(said(0, "box1", "spam", "learnt"))
    for more in ("", said(5, "box1", "ham", "learnt")):
        with log.open("a") as file:
            file.write(more)
        follower(engine, [Source("mx1", str(log))]).run()
    assert [each.spam for each in lately(engine, "1")] == [False, True]


def test_a_row_that_sql_refuses_is_left_out_and_the_others_are_written(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "AWAY", (0.01,))
    forbid(engine, "learnt", "message_id = 'bad'")
    log = tmp_path / "mail.log"
    log.write_text(said(0, "box1", "spam", "learnt") + said(1, "box1", "ham", "learnt", "bad"))
    reader = follower(engine, [Source("mx1", str(log))])
    reader.run()
    assert [each.spam for each in lately(engine, "1")] == [True] and reader.rows == 1


def test_of_an_account_the_newest_are_kept(engine: Engine) -> None:
    moments = [ago(minutes=minute) for minute in range(MOST + SLACK + 1)]
    random.Random(3).shuffle(moments)
    taught(engine, "anna", *moments)
    taught(engine, "ben", *moments[: MOST + SLACK])
    with engine.begin() as connection:
        forget_old(connection, {"anna", "ben", "nobody"})
        kept = [
            connection.scalars(select(LearntRow.learnt_at).where(LearntRow.account_id == each)).all()  # type: ignore[attr-defined]
            for each in ("anna", "ben")
        ]
    assert sorted(kept[0], reverse=True) == [ago(minutes=minute) for minute in range(MOST)]
    assert len(kept[1]) == MOST + SLACK
    assert [each.at for each in lately(engine, "anna", 3)] == [ago(minutes=minute) for minute in range(3)]


def test_they_go_with_the_log_and_where_a_site_keeps_less_sooner(engine: Engine) -> None:
    patient = open_engine(engine.url.render_as_string(hide_password=False), timeout=None)
    for account, site in (("anna", "s"), ("ben", "short")):
        taught(patient, account, ago(days=1), ago(days=20), ago(days=100), site=site)
    retain(patient, NOW, 90, {"short": 7})
    patient.dispose()
    assert [each.at for each in lately(engine, "anna")] == [ago(days=1), ago(days=20)]
    assert [each.at for each in lately(engine, "ben")] == [ago(days=1)]


def test_a_database_without_tables_is_away(tmp_path: Path) -> None:
    empty = open_engine(f"sqlite:///{tmp_path}/empty.sqlite")
    with pytest.raises(LogAway):
        lately(empty, "anna")
    empty.dispose()
