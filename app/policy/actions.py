"""The action log: who did what to which account or site, and the way back for a day.

An action is written in the transaction that does it. `detail` is JSON: an action on rules keeps what it made and what
stood there before; what others keep is theirs. What was taken back is not taken back again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, Row, delete, insert, select, update

from app.policy import chosen, lists, senders
from app.policy.asking import changed, reading
from app.policy.errors import Gone
from app.policy.rule import Rule, Scope, as_json, from_json
from app.policy.tables import ActionRow

UNDO: Final = timedelta(days=1)
TARGET: Final = 320
BATCH: Final = 1000
ON_RULES: Final = frozenset({"allow", "deny", "nogrey", "rule-remove"})
ON_POLICY: Final = ON_RULES | {"rules-import", "setting"}  # what is taken back here
_ACTIONS: Final[Any] = ActionRow.__table__
_C: Final[Any] = _ACTIONS.c


@dataclass(frozen=True, slots=True)
class By:
    """Who acts, for whom, and from where. `account_id` or `site` is "" where an action is about none."""

    actor_id: str
    account_id: str = ""
    site: str = ""
    ip: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """What was done. `undone`: it was taken back."""

    id: int
    at: datetime
    by: By
    verb: str
    target: str
    detail: dict[str, Any] = field(default_factory=dict)
    undone: bool = False


Also = Callable[[Connection, Action], None]


def forget(engine: Engine, before: datetime) -> int:
    """Removes what was done before that time, a thousand a transaction; how many. Raises PolicyAway."""

    def some(connection: Connection) -> int:
        old = connection.scalars(select(_C.id).where(_C.at < before).limit(BATCH)).all()
        connection.execute(delete(_ACTIONS).where(_C.id.in_(old)))
        return len(old)

    total = gone = changed(engine, some)
    while gone == BATCH:
        gone = changed(engine, some)
        total += gone
    return total


def record(
    connection: Connection, by: By, verb: str, target: str, at: datetime, detail: dict[str, Any] | None = None
) -> int:
    """Writes an action down, in the transaction that does it; returns its id."""
    done = connection.execute(insert(_ACTIONS).values(_values(by, verb, target, at, detail)))
    assert done.inserted_primary_key is not None
    return int(done.inserted_primary_key[0])


def record_many(connection: Connection, at: datetime, done: Sequence[tuple[By, str, str, dict[str, Any]]]) -> None:
    """Writes many actions down, each by whom, its verb, target and detail."""
    values = [_values(by, verb, target, at, detail) for by, verb, target, detail in done]
    if values:
        connection.execute(insert(_ACTIONS), values)


def _values(by: By, verb: str, target: str, at: datetime, detail: dict[str, Any] | None) -> dict[str, Any]:
    told = json.dumps(detail, separators=(",", ":")) if detail else None
    who = {"actor_id": by.actor_id, "account_id": by.account_id, "site": by.site, "ip": by.ip}
    return {**who, "at": at, "verb": verb, "target": target[:TARGET], "detail": told}


def recorded(engine: Engine, by: By, verb: str, target: str, at: datetime, detail: dict[str, Any] | None = None) -> int:
    """The same for what was done elsewhere. Raises PolicyAway."""
    return changed(engine, lambda connection: record(connection, by, verb, target, at, detail))


def all_recorded(engine: Engine, done: Sequence[tuple[By, str, dict[str, Any]]], verb: str, at: datetime) -> None:
    """The same for what was done to several accounts, each with its target and detail. Raises PolicyAway."""

    lines = [(by, verb, target, detail) for by, target, detail in done]
    changed(engine, lambda connection: record_many(connection, at, lines))


def add_rule(engine: Engine, by: By, rule: Rule, detail: dict[str, Any] | None = None) -> tuple[int, Rule]:
    """Adds a rule and writes that down; returns the action's id and the rule. Raises PolicyError."""

    def work(connection: Connection) -> tuple[int, Rule]:
        made, before = senders.add(connection, rule)
        told = {**(detail or {}), "made": as_json(made), "before": [as_json(each) for each in before]}
        return record(connection, by, made.action, made.value, made.created_at, told), made

    return changed(engine, work)


def import_rules(engine: Engine, by: By, wanted: Sequence[Rule]) -> int:
    """Adds many rules of one scope and one action, all or none, and writes that down; returns how many are new. Raises
    PolicyError."""

    def work(connection: Connection) -> int:
        made, before = lists.add_all(connection, wanted)
        if made:
            told = lists.as_json(made, before)
            record(connection, by, "rules-import", f"{len(made)} senders", wanted[0].created_at, told)
        return len(made)

    return changed(engine, work) if wanted else 0


def remove_rule(
    engine: Engine, by: By, scope: Scope, rule_id: int, at: datetime, detail: dict[str, Any] | None = None
) -> tuple[int, Rule]:
    """Removes a rule and writes that down; returns the action's id and the rule. An administrator, who acts for a site
    or for everybody, removes locked ones too. Raises Gone, PolicyAway."""

    def work(connection: Connection) -> tuple[int, Rule]:
        gone = senders.remove(connection, scope, rule_id, unlock=not by.account_id)
        told = {**(detail or {}), "before": [as_json(gone)]}
        return record(connection, by, "rule-remove", gone.value, at, told), gone

    return changed(engine, work)


def of_account(
    engine: Engine, account_id: str, *,
    before: int | None = None, since: datetime | None = None, verb: str | None = None, limit: int = 51,
) -> tuple[Action, ...]:  # fmt: skip
    """What was done to an account, by whomever, newest first; `verb`: only this. Raises PolicyAway."""
    where: list[ColumnElement[bool]] = [_C.account_id == account_id]
    where += [_C.id < before] if before is not None else []
    where += [_C.at >= since] if since is not None else []
    where += [_C.verb == verb] if verb is not None else []
    newest = select(_ACTIONS).where(*where).order_by(_C.at.desc(), _C.id.desc()).limit(limit)
    with reading(engine) as connection:
        return tuple(_action(row) for row in connection.execute(newest))


def of_site(engine: Engine, site: str, *, limit: int = 51) -> tuple[Action, ...]:
    """What was done to a site itself, and to no single account of it, newest first. Raises PolicyAway."""
    newest = select(_ACTIONS).where(_C.site == site, _C.account_id == "", _C.verb != "look")
    newest = newest.order_by(_C.at.desc(), _C.id.desc()).limit(limit)
    with reading(engine) as connection:
        return tuple(_action(row) for row in connection.execute(newest))


def parts(engine: Engine, site: str, number: int) -> tuple[int, ...]:
    """Of an action that was written down in parts: that part, and those after it which were not taken back, the last
    one first, as later ones build on earlier ones. Itself, of any other. Raises PolicyAway."""
    with reading(engine) as connection:
        row = connection.execute(select(_ACTIONS).where(_C.id == number, _C.site == site)).first()
        if row is None or "part" not in _action(row).detail:
            return (number,)
        same = (_C.site == site, _C.account_id == "", _C.at == row.at, _C.verb == row.verb, _C.actor_id == row.actor_id)
        later = select(_C.id).where(*same, _C.id >= number, _C.undone_by.is_(None)).order_by(_C.id.desc())
        return tuple(connection.scalars(later)) or (number,)


def undoable(action: Action, now: datetime, verbs: frozenset[str] = ON_POLICY) -> bool:
    """Whether there is still a way back."""
    return action.verb in verbs and not action.undone and now - action.at < UNDO


def undo(
    engine: Engine, by: By, action_id: int, now: datetime, verbs: frozenset[str] = ON_POLICY,
    *, also: Also | None = None, anyones: bool = False,
) -> Action:  # fmt: skip
    """Takes an action of the account `by` names back and writes that down; returns it. What it did to rules and
    settings is undone here, all else (`verbs` beyond ON_POLICY) by who asks: `also` in the same transaction, and what
    it raises leaves all as it was. `anyones`: others' actions too. Raises Gone, PolicyAway."""

    def work(connection: Connection) -> Action:
        row = connection.execute(select(_ACTIONS).where(_C.id == action_id, *_about(by))).first()
        action = None if row is None else _action(row)
        if (
            action is None
            or not undoable(action, now, verbs)
            or not (anyones or not by.account_id or action.by.actor_id == by.actor_id)
        ):
            raise Gone(str(action_id))
        mine = record(connection, by, "undo", action.target, now, {"of": action_id})
        once = update(_ACTIONS).where(_C.id == action_id, _C.undone_by.is_(None)).values(undone_by=mine)
        if connection.execute(once).rowcount != 1:
            raise Gone(str(action_id))
        if action.verb in ON_RULES:
            senders.put_back(connection, *_rules(action), unlock=not by.account_id)
        elif action.verb == "rules-import":
            lists.put_back(connection, action.detail, unlock=not by.account_id)
        elif action.verb == "setting":
            chosen.put_back(connection, action.detail, now)
        if also is not None:
            also(connection, action)
        return action

    return changed(engine, work)


def _about(by: By) -> tuple[ColumnElement[bool], ...]:
    """What is about the same account; about none, what is about the same site, by whichever of its administrators."""
    return (_C.account_id == by.account_id, *(() if by.account_id else (_C.site == by.site,)))


def _rules(action: Action) -> tuple[Rule | None, tuple[Rule, ...]]:
    """What an action made, and what it took the place of."""
    made, before = action.detail.get("made"), action.detail.get("before", [])
    return (None if made is None else from_json(made)), tuple(from_json(each) for each in before)


def _action(row: Row[Any]) -> Action:
    by = By(row.actor_id, row.account_id, row.site, row.ip)
    detail = json.loads(row.detail) if row.detail else {}
    return Action(row.id, row.at, by, row.verb, row.target, detail, row.undone_by is not None)
