"""Changes of the directory by administrators: each is written into the action log with it, both or neither, and can be
taken back for a day as long as nobody changed the same again.

The directory may have a database of its own: then its part is committed first, within the other's transaction.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from redis import RedisError
from sqlalchemy import Connection

from app.directory.circles import Ways
from app.directory.edit import Change, from_json, put_back, row_of
from app.directory.engine import asking
from app.directory.errors import NotAccepted, Overtaken, ReadOnly
from app.directory.forwarding import stored
from app.directory.member import check_guarded, check_mailboxes, check_name, domains
from app.policy import actions, leaving
from app.policy.actions import Action, By
from app.policy.asking import changed
from app.policy.errors import Gone
from app.store import session as sessions
from app.web.admin import tell
from app.web.admin.realm import Realm
from app.web.policy import policy
from app.web.resources import resources
from app.web.serving.log import described, logger

VERBS = frozenset(("account", "account-add", "alias-add", "alias-remove", "site", "address-add", "address-remove")
                  + ("import",))  # fmt: skip
# Columns that only the provider's administrators set; a way back to such a value is theirs, too.
PROVIDERS = frozenset({"brand", "forward_outside", "forward_here", "reset_passwords", "messages_per_hour",
                       "recipients_per_hour", "learning", "learn_spam_to", "learn_ham_to"})  # fmt: skip
PART = 500  # changes of one action; more are written down, and taken back, in parts, each a transaction of its own
UNDO_SECONDS = 8.0  # after which no further part is begun
Work = Callable[[Connection], Sequence[Change]]


def now() -> datetime:
    """As the action log keeps it."""
    return datetime.now(UTC).replace(microsecond=0)


def kept_here() -> None:
    """Raises ReadOnly where accounts are those of a provider's own schema: they are changed where they are kept."""
    if resources().directory.query is not None:
        raise ReadOnly("accounts come from a query of the provider's own")


@contextmanager
def directory(log: Connection | None = None) -> Iterator[Connection]:
    """The directory's rows, in the action log's transaction where both lie in one database. Raises DirectoryError."""
    held = resources()
    with asking():
        if log is not None and held.database is held.directory.whole:
            yield log
        else:
            with held.directory.whole.begin() as connection:
                yield connection


def done(
    by: By, verb: str, target: str, work: Work, *, whose: bool = False, names: Mapping[int, str] | None = None
) -> Sequence[Change]:
    """What `work` changed, which is written down; nothing is where it changed nothing. `whose`: it is about the account
    that it added; `names`, of accounts by number: each of them that was changed has a line of its own, too. Raises what
    `work` raises, DirectoryError, PolicyAway."""

    def both(log: Connection) -> Sequence[Change]:
        with directory(log) as rows:
            changes = work(rows)
            if changes:
                about = replace(by, account_id=str(changes[0].number)) if whose else by
                actions.record_many(log, now(), [(about, verb, target, told) for told in _parts(changes, names)])
            if names is not None:
                noted = [_noted(by, one, names.get(one.number, "")) for one in changes if one.table == "account"]
                actions.record_many(log, now(), noted)
        return changes

    with policy() as engine:
        changes = changed(engine, both)
    follow(changes)
    return changes


def _named(change: Change, names: Mapping[int, str] | None) -> dict[str, Any]:
    of_account = names is not None and change.table == "account"
    return change.as_json() | ({"name": (names or {}).get(change.number, "")} if of_account else {})


def _parts(changes: Sequence[Change], names: Mapping[int, str] | None) -> Iterator[dict[str, Any]]:
    """What the log keeps of changes; each part knows its number."""
    kept = [_named(one, names) for one in changes]
    for at in range(0, len(kept), PART):
        which = {"part": at // PART + 1, "parts": -(-len(kept) // PART)} if len(kept) > PART else {}
        yield {"changes": kept[at : at + PART], **which}


def _noted(by: By, change: Change, name: str) -> tuple[By, str, str, dict[str, Any]]:
    """A line for the owner of an account, of what was done to many at once."""
    verb = "account-add" if change.before is None else "account"
    return replace(by, account_id=str(change.number)), verb, name, {"changes": [change.as_json()]}


@dataclass
class Undone:
    """What was taken back: the last action, how many parts of it, and how many of these are left. `why` not all."""

    action: Action | None = None
    done: int = 0
    left: int = 0
    why: Gone | NotAccepted | None = None


def undo_all(here: Realm, by: By, number: int) -> Undone:
    """Takes an action back with those of its parts that came later, the last one first; as many as there is time for.
    Raises PolicyAway, DirectoryError."""
    with policy() as engine:
        waiting = list(actions.parts(engine, by.site, number))
    told, until = Undone(), time.monotonic() + UNDO_SECONDS
    while waiting and (told.done == 0 or time.monotonic() < until):
        try:
            told.action = undo(here, by, waiting[0])
        except (Gone, NotAccepted) as error:
            told.why = error
            break
        told.done += 1
        del waiting[0]
    told.left = len(waiting)
    return told


def undo(here: Realm, by: By, number: int) -> Action:
    """Takes back what was done. Raises Gone, Overtaken, NotAccepted; PolicyAway, DirectoryError."""
    undone: list[Change] = []
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = []

    def also(log: Connection, action: Action) -> None:
        if not here.of_provider and of_provider(action):
            raise Gone(str(number))
        changes = _changes(action)
        if not changes:
            raise Gone(str(number))
        pairs.clear()  # it may be done again
        with directory(log) as rows:
            for each in reversed(changes):
                put_back(rows, each)
            pairs.extend(_sound_again(rows, changes, of_provider=here.of_provider))
        if added := [str(each.number) for each in changes if each.table == "account" and each.before is None]:
            leaving.forget(log, *added)  # nothing brings these back: an undo is not undone
        undone[:] = changes

    with policy() as engine:
        action = actions.undo(engine, by, number, now(), VERBS, also=also, anyones=here.of_provider)
    follow(undone)
    for pair in pairs:
        tell.late(*pair)
    return action


def _sound_again(
    rows: Connection, undone: Sequence[Change], *, of_provider: bool
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """That rows which are back fit to what came since: no account has an alias' name, a site has its domain. Returns
    each account that is there, before and after. Raises NotAccepted."""
    pairs, ways, boxes = [], _Ways(rows), []
    for each in undone:
        row = row_of(rows, each.table, each.number)
        before = each.before or {}
        if each.table == "account" and row:
            pairs.append(({**row, **(each.after or {})}, row))
            boxes += [row] if before.get("login") else []
            if before.get("forward_to"):
                ways.check(row)
        elif each.table == "address" and row and each.before is not None:
            check_name(rows, row)
            if not of_provider:
                check_guarded(rows, row)
        elif each.table == "site" and before.get("primary_domain") not in (None, *domains(rows, each.number).values()):
            raise Overtaken(f"{before['primary_domain']} is no longer a domain of the site")
    check_mailboxes(rows, boxes)
    return pairs


class _Ways:
    """Where mail of the accounts of some sites goes, with each site's rows read once."""

    def __init__(self, rows: Connection) -> None:
        self.rows = rows
        self.sites: dict[int, tuple[bool, set[str], Ways]] = {}

    def check(self, account: Mapping[str, Any]) -> None:
        """That an account may still forward where it did: since then others may forward to it, or the site lets nobody
        outside. Raises NotAccepted."""
        number = account["site_id"]
        if number not in self.sites:
            site = row_of(self.rows, "site", number) or {}
            own = set(domains(self.rows, number).values())
            self.sites[number] = bool(site["forward_outside"]), own, Ways(self.rows, number)
        outside, own, ways = self.sites[number]
        targets = stored(account["forward_to"])
        if not outside and any(each.rpartition("@")[2] not in own for each in targets):
            raise NotAccepted("The site forwards nothing outside any more.")
        if ways.back(account["account_id"], targets):
            raise NotAccepted("By now that leads back here.")


def _changes(action: Action) -> list[Change]:
    return [from_json(each) for each in action.detail.get("changes", [])]


def undoable(action: Action) -> bool:
    """Whether there is still a way back, for who may go it."""
    return bool(action.detail.get("changes")) and actions.undoable(action, now(), VERBS)


def of_provider(action: Action) -> bool:
    """Whether a site's administrator could not have done this, or would make somebody of the provider by undoing it."""
    return any(_of_provider(each) for each in _changes(action))


def _of_provider(done: Change) -> bool:
    roles = {each.get("role") for each in (done.before, done.after) if each is not None}
    before, after = done.before or {}, done.after or {}
    moved = any(before.get(name) is not None and after.get(name) is not None for name in ("server_id", "login"))
    return "isp_admin" in roles or moved or bool(before.keys() & after.keys() & PROVIDERS and done.table == "site")


def follow(changes: Sequence[Change]) -> None:
    """Sessions of changed accounts ask the directory at their next request. Those of a disabled one end now, and those
    that signed in to another mailbox or to none: a master user would open the new one for them. Never raises: without
    Redis they ask within a minute."""
    redis = resources().redis
    try:
        for each in changes:
            if each.table == "account":
                after = each.after or {}
                over = each.before is None or "login" in after or after.get("enabled", True) is False
                (sessions.end_everywhere if over else sessions.recheck)(redis, str(each.number))
    except RedisError as error:
        logger.warning("sessions follow a change later", extra=described(error))
