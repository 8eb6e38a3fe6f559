"""What rules and settings say of many mails at once: one statement for the rules of all, one for their settings.

For who is asked thousands of times a second. Each is decided as `senders.decide` does, whose order of precedence this
shares. A branch of the statement names kind, scope and values, so that each database reads it from an index, even a
value that ten thousand accounts have a rule about.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Engine, and_, bindparam, or_, select

from app.policy.asking import reading
from app.policy.rule import Rule
from app.policy.senders import Decision, judged, rule_of, values_about
from app.policy.tables import PolicySettingRow, RuleRow
from app.policy.value import Kind

SWITCHED: Final = ("greylist", "rbl")  # settings of an account that are on where nobody says otherwise
RANKS: Final = (0, 1, 2)
_RULES: Final[Any] = RuleRow.__table__
_SETTINGS: Final[Any] = PolicySettingRow.__table__
_R: Final[Any] = _RULES.c
_S: Final[Any] = _SETTINGS.c


@dataclass(frozen=True, slots=True)
class Mail:
    """One recipient's mail, about which a mail server asks. `account_id`, `site`: whose it is; "" for nobody's."""

    sender: str
    ip: str = ""
    recipient: str = ""
    account_id: str = ""
    site: str = ""

    def scopes(self) -> tuple[tuple[int, str], ...]:
        """Whose rules and settings are about it, the widest first."""
        named = ((1, self.site), (2, self.account_id))
        return ((0, ""), *(each for each in named if each[1]))


def decisions(engine: Engine, mails: Sequence[Mail], now: datetime) -> list[Decision]:
    """What the rules say of each. Raises PolicyAway."""
    about = [_about(each.sender, each.ip, each.recipient) for each in mails]
    values: dict[str, set[str]] = {f"values{int(kind)}": set() for kind in Kind}
    for pairs in about:
        for kind, value in pairs:
            values[f"values{int(kind)}"].add(value)
    asked = {name: sorted(some) for name, some in values.items()}
    with reading(engine) as connection:
        rows = connection.execute(_ABOUT, {"now": now, **_ids(mails), **asked}).all()
    if not rows:
        return [Decision()] * len(mails)
    found: dict[tuple[int, str, int, str], list[Rule]] = defaultdict(list)
    for rule in map(rule_of, rows):
        found[rule.scope.rank, rule.scope.id, int(rule.kind), rule.value].append(rule)
    return [judged(_theirs(found, each, pairs)) for each, pairs in zip(mails, about, strict=True)]


def _theirs(found: dict[Any, list[Rule]], mail: Mail, about: Iterable[tuple[int, str]]) -> list[Rule]:
    return [rule for scope in mail.scopes() for pair in about for rule in found.get((*scope, *pair), ())]


def switched_off(engine: Engine, mails: Sequence[Mail]) -> list[frozenset[str]]:
    """Which of `SWITCHED` are off for each. A locked row of a wider scope wins, else that of the narrowest. Raises
    PolicyAway."""
    with reading(engine) as connection:
        rows = {(row.scope_rank, row.scope_id, row.name): row for row in connection.execute(_SET, _ids(mails))}
    if not rows:
        return [frozenset()] * len(mails)
    return [frozenset(name for name in SWITCHED if _off(rows, each.scopes(), name)) for each in mails]


def _off(rows: dict[tuple[int, str, str], Any], scopes: tuple[tuple[int, str], ...], name: str) -> bool:
    said = [row for scope in scopes if (row := rows.get((*scope, name))) is not None]
    row = next((each for each in said if each.locked), said[-1] if said else None)
    return row is not None and row.value == "0"


def _ids(mails: Iterable[Mail]) -> dict[str, list[str]]:
    ids: dict[str, set[str]] = {f"ids{rank}": set() for rank in RANKS}
    for each in mails:
        for rank, scope_id in each.scopes():
            ids[f"ids{rank}"].add(scope_id)
    return {name: sorted(some) for name, some in ids.items()}


@lru_cache(maxsize=4096)
def _about(sender: str, ip: str, recipient: str) -> tuple[tuple[int, str], ...]:
    """Kinds and values of rules that could be about a mail; it comes again, or asks twice: 60 µs without, 1 with."""
    return tuple((int(kind), value) for kind, some in values_about(sender, ip, recipient) for value in some)


def _some(column: Any, name: str) -> Any:
    return column.in_(bindparam(name, expanding=True))


_ABOUT: Final = select(_RULES).where(
    or_(
        *(
            and_(_R.kind == int(kind), _some(_R.value, f"values{int(kind)}"), _R.scope_rank == rank,
                 _some(_R.scope_id, f"ids{rank}"))
            for kind in Kind for rank in RANKS
        )
    ),
    or_(_R.expires_at.is_(None), _R.expires_at > bindparam("now", type_=_R.expires_at.type)),
)  # fmt: skip
_SET: Final = select(_SETTINGS).where(
    _S.name.in_(SWITCHED), or_(*(and_(_S.scope_rank == rank, _some(_S.scope_id, f"ids{rank}")) for rank in RANKS))
)
