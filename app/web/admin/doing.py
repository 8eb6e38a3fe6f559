"""Changes of the directory by administrators: each is written into the action log with it, both or neither, and can be
taken back for a day as long as nobody changed the same again.

The directory may have a database of its own: then its part is committed first, within the other's transaction.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
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
from app.policy import actions
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
                       "recipients_per_hour"})  # fmt: skip
MOST_KEPT = 500  # changes of one action; of more at once only those of each account have a way back
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
                kept = [_named(one, names) for one in changes] if len(changes) <= MOST_KEPT else []
                actions.record(log, about, verb, target, now(), {"changes": kept})
            for one in changes if names is not None else ():
                _noted(log, by, one, (names or {}).get(one.number, ""))
        return changes

    with policy() as engine:
        changes = changed(engine, both)
    follow(changes)
    return changes


def _named(change: Change, names: Mapping[int, str] | None) -> dict[str, Any]:
    of_account = names is not None and change.table == "account"
    return change.as_json() | ({"name": (names or {}).get(change.number, "")} if of_account else {})


def _noted(log: Connection, by: By, change: Change, name: str) -> None:
    """A line for the owner of an account, of what was done to many at once."""
    if change.table == "account":
        verb = "account-add" if change.before is None else "account"
        about = replace(by, account_id=str(change.number))
        actions.record(log, about, verb, name, now(), {"changes": [change.as_json()]})


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
                _sound(rows, each, of_provider=here.of_provider)
                row = row_of(rows, each.table, each.number) if each.table == "account" else None
                pairs.extend([({**row, **(each.after or {})}, row)] if row else [])
        undone[:] = changes

    with policy() as engine:
        action = actions.undo(engine, by, number, now(), VERBS, also=also, anyones=here.of_provider)
    follow(undone)
    for pair in pairs:
        tell.late(*pair)
    return action


def _sound(rows: Connection, undone: Change, *, of_provider: bool) -> None:
    """That a row which is back fits to what came since: no account has an alias' name, a site has its domain."""
    if undone.table == "address" and undone.before is not None:
        row = row_of(rows, "address", undone.number) or undone.before
        check_name(rows, row)
        if not of_provider:
            check_guarded(rows, row)
    if undone.table == "account" and (undone.before or {}).get("login"):
        check_mailboxes(rows, [row_of(rows, "account", undone.number) or {}])
    if undone.table == "account" and (undone.before or {}).get("forward_to"):
        _forwards(rows, undone.number, stored((undone.before or {})["forward_to"]))
    domain = (undone.before or {}).get("primary_domain") if undone.table == "site" else None
    if domain is not None and domain not in domains(rows, undone.number).values():
        raise Overtaken(f"{domain} is no longer a domain of the site")


def _forwards(rows: Connection, number: int, targets: tuple[str, ...]) -> None:
    """That an account may still forward there: since then others may forward to it, or the site lets nobody outside."""
    account = row_of(rows, "account", number) or {}
    site = row_of(rows, "site", account["site_id"]) or {}
    own = set(domains(rows, site["site_id"]).values())
    if not site["forward_outside"] and any(each.rpartition("@")[2] not in own for each in targets):
        raise NotAccepted("The site forwards nothing outside any more.")
    if Ways(rows, site["site_id"]).back(number, targets):
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
