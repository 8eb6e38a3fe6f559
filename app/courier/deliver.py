"""Sends one mail: the same steps whether a courier does it under a row's claim or a request does it by itself.

    look ─> RCPT ─> body ─> ledger.in_data ─> final dot ─> ledger.accepted ─> Sent ─> ledger.filed ─> draft removed

What the ledger writes down at each step is what whoever comes next starts from. The bytes are compared while they are
streamed: where they are not those of the letter, the line is closed before the final dot, and nothing was sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from app.courier.filing import GONE, Changed, bring_back, copies, file, finish, look, sent_name
from app.mail import errors
from app.mail.part import Lease, slices
from app.mail.part import Place as Part
from app.mail.submission import Accepted, Submission, Unknown
from app.mail.submission import Refused as NotTaken
from app.outbox.mail import Letter, Refusal, State


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a mail stands when nobody works on it any more. `retry`: nothing was lost, a later try may go on."""

    state: State
    reason: str = ""
    reply: str = ""
    refusals: tuple[Refusal, ...] = ()
    retry: bool = False


class Ledger(Protocol):
    """Where each step is written down before the next one is made."""

    def in_data(self) -> None:
        """Before the final dot. Whatever it raises stops the mail: the dot is not sent."""

    def accepted(self, reply: str, refusals: Sequence[Refusal] = ()) -> None:
        """After the server's 250; `refusals`: who had been refused and does not get it."""

    def filed(self, reason: str) -> None:
        """After the copy lies in Sent; or, with a reason, after it was clear that none can."""


@dataclass(frozen=True, slots=True)
class Job:
    """One mail and the ways to its servers. `begun`: the state it was found in; `since`: when it was put in;
    `again`: it may have been sent before, so that Sent is searched first.
    """

    letter: Letter
    begun: State
    since: datetime
    lease: Lease
    submission: Callable[[], Submission]
    again: bool = False


def deliver(job: Job, ledger: Ledger) -> Outcome:
    """Goes on from where the mail stands, as far as it goes. Raises only what the ledger raises."""
    if job.begun in (State.ACCEPTED, State.FILED):
        return _filed(job, ledger, Outcome(job.begun))
    fresh = job.begun in (State.QUEUED, State.CLAIMED)
    try:
        outcome = _sent_by_now(job, ledger) if job.again or not fresh else None
        if outcome is None:
            outcome = _submitted(job, ledger) if fresh else Outcome(State.UNKNOWN, "died")
    except (errors.MailError, Changed) as error:
        outcome = judged(error)
        if fresh and isinstance(error, GONE) and (found := _sent_elsewhere(job, ledger)):
            job, outcome = replace(job, again=True), found
        if not fresh:  # it may have been sent: nothing that is learnt now makes that certain
            outcome = replace(outcome, state=State.IN_DATA if outcome.retry else State.UNKNOWN)
    if outcome.state == State.ACCEPTED:
        return _filed(job, ledger, outcome)
    _clear_up(job, outcome)
    return outcome


def _sent_by_now(job: Job, ledger: Ledger) -> Outcome | None:
    """ACCEPTED where Sent holds the mail already: nobody else puts one of its Message-ID there."""
    with job.lease() as client:
        if not copies(client, sent_name(client, job.letter), job.letter, since=job.since):
            return None
    ledger.accepted("")
    return Outcome(State.ACCEPTED)


def _sent_elsewhere(job: Job, ledger: Ledger) -> Outcome | None:
    """ACCEPTED where a request that could not reach SQL has sent the mail and moved its bytes into Sent."""
    try:
        return _sent_by_now(job, ledger)
    except errors.MailError:
        return None


def _submitted(job: Job, ledger: Ledger) -> Outcome:
    letter = job.letter
    with job.lease() as client:
        if look(client, letter).doubtful and not job.again:
            return Outcome(State.UNKNOWN, "died")
    with job.submission() as submission:
        refusals = submission.envelope(
            letter.sender, letter.recipients, size=letter.size, utf8=letter.utf8, notify=letter.notify
        )
        told = tuple(Refusal(each.address, each.code, each.enhanced, each.text) for each in refusals)
        if refusals and (not letter.partial or len(refusals) == len(letter.recipients)):
            worst = max(refusals, key=lambda each: each.permanent)
            words, later = f"{worst.code} {worst.enhanced} {worst.text}", not worst.permanent
            words = f"{worst.address}: {words}" if later else words  # refused ones have their words each
            return Outcome(State.QUEUED if later else State.REFUSED, "recipients", words, told, retry=later)
        reason = "no-dsn" if letter.notify and not submission.has("DSN") else ""
        submission.body(_compared(job))
        ledger.in_data()
        verdict = submission.finish()
        if isinstance(verdict, Accepted):
            ledger.accepted(verdict.text, told)
            return Outcome(State.ACCEPTED, reason, verdict.text, told)
    if isinstance(verdict, Unknown):
        return Outcome(State.UNKNOWN, "silence", verdict.text)
    assert isinstance(verdict, NotTaken)
    words = f"{verdict.code} {verdict.enhanced} {verdict.text}"
    later = not verdict.permanent
    return Outcome(State.QUEUED if later else State.REFUSED, "message", words, told, retry=later)


def _compared(job: Job) -> Iterator[bytes]:
    """The final bytes out of the mailbox; Changed at their end where they are others than those of the letter."""
    letter = job.letter
    place = Part(letter.place.mailbox, letter.place.uidvalidity, letter.place.uid)
    found = hashlib.sha256()
    for piece in slices(job.lease, place, "", expected=letter.size):
        found.update(piece)
        yield piece
    if found.hexdigest() != letter.sha256:
        raise Changed("another SHA-256")


def _filed(job: Job, ledger: Ledger, outcome: Outcome) -> Outcome:
    """From ACCEPTED to DONE. The mail is sent: whatever fails here is tried again and never sends it a second time."""
    try:
        with job.lease() as client:
            reason = ""
            if outcome.state == State.ACCEPTED:
                resumed = job.again or job.begun not in (State.QUEUED, State.CLAIMED)
                reason = file(client, job.letter, job.lease, since=job.since, resumed=resumed)
                ledger.filed(reason)
                outcome = replace(outcome, state=State.FILED, reason=reason or outcome.reason)
            finish(client, job.letter)
    except errors.MailError as error:
        return replace(outcome, reason=judged(error).reason, retry=True)
    return replace(outcome, state=State.DONE)


def _clear_up(job: Job, outcome: Outcome) -> None:
    """Where it is certain that nothing was sent and nothing will be, the draft is brought back, if that can be done."""
    changed = outcome.state == State.CANCELLED and outcome.reason == "changed"
    others = outcome.reason == "recipients" and len(outcome.refusals) < len(job.letter.recipients)  # may still get it
    if changed or (outcome.state == State.REFUSED and outcome.reason != "sign-in" and not others):
        # where it cannot, the page that shows the refusal does it
        with suppress(errors.MailError), job.lease() as client:
            bring_back(client, job.letter)


def judged(error: Exception) -> Outcome:
    """What an error before the final dot means for the mail. Also of those after the 250: only its reason counts there.

    Ends with REFUSED or CANCELLED where another try would end alike, else `retry`.
    """
    words = f"{getattr(error, 'code', '')} {error}".strip()
    if isinstance(error, Changed):
        return Outcome(State.CANCELLED, "changed", words)
    if isinstance(error, GONE):
        return Outcome(State.CANCELLED, "gone", words)
    if isinstance(error, errors.SignInRefused | errors.PasswordExpired | errors.NotAuthorized):
        return Outcome(State.REFUSED, "sign-in", words)
    if isinstance(error, errors.Declined):
        return Outcome(State.REFUSED if error.permanent else State.QUEUED, "message", words, retry=not error.permanent)
    if isinstance(error, errors.CannotDo | errors.BadArgument):
        return Outcome(State.REFUSED, "cannot", words)
    return Outcome(State.QUEUED, "untrusted" if isinstance(error, errors.Untrusted) else "away", words, retry=True)
