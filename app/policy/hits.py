"""How often shut out servers came, and rules acted, as who enforces them counts it: added up, written now and then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, Engine, bindparam, update

from app.policy.asking import changed
from app.policy.tables import HostBlockRow, RuleRow

_BLOCKS: Final[Any] = HostBlockRow.__table__
_RULES: Final[Any] = RuleRow.__table__
_HOST: Final = update(_BLOCKS).where(_BLOCKS.c.ip == bindparam("key")).values(hits=_BLOCKS.c.hits + bindparam("more"))
_RULE: Final = update(_RULES).where(_RULES.c.rule_id == bindparam("key")).values(hits=_RULES.c.hits + bindparam("more"))


def add(engine: Engine, hosts: Mapping[str, int], rules: Mapping[int, int]) -> None:
    """Adds to the counts of those that are still there. Raises PolicyAway."""

    def work(connection: Connection) -> None:
        for statement, counts in ((_HOST, hosts), (_RULE, rules)):
            lines = [{"key": key, "more": count} for key, count in sorted(counts.items())]
            if lines:
                connection.execute(statement, lines)

    changed(engine, work)
