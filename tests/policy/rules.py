"""Rules for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from app.policy import senders
from app.policy.asking import changed
from app.policy.rule import Rule, Scope, account_scope
from app.policy.value import Kind

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
MINE = account_scope("7")


def rule(action: str, value: str, scope: Scope = MINE, *, days: float | None = None, locked: bool = False) -> Rule:
    """A rule about what the value looks like."""
    kind = Kind.network if "/" in value else Kind.sender if "@" in value else Kind.domain
    ends = None if days is None else NOW + timedelta(days=days)
    return Rule(scope, action, kind, value, NOW, created_by="7", expires_at=ends, locked=locked)


def kept(engine: Engine, *rules: Rule) -> list[int]:
    """Writes rules; their ids."""
    return [changed(engine, lambda connection, each=each: senders.add(connection, each))[0].rule_id for each in rules]
