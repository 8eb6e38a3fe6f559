"""How often rules stopped a message, and when last: of one account's rows, or of some sites' in the last days.

What a rule let in is in no row, so it is not counted.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, func, select

from app.blocklog.asking import asking
from app.blocklog.codes import Policy
from app.blocklog.tables import BlockRow

_C: Final[Any] = BlockRow.__table__.c


@dataclass(frozen=True, slots=True)
class Acted:
    """How often, and when last."""

    times: int
    last: datetime


def of_account(engine: Engine, account_id: str, rule_ids: Collection[int], since: datetime) -> dict[int, Acted]:
    """By rule, of the account's own mail. Raises LogBusy, LogAway."""
    return _acted(engine, rule_ids, [_C.account_id == account_id, _C.blocked_at >= since])


def of_sites(engine: Engine, sites: Collection[str], rule_ids: Collection[int], since: datetime) -> dict[int, Acted]:
    """By rule, of all mail to some sites. The index tells which rows are about rules, so that few are read; `since` is
    days ago all the same. Raises LogBusy, LogAway."""
    where = [_C.site.in_(list(sites)), _C.blocked_at >= since, _C.policy == int(Policy.rule)]
    return _acted(engine, rule_ids, where)


def _acted(engine: Engine, rule_ids: Collection[int], where: list[ColumnElement[bool]]) -> dict[int, Acted]:
    if not rule_ids:
        return {}
    counted = select(_C.rule_id, func.count().label("times"), func.max(_C.blocked_at).label("last"))
    asked = counted.where(*where, _C.rule_id.in_(sorted(rule_ids))).group_by(_C.rule_id)
    with asking(engine) as connection:
        return {row.rule_id: Acted(row.times, row.last) for row in connection.execute(asked)}
