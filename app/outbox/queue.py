"""The queue over SQL: every change of a mail is a compare-and-set on its state, owner and fence.

A courier claims a mail for a time and raises its fence; whoever claims it next raises it again, so that a courier that
was asleep cannot write any more. Two statements never share a transaction: nothing is read that an update relies on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Engine, Row, case, delete, func, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.outbox.errors import ClaimLost, OutboxAway
from app.outbox.mail import ENDED, TOLD, Letter, Mail, Place, Refusal, State
from app.outbox.tables import OutboxRow

_TABLE: Any = OutboxRow.__table__
_C: Any = _TABLE.c
_CANDIDATES = 10  # of one look: couriers of several nodes look at once, and each takes the first that is still free
_REPLY_LIMIT = 4000
_QUIET = (State.DONE, State.CANCELLED)  # shown only where there is something to be told


@contextmanager
def _asking() -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        raise OutboxAway("all connections to the database are in use") from error
    except DBAPIError as error:
        raise OutboxAway(str(error.orig).strip().partition("\n")[0]) from error


def put(
    engine: Engine, mail_id: str, account_id: str, account: str, letter: Letter, *,
    due: int, now: int, credential: bytes | None = None,
) -> bool:  # fmt: skip
    """Puts a mail in, to be sent at `due`. False where it is in already, on its way or sent: then nothing is changed.

    One that was cancelled or refused before is replaced. Raises OutboxAway.
    """
    values = {
        "account_id": account_id, "state": State.QUEUED, "due": due, "until": due, "owner": None, "tries": 0,
        "reason": "", "last_reply": None, "refusals": None, "message_id": letter.message_id, "size": letter.size,
        "sha256": letter.sha256, "letter": letter.to_json(), "account": account, "credential": credential,
        "created": now, "changed": now,
    }  # fmt: skip
    with _asking():
        try:
            with engine.begin() as connection:
                connection.execute(insert(_TABLE).values(outbox_id=mail_id, fence=0, **values))
            return True
        except IntegrityError:
            again = _C.state.in_((State.CANCELLED, State.REFUSED))
            return _set(engine, (_C.outbox_id == mail_id, _C.account_id == account_id, again), values)


def claim(engine: Engine, owner: str, now: int, *, seconds: float) -> Mail | None:
    """The mail that has waited longest for somebody to look at it, now this owner's for so long; None where none waits.

    Its state tells what is left to do: a QUEUED one becomes CLAIMED, another one stays as its former owner left it.
    """
    until = now + round(seconds * 1000)
    with _asking():
        waiting = select(_TABLE).where(_C.until <= now).order_by(_C.until).limit(_CANDIDATES)
        with engine.connect() as connection:
            rows = connection.execute(waiting).all()
        for row in rows:
            state = State.CLAIMED if row.state == State.QUEUED else State(row.state)
            same = (_C.outbox_id == row.outbox_id, _C.state == row.state, _C.fence == row.fence, _C.until == row.until)
            changes = {"state": state, "owner": owner, "fence": row.fence + 1, "until": until, "changed": now}
            if _set(engine, same, changes):
                return replace(_mail(row), state=state, owner=owner, fence=row.fence + 1, until=until)
    return None


def renew(engine: Engine, mail: Mail, *, until: int) -> None:
    """Keeps a claim. Raises ClaimLost, OutboxAway."""
    with _asking():
        if not _set(engine, _own(mail), {"until": until}):
            raise ClaimLost(mail.id)


def step(
    engine: Engine, mail: Mail, state: State, *,
    now: int, reason: str = "", reply: str | None = None, refusals: Sequence[Refusal] = (),
) -> Mail:  # fmt: skip
    """Writes down how far the owner has come; an end takes the credential away. Raises ClaimLost, OutboxAway."""
    changes: dict[str, Any] = {"state": state, "changed": now, "reason": reason}
    if reply is not None:
        changes["last_reply"] = reply[:_REPLY_LIMIT]
    if refusals:
        changes["refusals"] = json.dumps([asdict(each) for each in refusals])
    if state in (*ENDED, State.UNKNOWN):
        changes |= {"until": None, "owner": None, "credential": None}
    with _asking():
        if not _set(engine, _own(mail), changes):
            raise ClaimLost(mail.id)
    return replace(mail, state=state, reason=reason, last_reply=mail.last_reply if reply is None else reply)


def put_back(
    engine: Engine, mail: Mail, state: State, *,
    now: int, at: int | None, reason: str, reply: str | None = None, credential: bytes | None = None,
) -> None:  # fmt: skip
    """Gives a mail back to be looked at later; with `at` None only when its owner says so, or `revive` is called.

    QUEUED, which undo may end, only where the owner is certain that nothing was sent. `credential`: takes the place of
    the row's. Raises ClaimLost, OutboxAway.
    """
    changes: dict[str, Any] = {"state": state, "until": at, "owner": None, "reason": reason, "changed": now}
    changes["tries"] = mail.tries + 1
    if credential is not None:
        changes["credential"] = credential
    if reply is not None:
        changes["last_reply"] = reply[:_REPLY_LIMIT]
    with _asking():
        if not _set(engine, _own(mail), changes):
            raise ClaimLost(mail.id)


def known_accepted(engine: Engine, mail: Mail, *, now: int, reply: str) -> bool:
    """The server's 250, from a courier that has lost its claim meanwhile: the truth, whoever tells it.

    Only from IN_DATA or UNKNOWN; the filing is left to whoever claims it next. Raises OutboxAway.
    """
    doubtful = _C.state.in_((State.IN_DATA, State.UNKNOWN))
    changes = {"state": State.ACCEPTED, "until": now, "owner": None, "fence": _C.fence + 1, "reason": "",
               "last_reply": reply[:_REPLY_LIMIT], "changed": now}  # fmt: skip
    with _asking():
        return _set(engine, (_C.outbox_id == mail.id, doubtful), changes)


# -- what the account's owner does -------------------------------------------------------------------------------------


def undo(
    engine: Engine, account_id: str, mail_id: str, *, now: int, state: State = State.QUEUED
) -> Mail | None:  # fmt: skip
    """Takes a mail out that nobody has begun to send, or a REFUSED one; also one that was taken out before, as SQL may
    have done so and not been heard. None where it is in another state, or not theirs. Raises OutboxAway."""
    if state not in (State.QUEUED, State.REFUSED):
        raise ValueError("not to be taken out")
    theirs = (_C.outbox_id == mail_id, _C.account_id == account_id, _C.state == state)
    changes = {"state": State.CANCELLED, "until": None, "credential": None, "reason": "undone", "changed": now}
    with _asking():
        _set(engine, theirs, changes)
    mail = one(engine, account_id, mail_id)
    return mail if mail and (mail.state, mail.reason) == (State.CANCELLED, "undone") else None


def decide(
    engine: Engine, account_id: str, mail_id: str, state: State, *, now: int, credential: bytes | None = None
) -> bool:
    """What the owner says of an UNKNOWN one: QUEUED sends it again, ACCEPTED files it, CANCELLED leaves the draft.

    False where it is not theirs or not UNKNOWN any more. Raises OutboxAway.
    """
    if state not in (State.QUEUED, State.ACCEPTED, State.CANCELLED):
        raise ValueError("not a decision")
    theirs = (_C.outbox_id == mail_id, _C.account_id == account_id, _C.state == State.UNKNOWN)
    until = None if state == State.CANCELLED else now
    changes = {"state": state, "until": until, "credential": credential, "reason": "decided", "changed": now}
    with _asking():
        return _set(engine, theirs, {**changes, "tries": 0, "fence": _C.fence + 1})


def reschedule(
    engine: Engine, account_id: str, mail_id: str, *, due: int, now: int, credential: bytes | None = None
) -> bool:
    """Another time for a mail that waits, whose tries begin anew; False where somebody has it in hand by now, or it is
    not theirs. Raises OutboxAway."""
    theirs = (_C.outbox_id == mail_id, _C.account_id == account_id, _C.state == State.QUEUED)
    reason = case((_C.reason == "decided", "decided"), else_="")  # then Sent is still searched first
    changes = {"due": due, "until": due, "tries": 0, "reason": reason, "last_reply": None, "changed": now}
    with _asking():
        return _set(engine, theirs, {**changes, "credential": credential})


def to_others(engine: Engine, mail: Mail, *, now: int, credential: bytes | None = None) -> bool:
    """The owner wants a mail sent, some recipients of which were refused, to those who were not: once. OutboxAway."""
    same = (_C.outbox_id == mail.id, _C.account_id == mail.account_id, _C.sha256 == mail.letter.sha256)
    refused = (_C.state == State.REFUSED, _C.reason == "recipients")
    letter = replace(mail.letter, partial=True).to_json()
    changes = {"state": State.QUEUED, "letter": letter, "due": now, "until": now, "tries": 0, "reason": ""}
    with _asking():
        return _set(engine, (*same, *refused), {**changes, "credential": credential, "changed": now})


def of_account(engine: Engine, account_id: str, *, limit: int = 100) -> tuple[Mail, ...]:
    """The account's mails that are on their way or need their owner, the newest first. Raises OutboxAway."""
    shown = _C.state.not_in(_QUIET) | _C.reason.in_(TOLD)
    wanted = select(_TABLE).where(_C.account_id == account_id, shown).order_by(_C.created.desc(), _C.outbox_id)
    with _asking(), engine.connect() as connection:
        return tuple(_mail(row) for row in connection.execute(wanted.limit(limit)))


def standing(engine: Engine, account_id: str, *, tries: int) -> tuple[int, int, int]:
    """How many of an account's mails wait to be sent, how many are not sent and need their owner (refused, cancelled,
    of unknown outcome, parked, or tried so often already), and of how many others there is something to be told.

    Raises OutboxAway.
    """
    waits = _C.state.in_((State.QUEUED, State.CLAIMED))
    stuck = waits & (_C.until.is_(None) | (_C.tries >= tries))
    cancelled = (_C.state == State.CANCELLED) & _C.reason.in_(TOLD)
    stopped = _C.state.in_((State.REFUSED, State.UNKNOWN)) | stuck | cancelled
    told = (_C.state == State.DONE) & _C.reason.in_(TOLD)
    sums = (func.sum(case((condition, 1), else_=0)) for condition in (waits, stopped, told))
    with _asking(), engine.connect() as connection:
        row = connection.execute(select(*sums).where(_C.account_id == account_id)).one()
    return int(row[0] or 0), int(row[1] or 0), int(row[2] or 0)


def read(engine: Engine, account_id: str, mail_id: str) -> bool:
    """The owner has read what there was to be told of a mail that has ended. Raises OutboxAway."""
    theirs = (_C.outbox_id == mail_id, _C.account_id == account_id, _C.state.in_(_QUIET), _C.reason.in_(TOLD))
    with _asking():
        return _set(engine, theirs, {"reason": "read"})


def places(engine: Engine, account_id: str) -> frozenset[Place]:
    """Where the final bytes lie of an account's mails that are not done with. Raises OutboxAway."""
    theirs = select(_C.letter).where(_C.account_id == account_id, _C.state != State.DONE)
    with _asking(), engine.connect() as connection:
        return frozenset(Letter.from_json(letter).place for letter in connection.execute(theirs).scalars())


def one(engine: Engine, account_id: str, mail_id: str) -> Mail | None:
    """A mail of the account, by its id. Raises OutboxAway."""
    with _asking(), engine.connect() as connection:
        row = connection.execute(
            select(_TABLE).where(_C.outbox_id == mail_id, _C.account_id == account_id)
        ).one_or_none()
    return None if row is None else _mail(row)


def wipe_credentials(engine: Engine, account_id: str, *, now: int) -> int:
    """Takes the credentials of all of an account's mails away; returns how many there were. Raises OutboxAway."""
    with _asking(), engine.begin() as connection:
        theirs = update(_TABLE).where(_C.account_id == account_id, _C.credential.is_not(None))
        return int(connection.execute(theirs.values(credential=None, changed=now)).rowcount)


def revive(engine: Engine, account_id: str, *, now: int) -> tuple[str, ...]:
    """Ids of the account's mails that are sent but not filed for want of a credential; they are looked at again now.

    Call it with a fresh credential at hand. Raises OutboxAway.
    """
    waiting = (_C.account_id == account_id, _C.until.is_(None), _C.state.in_((State.ACCEPTED, State.FILED)))
    with _asking():
        with engine.connect() as connection:
            found = tuple(connection.execute(select(_C.outbox_id).where(*waiting)).scalars())
        if found:
            _set(engine, waiting, {"until": now})
    return found


# -- the whole ---------------------------------------------------------------------------------------------------------


def next_look(engine: Engine) -> int | None:
    """When the next mail has to be looked at; None where none waits. Raises OutboxAway."""
    with _asking(), engine.connect() as connection:
        found: int | None = connection.scalar(select(func.min(_C.until)))
        return found


def forget(engine: Engine, *, before: int) -> int:
    """Deletes mails that ended before a time; returns how many. Raises OutboxAway."""
    with _asking(), engine.begin() as connection:
        old = delete(_TABLE).where(_C.until.is_(None), _C.state.in_(ENDED), _C.changed < before)
        return int(connection.execute(old).rowcount)


def counts(engine: Engine, *, now: int) -> dict[str, int]:
    """How many mails are in each state, and under "late" how many wait longer than five minutes. Raises OutboxAway."""
    late = func.sum(case((_C.until < now - 300_000, 1), else_=0))
    with _asking(), engine.connect() as connection:
        rows = connection.execute(select(_C.state, func.count(), late).group_by(_C.state)).all()
    return {**{state: int(number) for state, number, _ in rows}, "late": sum(int(each) for *_, each in rows)}


def _own(mail: Mail) -> tuple[Any, ...]:
    """Not the state: where SQL fell silent in the middle of a step, its owner does not know which one is written."""
    return _C.outbox_id == mail.id, _C.owner == mail.owner, _C.fence == mail.fence


def _set(engine: Engine, where: Sequence[Any], values: dict[str, Any]) -> bool:
    with engine.begin() as connection:
        return bool(connection.execute(update(_TABLE).where(*where).values(values)).rowcount)


def _mail(row: Row[Any]) -> Mail:
    return Mail(
        id=row.outbox_id, account_id=row.account_id, account=row.account, letter=Letter.from_json(row.letter),
        state=State(row.state), due=row.due, until=row.until, owner=row.owner, fence=row.fence, tries=row.tries,
        reason=row.reason, last_reply=row.last_reply or "",
        refusals=tuple(Refusal(**each) for each in json.loads(row.refusals or "[]")),
        credential=row.credential, created=row.created, changed=row.changed,
    )  # fmt: skip
