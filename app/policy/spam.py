"""The settings of spam handling: what holds for an account, where each value comes from, and who may choose otherwise.

A locked choice of the widest scope wins; otherwise the narrowest scope's that chose; otherwise the default. None of
them is ever about viruses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, and_, or_, select

from app.policy import chosen
from app.policy.actions import By, record
from app.policy.asking import changed, reading
from app.policy.chosen import Chosen
from app.policy.errors import BadValue, Locked
from app.policy.languages import LANGUAGES
from app.policy.rule import EVERYBODY, Scope, account_scope, site_scope
from app.policy.tables import PolicySettingRow

VERB: Final = "setting"
DEFAULTS: Final[Mapping[str, str]] = {
    "rbl": "1",
    "greylist": "1",
    "junk_score": "5",
    "reject_score": "15",
    "spam_action": "junk",
    "languages": "",
}
LOWEST, HIGHEST = 0.5, 999.0  # of a score; 999 is reached by nothing
MOST_LANGUAGES: Final = 40
_SWITCH: Final = "greylist_on"  # of the intake, for everybody (intake.py)
_SCORE: Final = re.compile(r"[0-9]{1,3}(\.[0-9]{1,2})?")
_SETTINGS: Final[Any] = PolicySettingRow.__table__
_C: Final[Any] = _SETTINGS.c


@dataclass(frozen=True, slots=True)
class Setting:
    """A value that holds. `scope`: who chose it, None where nobody did; `locked`: those below cannot choose
    otherwise. `own`: what the asked scope itself chose, heeded or not; `inherited`: what would hold without, and
    `above`: who chose that."""

    value: str
    scope: Scope | None = None
    locked: bool = False
    inherited: str = ""
    own: Chosen | None = None
    above: Scope | None = None


@dataclass(frozen=True, slots=True)
class Effective:
    """What holds for an account, a site or everybody. `delays`: whether unknown servers are asked to come again, which
    the intake's switch turns off for all."""

    rbl: Setting
    greylist: Setting
    junk_score: Setting
    reject_score: Setting
    spam_action: Setting
    languages: Setting
    delays: bool

    def items(self) -> tuple[tuple[str, Setting], ...]:
        """The settings by their names."""
        return tuple((name, getattr(self, name)) for name in DEFAULTS)


def effective(engine: Engine, *, account_id: str, site: str) -> Effective:
    """What holds, in one statement: for an account; without `account_id` for a site, and without both for everybody.
    Raises PolicyAway."""
    asked = scopes(account_id, site)
    rows = select(_SETTINGS).where(or_(*map(_in_scope, asked)), _C.name.in_([*DEFAULTS, _SWITCH]))
    with reading(engine) as connection:
        found = {(row.scope_rank, row.name): Chosen(row.value, row.locked) for row in connection.execute(rows)}
    told = {name: _setting(name, asked, found) for name in DEFAULTS}
    switch = found.get((0, _SWITCH))
    delays = told["greylist"].value == "1" and (switch is None or switch.value != "0")
    return Effective(**told, delays=delays)


def scopes(account_id: str, site: str) -> tuple[Scope, ...]:
    """Those that are asked, the widest first."""
    narrower = ([site_scope(site)] if site else []) + ([account_scope(account_id)] if account_id else [])
    return (EVERYBODY, *narrower)


def choose(
    engine: Engine, by: By, scope: Scope, name: str, value: str | None, locked: bool, now: datetime
) -> Chosen | None:
    """Has a scope choose a value, None inherit again, and writes that down. Raises as `choose_all`."""
    wish = None if value is None else Chosen(value, locked)
    return choose_all(engine, by, scope, {name: wish}, now)[name]


def choose_all(
    engine: Engine, by: By, scope: Scope, wishes: Mapping[str, Chosen | None], now: datetime
) -> dict[str, Chosen | None]:
    """Has a scope choose several, all or none, and writes down those that are new. `by` names the site. Returns what
    was chosen. Raises BadValue, Locked where a wider scope does not let it, PolicyAway."""
    sound = {name: _sound(scope, name, wish) for name, wish in wishes.items()}

    def work(connection: Connection) -> None:
        barred = _barred(connection, scope, by.site)
        for name, wish in sorted(sound.items()):
            before = chosen.former(connection, scope, name)
            if before == wish:
                continue
            if name in barred:
                raise Locked(name)
            chosen.write(connection, scope, name, wish, now)
            told = {"before": chosen.as_json(before), "after": chosen.as_json(wish)}
            record(connection, by, VERB, name, now, {"scope": [scope.rank, scope.id], "name": name, **told})

    changed(engine, work)
    return sound


def sound_value(name: str, typed: str) -> str:
    """A value in the spelling that is kept. Raises BadValue, whose text says why."""
    return _READ[name](typed.strip())


def _sound(scope: Scope, name: str, wish: Chosen | None) -> Chosen | None:
    if name not in DEFAULTS:
        raise BadValue("there is no such setting")
    if wish is None:
        return None
    if wish.locked and scope.rank == 2:
        raise BadValue("an account locks nothing")
    return Chosen(sound_value(name, wish.value), wish.locked)


def _barred(connection: Connection, scope: Scope, site: str) -> set[str]:
    """The settings that a wider scope has locked."""
    wider = [each for each in scopes("", site) if each.rank < scope.rank]
    if not wider:
        return set()
    return set(connection.scalars(select(_C.name).where(or_(*map(_in_scope, wider)), _C.locked)))


def _setting(name: str, asked: Iterable[Scope], found: Mapping[tuple[int, str], Chosen]) -> Setting:
    *wider, own = [(each, found.get((each.rank, name))) for each in asked]
    value, scope, locked = _first(name, [*wider, own])
    inherited, above, _ = _first(name, wider)
    return Setting(value, scope, locked, inherited, own[1], above)


def _first(name: str, told: list[tuple[Scope, Chosen | None]]) -> tuple[str, Scope | None, bool]:
    """What wins of these, the widest of which comes first."""
    made = [(each.value, scope, each.locked) for scope, each in told if each is not None]
    locks = [each for each in made if each[2]]
    return locks[0] if locks else made[-1] if made else (DEFAULTS[name], None, False)


def _in_scope(scope: Scope) -> Any:
    return and_(_C.scope_rank == scope.rank, _C.scope_id == scope.id)


def _switch(typed: str) -> str:
    if typed not in ("0", "1"):
        raise BadValue("it is either on or off")
    return typed


def _score(typed: str) -> str:
    """A decimal text without a tail: 5, 7.5."""
    plain = typed.replace(",", ".")
    if not _SCORE.fullmatch(plain) or not LOWEST <= float(plain) <= HIGHEST:
        raise BadValue(f"it is no number from {LOWEST:g} to {HIGHEST:g}, such as 5 or 7.5")
    return f"{float(plain):g}"


def _action(typed: str) -> str:
    if typed not in ("junk", "tag"):
        raise BadValue("spam is either put into the spam folder or marked")
    return typed


def _languages(typed: str) -> str:
    codes = sorted(set(typed.lower().split()))
    if len(codes) > MOST_LANGUAGES or not set(codes) <= LANGUAGES.keys():
        raise BadValue("these are not languages that filters know")
    return " ".join(codes)


_READ: Final[Mapping[str, Callable[[str], str]]] = {
    "rbl": _switch,
    "greylist": _switch,
    "junk_score": _score,
    "reject_score": _score,
    "spam_action": _action,
    "languages": _languages,
}
