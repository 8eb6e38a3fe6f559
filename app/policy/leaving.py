"""What accounts leave behind when they are removed: their rules and settings, and what was answered for them.

All of it goes in the transaction that removes the account: no other one ever has its number, so it is of no use.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, delete

from app.policy.rule import account_scope
from app.policy.tables import AwayAnswerRow, AwayRow, PolicySettingRow, RuleRow, SpamPreferenceRow

_RANK: Final = account_scope("").rank
_BY_SCOPE: Final[tuple[Any, ...]] = (RuleRow.__table__, PolicySettingRow.__table__, SpamPreferenceRow.__table__)
_BY_ACCOUNT: Final[tuple[Any, ...]] = (AwayRow.__table__, AwayAnswerRow.__table__)


def forget(connection: Connection, *account_ids: str) -> None:
    """Removes all of it, for good. What the action log tells of the accounts stays there."""
    for table in _BY_SCOPE:
        connection.execute(delete(table).where(table.c.scope_rank == _RANK, table.c.scope_id.in_(account_ids)))
    for table in _BY_ACCOUNT:
        connection.execute(delete(table).where(table.c.account_id.in_(account_ids)))
