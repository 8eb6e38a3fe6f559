"""Who is allowed, denied, and not delayed: rules for everybody, one site or one account, and what they decide.

What a mail server asks for each recipient is one statement. A locked rule of a wider scope wins; otherwise the
narrowest scope does, in it the narrowest kind, and there "allow".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, delete, false, func, insert, or_, select

from app.policy.asking import reading
from app.policy.errors import BadValue, Full, Gone
from app.policy.rule import EVERYBODY, Rule, Scope, account_scope, site_scope
from app.policy.tables import ACTIONS, RuleRow
from app.policy.value import Kind, ascii_domain, canonical, networks

MOST: Final = 1000  # rules of an account; a site and everybody may have ten times as many
NOTE: Final = 120
# Of these there is one about the same thing in the same scope: each takes the place of the others.
INSTEAD: Final = {"allow": ("allow", "deny"), "deny": ("deny", "allow", "nogrey"), "nogrey": ("nogrey",)}
_RULES: Final[Any] = RuleRow.__table__
_C: Final[Any] = _RULES.c
_FIELDS: Final = tuple(each.name for each in fields(Rule) if each.name not in ("scope", "rule_id"))


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rules say of a mail. `action` "allow", "deny" or "" (nothing, then filters decide); `nogrey`: it is not
    to be delayed, which "allow" includes."""

    action: str = ""
    rule: Rule | None = None
    nogrey: bool = False


def decide(
    engine: Engine, now: datetime, *, account_id: str, site: str, sender: str, ip: str = "", recipient: str = ""
) -> Decision:
    """What the rules say of a mail from that sender and server to that account, in one statement. Raises PolicyAway."""
    where = [or_(false(), *_about(sender, ip, recipient)), _holds_for(account_id, site), alive(now)]
    with reading(engine) as connection:
        return judged(rule_of(row) for row in connection.execute(select(_RULES).where(*where)))


def named(engine: Engine, rule_id: int, *, account_id: str, site: str) -> Rule | None:
    """A rule by the number that the block log has of it, if it holds for that account's mail. Raises PolicyAway."""
    with reading(engine) as connection:
        row = connection.execute(select(_RULES).where(_C.rule_id == rule_id, _holds_for(account_id, site))).first()
    return None if row is None else rule_of(row)


def _holds_for(account_id: str, site: str) -> ColumnElement[bool]:
    scopes = (EVERYBODY, *([site_scope(site)] if site else []), *([account_scope(account_id)] if account_id else []))
    return or_(*map(in_scope, scopes))


def judged(found: Iterable[Rule]) -> Decision:
    """What some rules say of a mail that all of them are about."""
    ordered = sorted(found, key=_precedence)
    first = next((each for each in ordered if each.action != "nogrey"), None)
    action = first.action if first is not None else ""
    nogrey = action == "allow" or (action != "deny" and any(each.action == "nogrey" for each in ordered))
    return Decision(action, first, nogrey)


def _precedence(rule: Rule) -> tuple[bool, int, int, str, int]:
    return (not rule.locked, -rule.scope.rank, rule.kind, rule.action, rule.rule_id)  # "allow" before "deny"


def rules_of(engine: Engine, scope: Scope, now: datetime) -> tuple[Rule, ...]:
    """The rules of a scope that hold, by value. Raises PolicyAway."""
    theirs = select(_RULES).where(in_scope(scope), alive(now)).order_by(_C.value, _C.kind, _C.action)
    with reading(engine) as connection:
        return tuple(rule_of(row) for row in connection.execute(theirs))


def denying(engine: Engine, rule_ids: Collection[int]) -> dict[int, tuple[int, str]]:
    """Whose rules of denying some are, by number: rank and id of their scopes. Raises PolicyAway."""
    theirs = select(_C.rule_id, _C.scope_rank, _C.scope_id).where(_C.rule_id.in_(sorted(rule_ids)), _C.action == "deny")
    with reading(engine) as connection:
        return {row.rule_id: (row.scope_rank, row.scope_id) for row in connection.execute(theirs)}


def add(connection: Connection, rule: Rule) -> tuple[Rule, tuple[Rule, ...]]:
    """Keeps a rule; returns it and those whose place it took: the same one with another expiry, whose number and hits
    it has, and the opposite one of the same scope. Raises BadValue, Full; Gone where a locked one stands there."""
    if rule.action not in ACTIONS:
        raise BadValue("no such action")
    wanted = replace(rule, value=canonical(rule.kind, rule.value), note=rule.note[:NOTE])
    former = select(_RULES).where(*_here(wanted), _C.action.in_(INSTEAD[wanted.action])).with_for_update()
    replaced = tuple(rule_of(row) for row in connection.execute(former))
    if any(each.locked for each in replaced) and not wanted.locked:
        raise Gone("a locked rule")
    if not replaced:
        make_room(connection, wanted.scope, wanted.created_at, 1)
    if replaced:
        connection.execute(delete(_RULES).where(_C.rule_id.in_([each.rule_id for each in replaced])))
    same = next((each for each in replaced if each.action == wanted.action), wanted)
    return _insert(connection, replace(wanted, rule_id=same.rule_id, hits=same.hits)), replaced


def remove(connection: Connection, scope: Scope, rule_id: int, *, unlock: bool = False) -> Rule:
    """Forgets a rule of that scope and returns it; a locked one only with `unlock`. Raises Gone."""
    row = connection.execute(select(_RULES).where(in_scope(scope), _C.rule_id == rule_id).with_for_update()).first()
    if row is None or (row.locked and not unlock):
        raise Gone(str(rule_id))
    connection.execute(delete(_RULES).where(_C.rule_id == rule_id))
    return rule_of(row)


def put_back(
    connection: Connection, made: Rule | None, before: tuple[Rule, ...], *, unlock: bool = False
) -> None:  # fmt: skip
    """Undoes `add` or `remove`: what was made goes, what was there before comes back, in the place of whatever stands
    there now; but what is locked stays, without `unlock`. Raises Gone then."""
    places = [(each, INSTEAD[each.action]) for each in before]
    for each, actions in (*([(made, (made.action,))] if made is not None else []), *places):
        here = (*_here(each), _C.action.in_(actions))
        if not unlock and connection.scalar(select(func.count()).select_from(_RULES).where(*here, _C.locked)):
            raise Gone(each.value)
        connection.execute(delete(_RULES).where(*here))
    for each in before:
        _insert(connection, each if _is_free(connection, each.rule_id) else replace(each, rule_id=0))


def values_about(sender: str, ip: str, recipient: str) -> list[tuple[Kind, tuple[str, ...]]]:
    """What a rule may be about that this mail meets."""
    found = [(Kind.sender, (_spelled(sender),)), (Kind.domain, _domains(sender)), (Kind.network, networks(ip))]
    found += [(Kind.recipient, (_spelled(recipient), *_domains(recipient)))] if recipient else []
    return [(kind, values) for kind, values in found if any(values)]


def _about(sender: str, ip: str, recipient: str) -> list[ColumnElement[bool]]:
    about = values_about(sender, ip, recipient)
    return [and_(_C.kind == int(kind), _C.value.in_(values)) for kind, values in about]


def _spelled(address: str) -> str:
    """An address as rules hold it; one that none can hold stays as it came."""
    local, at, _ = address.rpartition("@")
    return f"{local.lower()}@{domain}" if at and (domain := "".join(_domains(address))) else address.lower()


def _domains(address: str) -> tuple[str, ...]:
    try:
        return (ascii_domain(address.rpartition("@")[2]),)
    except BadValue:
        return ()


def in_scope(scope: Scope) -> ColumnElement[bool]:
    """The rows of a scope."""
    return and_(_C.scope_rank == scope.rank, _C.scope_id == scope.id)


def alive(now: datetime) -> ColumnElement[bool]:
    """Those that have not ended."""
    return or_(_C.expires_at.is_(None), _C.expires_at > now)


def _here(rule: Rule) -> tuple[ColumnElement[bool], ...]:
    return (in_scope(rule.scope), _C.kind == int(rule.kind), _C.value == rule.value)


def make_room(connection: Connection, scope: Scope, now: datetime, more: int) -> None:
    """Sees that so many more fit in. Rules that ended are forgotten only where there is no room: the block log names
    them. Raises Full."""
    most = most_of(scope)
    if _count(connection, scope) + more > most:
        connection.execute(delete(_RULES).where(in_scope(scope), _C.expires_at <= now))
        if _count(connection, scope) + more > most:
            raise Full(f"{most} rules")


def most_of(scope: Scope) -> int:
    """How many rules it may have."""
    return MOST if scope.rank == 2 else 10 * MOST


def _count(connection: Connection, scope: Scope) -> int:
    return int(connection.scalar(select(func.count()).select_from(_RULES).where(in_scope(scope))) or 0)


def _is_free(connection: Connection, rule_id: int) -> bool:
    """Whether a rule may have the number again by which the block log names it: SQLite gives some of them twice."""
    return connection.scalar(select(_C.rule_id).where(_C.rule_id == rule_id)) is None


def _insert(connection: Connection, rule: Rule) -> Rule:
    told = {name: getattr(rule, name) for name in _FIELDS}
    values = {"scope_rank": rule.scope.rank, "scope_id": rule.scope.id, **told, "kind": int(rule.kind)}
    values |= {"rule_id": rule.rule_id} if rule.rule_id else {}
    done = connection.execute(insert(_RULES).values(values))
    assert done.inserted_primary_key is not None
    return replace(rule, rule_id=int(done.inserted_primary_key[0]))


def rule_of(row: Row[Any]) -> Rule:
    """A row of the table as a value."""
    told = {name: getattr(row, name) for name in _FIELDS}
    told |= {"kind": Kind(row.kind), "note": row.note or ""}
    return Rule(scope=Scope(row.scope_rank, row.scope_id), rule_id=row.rule_id, **told)
