"""An account that is removed takes with it what it chose; the others keep theirs."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, Engine, func, insert, select

from app.policy import away, leaving
from app.policy.asking import changed
from app.policy.away import Away
from app.policy.rule import EVERYBODY, account_scope, site_scope
from app.policy.tables import AwayAnswerRow, AwayRow, Base, PolicySettingRow, RuleRow, SpamPreferenceRow
from tests.policy.rules import NOW, kept, rule

GONE, STAYS = "7", "77"
TABLES = (RuleRow, PolicySettingRow, SpamPreferenceRow, AwayRow, AwayAnswerRow)


def fill(engine: Engine) -> None:
    """Of each table a row of both accounts, and of those with scopes one of a site with the first one's number."""
    for account_id in (GONE, STAYS):
        kept(engine, rule("deny", "spam.example", account_scope(account_id), locked=True))
        away.keep(engine, account_id, Away(True, "Away."), NOW, seen="")
    kept(engine, rule("deny", "spam.example", site_scope(GONE)), rule("deny", "spam.example", EVERYBODY))

    def rows(connection: Connection) -> None:
        for rank, scope_id in ((2, GONE), (2, STAYS), (1, GONE), (0, "")):
            scope = {"scope_rank": rank, "scope_id": scope_id}
            connection.execute(insert(PolicySettingRow).values(**scope, name="rbl", value="0", updated_at=NOW))
            connection.execute(insert(SpamPreferenceRow).values(**scope, preference="x", value="1"))
        for account_id in (GONE, STAYS):
            at = NOW - timedelta(days=1)
            connection.execute(insert(AwayAnswerRow).values(account_id=account_id, mark="m", answered_at=at))

    changed(engine, rows)


def test_what_an_account_chose_goes_with_it_and_nobody_else_s(engine: Engine) -> None:
    fill(engine)
    changed(engine, lambda connection: leaving.forget(connection, GONE))
    with engine.connect() as connection:
        counts = [connection.scalar(select(func.count()).select_from(table)) for table in TABLES]
        owners = connection.scalars(select(RuleRow.__table__.c.scope_id)).all()
    assert counts == [3, 3, 3, 1, 1] and sorted(owners) == ["", GONE, STAYS]
    assert away.away(engine, GONE) is None and away.away(engine, STAYS) is not None


def test_no_table_of_an_account_s_is_forgotten() -> None:
    owned = {each.name for each in Base.metadata.sorted_tables if {"account_id", "scope_id"} & set(each.columns.keys())}
    assert owned - {"action_log"} == {table.__tablename__ for table in TABLES}
