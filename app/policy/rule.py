"""A rule of an allow or deny list, as a value and as JSON: the action log keeps it so, to take a change back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from app.policy.value import Kind


@dataclass(frozen=True, slots=True)
class Scope:
    """For whom a rule holds. `rank` 0: everybody (`id` is ""), 1: a site, 2: an account."""

    rank: int
    id: str = ""


EVERYBODY: Final = Scope(0)


def site_scope(site: str) -> Scope:
    """All accounts of a site."""
    return Scope(1, site)


def account_scope(account_id: str) -> Scope:
    """One account."""
    return Scope(2, account_id)


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry. `rule_id` 0: not kept yet; `expires_at` None: never; `value` canonical (value.py)."""

    scope: Scope
    action: str
    kind: Kind
    value: str
    created_at: datetime
    created_by: str = ""
    expires_at: datetime | None = None
    note: str = ""
    locked: bool = False
    origin: str = "user"
    hits: int = 0
    rule_id: int = 0


def as_json(rule: Rule) -> dict[str, Any]:
    """A rule as the action log keeps it."""
    told = asdict(rule)
    return {**told, "scope": [rule.scope.rank, rule.scope.id], "kind": int(rule.kind), **_moments(rule)}


def from_json(told: Mapping[str, Any]) -> Rule:
    """The rule that `as_json` told. Raises ValueError, KeyError, TypeError for anything else."""
    rank, scope_id = told["scope"]
    moments = {
        name: None if told[name] is None else datetime.fromisoformat(told[name])
        for name in ("created_at", "expires_at")
    }
    return Rule(**{**told, "scope": Scope(rank, scope_id), "kind": Kind(told["kind"]), **moments})


def _moments(rule: Rule) -> dict[str, str | None]:
    ends = rule.expires_at
    return {"created_at": rule.created_at.isoformat(), "expires_at": None if ends is None else ends.isoformat()}
