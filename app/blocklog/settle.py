"""From what was put together to rows: two seconds after its last line, each for the accounts whose mail it was.

A row that was written already is changed where more became known, and taken back where it turned out to be none: a mail
that was accepted and thrown away by a filter behind, a hop that looked like an arrival.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from app.blocklog import columns
from app.blocklog.classify import masked
from app.blocklog.codes import Accepted, Fate, Outcome, Stage
from app.blocklog.entry import Batch, Key, Passed, Reached
from app.blocklog.event import Learnt
from app.blocklog.fate import message_mark
from app.blocklog.join import Join
from app.blocklog.message import Arrived, Message, Row, Stopped
from app.blocklog.recipients import Owner, Recipients

HOLD = 2.0  # seconds
MOST_BYTES = 2**63 - 1  # that the databases can count
UNLISTED = "u:"  # before accounts that no row of the directory knows: any address may be one
_GONE = (Outcome.dropped, Outcome.discarded, Outcome.quarantined, Outcome.held)
Ids = Callable[[int], int]
Scope = tuple[int, str]  # of a rule: everybody's (0), a site's (1), an account's (2), and which one's
Scopes = Callable[[Collection[int]], Mapping[int, Scope]]


def due(join: Join, *, everything: bool = False) -> list[Row]:
    """Rows that have waited long enough, by the times of the logs or by ours, where nothing more is read."""
    now = time.monotonic()
    found: list[Row] = []
    kept: list[Row] = []
    for row in join.waiting:
        old = row.at <= join.clock - HOLD or now - row.read >= HOLD
        (found if old or everything else kept).append(row)
    join.waiting = kept
    for row in found:
        row.waiting = False
    return found


def settle(
    join: Join, rows: Iterable[Row], recipients: Recipients, ids: Ids, scopes: Scopes | None = None
) -> Batch:  # fmt: skip
    """What is to be written for some rows, and for what was counted. `scopes`: whose rules are, by number."""
    rows = list(rows)
    rows += _twins(join, rows)
    passed = join.tally.passed
    addresses = {each.rcpt for each in rows} | {each.final for each in rows if isinstance(each, Arrived)}
    owners = recipients.of(addresses | {each.recipient.lower() for each in passed})
    users = [(each.message.node, each.message.user) for each in rows if each.message and each.message.user]
    uses = join.tally.uses
    lessons = join.tally.lessons
    taught = ((node, event.login) for node, _, event in lessons)
    logins = recipients.of_logins({*users, *((node, login) for node, _, login in uses), *taught})
    batch = Batch(tally=join.tally)
    settling = _Settling(batch, owners, logins, ids, _scopes(rows, scopes))
    for row in rows:
        if isinstance(row, Stopped):
            settling.stopped(row)
        else:
            settling.arrived(row)
    for event in passed:
        for account, _ in owners[event.recipient.lower()]:
            batch.passed.append(Passed(account, *columns.address(event.sender), columns.ip(event.ip), event.at))
    for (node, service, login), at in uses.items():
        account, site = logins[node, login]
        if account:
            batch.uses.append((account, site, service, _moment(at)))
    for node, source, lesson in lessons:
        _learnt(batch, logins[node, lesson.login], lesson, ids(source))
    return batch


def _scopes(rows: Iterable[Row], scopes: Scopes | None) -> Mapping[int, Scope] | None:
    """Of the rules that stopped a whole message, whoever it was for; None: nobody knows rules."""
    if scopes is None:
        return None
    named = {each.rule for each in rows if isinstance(each, Stopped) and each.rule and each.stage >= Stage.data}
    return scopes(named) if named else {}


def _learnt(batch: Batch, owner: Owner, lesson: Learnt, number: int) -> None:
    account, site = owner
    if not account:
        return
    values = {"spam": lesson.spam, "lesson": lesson.lesson, "message_id": lesson.message_id[:250] or None}
    batch.lessons.new.append(([account, lesson.at.timestamp(), number], values))
    batch.sites[account, number] = site


def _twins(join: Join, rows: list[Row]) -> list[Row]:
    """Mail with the Message-ID of what turns out to be a hop: its fate may have given way to that of the hop."""
    known = {id(each) for each in rows}
    found: dict[int, Row] = {}
    for row in rows:
        if isinstance(row, Arrived) and row.hop and row.fated and row.message is not None:
            twins = [each for twin in join.twins(row.message) for each in twin.arrivals]
            found |= {id(each): each for each in twins if id(each) not in known}
    return list(found.values())


class _Settling:
    def __init__(
        self,
        batch: Batch,
        owners: dict[str, tuple[Owner, ...]],
        logins: dict[tuple[str, str], Owner],
        ids: Ids,
        scopes: Mapping[int, Scope] | None = None,
    ) -> None:
        self.batch, self.owners, self.logins, self.ids, self.scopes = batch, owners, logins, ids, scopes

    def stopped(self, row: Stopped) -> None:
        owners = self.owners[row.rcpt]
        if row.ours and owners == (("", ""),):
            return
        values = _block(row)
        if self.scopes is not None and row.rule and row.stage >= Stage.data:
            values["rule_id"] = row.rule if _is_theirs(self.scopes.get(row.rule), owners) else None
        keys = self._keys(row.written, owners, row.at, row.source)
        self.batch.blocks.put(row.written, keys, values)
        row.written = keys

    def arrived(self, row: Arrived) -> None:
        message = row.message
        assert message is not None
        if row.fate == Fate.queued and not message.user:
            return
        owners = self._arrived_for(row, message)
        outcome = _outcome(row, message)
        keys = self._keys(row.written, owners if outcome is not None else (), row.at, row.source)
        self.batch.recents.put(row.written, keys, _recent(row, message, outcome))
        for account, at, _ in keys if not row.written else ():
            if outcome is not Accepted.bounced:
                sender = columns.address(message.sender or "")
                self.batch.passed.append(Passed(account, *sender, columns.ip(message.ip), _moment(at)))
        row.written = keys
        if not message.user or row.hop:
            self._not_sent(row)
        else:
            self._sent(row, message)

    def _arrived_for(self, row: Arrived, message: Message) -> tuple[Owner, ...]:
        owners = self.owners[row.rcpt] if self.owners[row.rcpt][0][0] else self.owners[row.final]
        if not row.local:
            owners = tuple(each for each in owners if not (message.user and each[0].startswith(UNLISTED)))
        return tuple(each for each in owners if each[0])

    def _sent(self, row: Arrived, message: Message) -> None:
        """The sender's side: one row a recipient, and how far it has come."""
        account, site = self.logins[message.node, message.user or ""]
        if not account:
            return
        keys = self._keys(row.sent, ((account, site),), message.begun, row.source)
        self.batch.recents.put(row.sent, keys, _recent(row, message, Accepted.sent))
        row.sent = keys
        if message.message_id:
            place = (account, message_mark(message.message_id), columns.text(row.rcpt, 320))
            last = int(row.last or row.at)  # as the databases keep it
            fate = Reached(
                row.fate,
                _moment(last),
                columns.text(row.relay, 253),
                columns.text(row.reply, 300),
                columns.optional(row.dsn, 11),
            )
            row.fated = [*place, fate.fate, last, *fate[2:]]
            self.batch.reach(place, fate)

    def _not_sent(self, row: Arrived) -> None:
        """What was taken for the last that is known of a mail was a hop: its own lines tell the rest."""
        self.batch.recents.put(row.sent, [], {})
        if row.fated:
            account, mark, rcpt, fate, at, *words = row.fated
            self.batch.undone.append(((account, mark, rcpt), Reached(fate, _moment(at), *words)))
        row.sent, row.fated = [], []

    def _keys(self, written: list[Key], owners: Iterable[Owner], at: float, source: int) -> list[Key]:
        """Under which keys rows for some accounts lie: the same as before where there were any."""
        known = {key[0]: key for key in written}
        keys = []
        for account, site in dict(owners).items():
            keys.append(known.get(account) or [account, at, self.ids(source)])
            self.batch.sites[account, keys[-1][2]] = site
        return keys


def _is_theirs(scope: Scope | None, owners: Collection[Owner]) -> bool:
    """Whether a rule holds for an address: that of an account only where the mail is nobody else's, too."""
    if scope is None:
        return False
    rank, scope_id = scope
    return rank == 0 or {site if rank == 1 else account for account, site in owners} == {scope_id}


def _block(row: Stopped) -> dict[str, Any]:
    message = row.message
    sender = row.sender if row.sender is not None or message is None else message.sender
    local, domain = columns.address(sender or "")
    known = row if row.ip or message is None else message
    return {
        "policy": row.policy,
        "outcome": row.outcome,
        "stage": row.stage,
        "rcpts_known": row.known,
        "smtp_code": row.code,
        "dsn": columns.optional(row.dsn, 11),
        "score": None if row.score is None else round(max(-99999.0, min(99999.0, row.score)), 2),
        "detail": columns.optional(row.detail, 80),
        "rule_id": row.rule,
        "client_ip": columns.ip(known.ip),
        "client_name": columns.text(known.name, 253),
        "helo": columns.text(row.helo or (message.helo if message else ""), 253),
        "sender_local": local,
        "sender_domain": domain,
        "rcpt": columns.text(row.rcpt, 320),
        "subject": columns.optional(row.subject or (message.subject if message else None), 200),
        "message_id": columns.optional(row.message_id or (message.message_id if message else None), 250),
        "reason": columns.text(masked(row.text[:600]), 300),
        "queue_id": columns.optional(row.queue_id, 32),
        "source_id": row.source,
        "stored_ref": columns.optional(row.stored, 160),
    }


def _recent(row: Arrived, message: Message, outcome: Accepted | None) -> dict[str, Any]:
    local, domain = columns.address(message.sender or "")
    return {
        "outcome": outcome,
        "score": None,
        "size": min(message.size, MOST_BYTES) if message.size else message.size,
        "client_ip": columns.ip(message.ip),
        "client_name": columns.text(message.name, 253),
        "sender_local": local,
        "sender_domain": domain,
        "rcpt": columns.text(row.rcpt, 320),
        "final_rcpt": columns.text(row.final, 320),
        "message_id": columns.optional(message.message_id, 250),
        "reply": columns.optional(row.reply, 255),
        "queue_id": columns.optional(message.queue_id, 32),
        "source_id": row.source,
    }


def _outcome(row: Arrived, message: Message) -> Accepted | None:
    """What became of a mail for its recipient; None where that is not known yet, or another row tells it."""
    if row.hop or row.discarded or row.fate in (Fate.queued, Fate.deferred):
        return None
    late = [each for each in message.stops if each.stage == Stage.after_acceptance]
    mine = [each.outcome for each in late if each.rcpt in (row.rcpt, row.final)]
    if any(each in _GONE for each in mine):
        return None
    if row.fate == Fate.bounced:
        return None if Outcome.refused in mine else Accepted.bounced
    if message.junked:
        return Accepted.junk
    return Accepted.forwarded if row.outward else Accepted.inbox


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
