"""Allow and deny lists as people see them: a page of rules, many added at once, and these taken out again.

Many are added with a statement for each two hundred, where one by one each takes four.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, and_, delete, func, insert, or_, select

from app.policy import rule as rules
from app.policy.asking import reading
from app.policy.errors import Gone
from app.policy.rule import Rule, Scope
from app.policy.senders import INSTEAD, alive, in_scope, make_room, rule_of
from app.policy.tables import RuleRow

CHUNK: Final = 200
_Some = TypeVar("_Some")
_RULES: Final[Any] = RuleRow.__table__
_C: Final[Any] = _RULES.c


@dataclass(frozen=True, slots=True)
class Page:
    """Some rules, by value, and how many there are in all."""

    rules: tuple[Rule, ...]
    total: int


def page(
    engine: Engine, scopes: Sequence[Scope], now: datetime, *, sought: str = "", action: str = "", offset: int = 0,
    limit: int = 100,
) -> Page:  # fmt: skip
    """Rules of some scopes that hold; `sought`: a part of what they are about. Raises PolicyAway."""
    where = [or_(*map(in_scope, scopes)), alive(now)]
    where += [_C.value.contains(sought.lower(), autoescape=True)] if sought else []
    where += [_C.action == action] if action else []
    order = (_C.value, _C.kind, _C.action, _C.scope_rank)
    with reading(engine) as connection:
        total = connection.scalar(select(func.count()).select_from(_RULES).where(*where)) or 0
        some = select(_RULES).where(*where).order_by(*order).offset(offset).limit(limit)
        return Page(tuple(rule_of(row) for row in connection.execute(some)), int(total))


def add_all(connection: Connection, wanted: Sequence[Rule]) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    """Keeps canonical rules of one scope and one action; returns those that are new, and those whose place they took:
    of the same one with another end it has number and hits. What stands there already with the same end is left.
    Raises Full; Gone where a locked one stands in the place of one that is not."""
    scope, action = wanted[0].scope, wanted[0].action
    former = _former(connection, scope, INSTEAD[action], wanted)
    new = [each for each in wanted if not _stands(each, former.get((each.kind, each.value), []))]
    made = [_numbered(each, former.get((each.kind, each.value), [])) for each in new]
    before = [old for each in new for old in former.get((each.kind, each.value), [])]
    locked = next((each for each in before if each.locked), None)
    if locked is not None and not wanted[0].locked:
        raise Gone(locked.value)
    make_room(connection, scope, wanted[0].created_at, len(made) - len({(each.kind, each.value) for each in before}))
    for some in _chunks([each.rule_id for each in before]):
        connection.execute(delete(_RULES).where(_C.rule_id.in_(some)))
    _insert(connection, made)
    return tuple(made), tuple(before)


def as_json(made: Sequence[Rule], before: Sequence[Rule]) -> dict[str, Any]:
    """What the action log keeps, to take these out again."""
    first, told = made[0], [[int(each.kind), each.value] for each in made]
    scope = [first.scope.rank, first.scope.id]
    return {"scope": scope, "action": first.action, "made": told, "before": [rules.as_json(each) for each in before]}


def put_back(connection: Connection, detail: dict[str, Any], *, unlock: bool = False) -> None:
    """Takes out what was added so, and brings back what stood there before. Raises Gone where a locked rule stands,
    without `unlock`."""
    scope, before = Scope(*detail["scope"]), [rules.from_json(each) for each in detail["before"]]
    places = [(INSTEAD[action], some) for action, some in _by_action(before)]
    for actions, some in (((detail["action"],), detail["made"]), *places):
        for kind, values in _by_kind(some):
            here = (in_scope(scope), _C.action.in_(actions), _C.kind == kind, _C.value.in_(values))
            if not unlock and connection.scalar(select(func.count()).select_from(_RULES).where(*here, _C.locked)):
                raise Gone("a locked rule")
            connection.execute(delete(_RULES).where(*here))
    for known in _chunks(before):  # SQLite gives some numbers twice
        numbers = select(_C.rule_id).where(_C.rule_id.in_([each.rule_id for each in known]))
        taken = set(connection.scalars(numbers))
        _insert(connection, [replace(each, rule_id=0) if each.rule_id in taken else each for each in known])


def _former(
    connection: Connection, scope: Scope, actions: Sequence[str], wanted: Sequence[Rule]
) -> dict[tuple[int, str], list[Rule]]:
    """What stands in their places, by kind and value."""
    found: dict[tuple[int, str], list[Rule]] = {}
    for kind, values in _by_kind([(each.kind, each.value) for each in wanted]):
        here = and_(in_scope(scope), _C.kind == kind, _C.value.in_(values), _C.action.in_(actions))
        for row in connection.execute(select(_RULES).where(here).with_for_update()):
            found.setdefault((row.kind, row.value), []).append(rule_of(row))
    return found


def _stands(wanted: Rule, former: Sequence[Rule]) -> bool:
    return [(each.action, each.expires_at) for each in former] == [(wanted.action, wanted.expires_at)]


def _numbered(wanted: Rule, former: Sequence[Rule]) -> Rule:
    same = next((each for each in former if each.action == wanted.action), wanted)
    return replace(wanted, rule_id=same.rule_id, hits=same.hits)


def _insert(connection: Connection, made: Sequence[Rule]) -> None:
    """Those that have a number, and those that are to get one."""
    for numbered in (True, False):
        for some in _chunks([_values(each) for each in made if bool(each.rule_id) is numbered]):
            connection.execute(insert(_RULES), some)


def _by_action(gone: Sequence[Rule]) -> Iterator[tuple[str, list[tuple[int, str]]]]:
    for action, some in groupby(sorted(gone, key=lambda each: each.action), lambda each: each.action):
        yield action, [(each.kind, each.value) for each in some]


def _by_kind(places: Sequence[Sequence[Any]]) -> Iterator[tuple[int, list[str]]]:
    """Kinds, each with some of its values."""
    for kind, some in groupby(sorted((int(kind), str(value)) for kind, value in places), lambda each: each[0]):
        for values in _chunks([value for _, value in some]):
            yield kind, values


def _chunks(all_of: Sequence[_Some]) -> Iterator[list[_Some]]:
    for start in range(0, len(all_of), CHUNK):
        yield list(all_of[start : start + CHUNK])


def _values(each: Rule) -> dict[str, Any]:
    told = asdict(each)
    if not each.rule_id:
        del told["rule_id"]
    scope = told.pop("scope")
    return {**told, "scope_rank": scope["rank"], "scope_id": scope["id"], "kind": int(each.kind)}
