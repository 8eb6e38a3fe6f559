"""The demo's mail log tells of every kind of mail that was stopped, in words that the follower reads."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, select

from app.blocklog.codes import Outcome, Policy
from app.blocklog.tables import BlockRow, OddRow, RecentRow
from app.demo.blocked import History
from tests.anydatabase import migrated  # noqa: F401 - fixture
from tests.blocklog.followed import PEOPLE, engine, follow_once  # noqa: F401 - fixture


def test_some_days_of_mail_become_rows_of_every_kind(engine: Engine, tmp_path: Path) -> None:  # noqa: F811
    log = tmp_path / "mail.log"
    lines = History(tuple(PEOPLE), datetime(2026, 11, 20, 12, tzinfo=UTC)).lines()
    log.write_text("".join(f"{at.isoformat()} mx {program}[7]: {text}\n" for at, program, text in lines))
    follow_once(engine, log)
    with engine.connect() as connection:
        rows = connection.execute(select(BlockRow.policy, BlockRow.outcome, BlockRow.account_id)).all()
        assert {each.account_id for each in rows} == set(PEOPLE.values())
        wanted = {Policy.rbl, Policy.spam, Policy.virus, Policy.greylist, Policy.helo, Policy.client, Policy.sender}
        assert wanted | {Policy.spf, Policy.dmarc, Policy.size, Policy.rule} <= {each.policy for each in rows}
        assert {Outcome.refused, Outcome.delayed, Outcome.quarantined} == {each.outcome for each in rows}
        assert connection.execute(select(RecentRow.id)).all()
        assert connection.execute(select(BlockRow.id).where(BlockRow.resolved_at.is_not(None))).all()
        assert connection.execute(select(BlockRow.id).where(BlockRow.subject.is_not(None))).all()
        assert not connection.execute(select(OddRow.example)).all()
