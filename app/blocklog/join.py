"""Puts together what several lines, of several logs, tell of one message.

Most refusals stand in one line, which is a row per recipient. The others need their message: Postfix names one
recipient of a mail refused after DATA and Exim none, Rspamd and amavis tell the score and all recipients in lines of
their own, postgrey tells again what smtpd told, a mail that passes a content filter has two queue ids.

- A message is known by node, instance of the program, and queue id. Short ids are used again within seconds: "removed",
  or a new client, ends one. An entry lives for a minute after its end, five after a refusal, else an hour; five days
  if a delivery is deferred, so that a bounce of tomorrow is told to who sent it. They are bounded in number, too.
- A refusal after DATA is one of all recipients: those that it names, those told before, those that its partner names.
- What is told twice is merged: of the same message by recipient; without a message by client, sender and recipient
  within two seconds, if it comes from another log or program. Two tries of one client within a second stay two.
- A reply with its code is the better text; the filter's line knows policy, score and recipients better.
- A hop is followed only to a relay inside (loopback, private, or named as ours), and to a message of the same sender:
  the reply with "queued as" comes from whoever answers, and must not lead to another's mail.

Rows wait for two seconds (settle.py), so that they are mostly written once; what comes later changes them. No clock but
that of the lines decides what a row says: the same lines make the same rows, however often the follower was killed.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from app.blocklog import columns
from app.blocklog.classify import recognise
from app.blocklog.codes import Fate, Outcome, Policy, Stage
from app.blocklog.event import (
    Allowed,
    Delivery,
    Ended,
    Event,
    GreylistPassed,
    Learnt,
    Odd,
    Peer,
    Refused,
    Screened,
    SignedIn,
    Told,
    Visit,
)
from app.blocklog.hops import PIPED, Hops
from app.blocklog.merge import AFTER_DATA, copy, loose_key, merge, near, stopped, sure
from app.blocklog.message import MOST_RECIPIENTS, Arrived, Message, Stopped, further
from app.blocklog.pretence import Ours, noted
from app.blocklog.tally import Tally
from app.blocklog.underway import REFUSED

MOST_ROWS = 1000  # of one message
AGAIN = 2.0  # seconds in which two logs tell the same
NO_QUEUE = ("", "NOQUEUE", None)
UNCLASSED = "a reply of no known class"

Classify = Callable[..., tuple[Policy, str | None]]
_RETOLD = (
    *("at", "last", "source", "final", "fate", "relay", "dsn", "reply"),
    *("next_id", "local", "discarded", "outward"),
)


class Join(Hops):
    """The messages under way in some logs that are read together. `own` are names and addresses of our servers."""

    def __init__(self, classify: Classify, own: Iterable[str] = (), state: dict[str, Any] | None = None) -> None:
        self.classify = classify
        super().__init__(own, state)
        self.ours = Ours(self.own)
        self.tally = Tally()
        self._takes: dict[type, Callable[[Any, int, str], None]] = {
            Refused: self._refused,
            Told: self._told,
            Delivery: self._delivery,
            Ended: self._ended,
            GreylistPassed: lambda event, *_: self.tally.passed.append(event),
            Visit: lambda event, *_: self.tally.visit(event),
            Screened: self._screened,
            Allowed: lambda event, *_: self.tally.rules.update([event.rule]),
            SignedIn: lambda event, _, node: self._signed_in(event, node),
            Learnt: lambda event, source, node: self.tally.lessons.append((node, source, event)),
            Odd: lambda event, source, _: self.tally.unread(source, event.why, event.text, self.clock),
        }

    def take(self, event: Event, source: int, node: str) -> None:
        """One more thing that a log tells."""
        self._takes[type(event)](event, source, node)

    def _met(self, peer: Peer, at: datetime) -> None:
        """A client, as a line shows it."""
        if name := self.ours.pretended(peer):
            noted(self.tally.pretences, columns.ip(peer.ip), name, at)

    def _signed_in(self, event: SignedIn, node: str) -> None:
        """A use by somebody's own program: what comes from ours is the web, which says so itself."""
        if event.ip not in self.own:
            self.tally.signed_in(event, node)

    def _told(self, event: Told, source: int, node: str) -> None:
        at = event.at.timestamp()
        if event.peer:
            self._met(event.peer, event.at)
        if event.queue_id in NO_QUEUE:
            self._told_early(event, node, at)
            return
        opens = event.peer is not None and event.recipient is None
        known = self.messages.get((node, event.instance.partition("/")[0], event.queue_id))
        ended = known is not None and known.ended
        message = self.message(node, event.instance, event.queue_id, at, fresh=opens or ended)
        if opens:
            message.opened = True
            early = self.early.pop((node, event.instance, event.pid or 0), None)
            if early and event.peer and early[1] in ("", event.peer.ip) and at - early[0] <= REFUSED:
                for each in early[2]:
                    message.add(each)
                    message.told = True
        self._learn(message, event)
        if event.message_id:
            self.name(message)
            self.handed_back(message)
        if event.recipient:
            rcpt = event.recipient.lower()
            message.add(rcpt)
            message.told = True
            if message.user:
                self._arrive(message, Arrived(at, source, rcpt, rcpt, Fate.queued))

    def _told_early(self, event: Told, node: str, at: float) -> None:
        """A recipient, before its message has an id: the next message of the same process has it."""
        if event.pid is None or not event.recipient:
            return
        place, ip = (node, event.instance, event.pid), event.peer.ip if event.peer else ""
        if place not in self.early or self.early[place][1] != ip or at - self.early[place][0] > REFUSED:
            self.early[place] = [at, ip, []]
        if len(self.early[place][2]) < MOST_RECIPIENTS:
            self.early[place][2].append(event.recipient.lower())

    def _refused(self, event: Refused, source: int, node: str) -> None:
        self._met(event.peer, event.at)
        policy, detail = event.policy, event.detail
        if policy is None:
            policy, guessed = self.classify(event.text, code=event.code, dsn=event.dsn, stage=event.stage)
            detail = detail or guessed
            fallen = policy in (Policy.other, Policy.internal, Policy.client)
            if fallen and recognise(event.text, code=event.code, dsn=event.dsn) is None:
                self.tally.unread(source, UNCLASSED, event.text, self.clock)
        at = event.at.timestamp()
        if policy is Policy.rbl and event.peer.ip:
            self.tally.listed(event.peer.ip, at, detail)
        stop = stopped(event, source, policy, detail)
        named = tuple(dict.fromkeys(each.lower() for each in event.recipients))
        if event.stage is Stage.rcpt and event.outcome in (Outcome.refused, Outcome.delayed):
            self.take_back(node, event, named)
        if event.partner not in NO_QUEUE:
            self._of_message(self.partner(node, str(event.partner), at), event, stop, named)
        elif event.queue_id not in NO_QUEUE:
            self._of_message(self.message(node, event.instance, str(event.queue_id), at), event, stop, named)
        else:
            for rcpt in named or ("",):
                self._loosely(copy(stop, rcpt, named=bool(rcpt)))

    def _screened(self, event: Screened, source: int, node: str) -> None:
        if refused := self.screening.take(event, node):
            self._refused(refused, source, node)

    def _loosely(self, stop: Stopped) -> None:
        """A refusal without a message: the same as another log's of the same moment, or one more."""
        known = self.loose.setdefault(loose_key(stop), [])
        for each in near(known, stop.at):
            if abs(each.at - stop.at) <= AGAIN and stop.kinds[0] not in each.kinds:
                merge(each, stop)
                self.wait(each)
                return
        known.append(stop)
        self.wait(stop)

    def _of_message(self, message: Message, event: Refused, stop: Stopped, named: tuple[str, ...]) -> None:
        self._learn(message, event)
        if event.stage not in AFTER_DATA:
            for rcpt in named or ("",):
                self._of_command(message, copy(stop, rcpt, named=bool(rcpt)))
            return
        message.whole = message.whole or (event.whole and bool(named))
        message.junked = message.junked or event.outcome is Outcome.junked
        if event.partner and message.told and event.stage is not Stage.after_acceptance:
            # The mail server's own lines name the recipients with the quotes of their local parts; Rspamd's do not.
            named = tuple(each for each in named if each in message.recipients)
        for rcpt in named:
            message.add(rcpt)
        some = bool(named) and event.stage is Stage.after_acceptance
        self._of_all(message, stop, named, named if some else tuple(message.recipients))
        for each in message.stops:
            if each.stage >= Stage.data and each.rcpt and each.known != sure(message, each):
                each.known = sure(message, each)
                self.wait(each)
        for arrival in message.arrivals:
            self.wait(arrival)

    def _of_all(self, message: Message, stop: Stopped, named: tuple[str, ...], recipients: tuple[str, ...]) -> None:
        """A refusal of the whole message: one row for each of its recipients, or one for nobody."""
        told = {each.rcpt: each for each in message.stops if each.stage >= Stage.data}
        blank = told.pop("", None)
        known = blank or next(iter(told.values()), None)
        for rcpt in recipients or tuple(told) or ("",):
            if rcpt not in told and blank is not None:
                told[rcpt], blank.rcpt, blank = blank, rcpt, None
            if rcpt in told:
                merge(told[rcpt], stop)
                told[rcpt].named = told[rcpt].named or rcpt in named
                self.wait(told[rcpt])
            else:
                another = copy(known or stop, rcpt, named=rcpt in named)
                merge(another, stop)
                self._add(message, another)

    def _of_command(self, message: Message, stop: Stopped) -> None:
        """A recipient refused by itself, though the message had others already."""
        for each in message.stops:
            same = each.rcpt == stop.rcpt and each.stage == stop.stage and abs(each.at - stop.at) <= AGAIN
            if same and stop.kinds[0] not in each.kinds:
                merge(each, stop)
                self.wait(each)
                return
        self._add(message, stop)

    def _add(self, message: Message, stop: Stopped) -> None:
        if len(message.stops) < MOST_ROWS:
            stop.message = message
            message.stops.append(stop)
            self.wait(stop)
            self._wait_again(message, stop)

    def _wait_again(self, message: Message, stop: Stopped) -> None:
        """What was thrown away after it was accepted is no arrival: its row is looked at once more."""
        if stop.stage == Stage.after_acceptance:
            for each in message.arrivals:
                if stop.rcpt in (each.rcpt, each.final):
                    self.wait(each)

    def _delivery(self, event: Delivery, source: int, node: str) -> None:
        at = event.at.timestamp()
        message = self.message(node, event.instance, event.queue_id, at)
        rcpt, final = (event.original or event.recipient).lower(), event.recipient.lower()
        arrival = Arrived(
            at,
            source,
            rcpt,
            final,
            event.fate,
            event.relay,
            event.dsn,
            event.reply,
            event.next_id,
            event.local,
            event.discarded,
        )
        self._arrive(message, arrival)
        if event.discarded and not self._adopt(message, arrival):
            found = self.classify(event.reply, code=None, dsn=None, stage=Stage.after_acceptance)
            self._thrown_away(message, arrival, Outcome.dropped, *found)
        elif event.fate in (Fate.deferred, Fate.bounced):
            found = self.classify(event.reply, code=None, dsn=event.dsn, stage=Stage.after_acceptance)
            if found[0] is Policy.quota:
                late = Outcome.delayed if event.fate is Fate.deferred else Outcome.refused
                self._thrown_away(message, arrival, late, *found)

    def _arrive(self, message: Message, arrival: Arrived) -> None:
        arrival.outward = bool(arrival.relay) and not arrival.local and not self.inside(arrival.relay)
        arrival.last = arrival.at
        for each in message.arrivals:
            if each.rcpt == arrival.rcpt and (each.final == arrival.final or each.fate == Fate.queued):
                if further(arrival) < further(each):
                    return
                again = each.fate in (arrival.fate, Fate.delivered)
                first = each.at if again else arrival.at  # told again, it is no later
                for name in _RETOLD:
                    setattr(each, name, getattr(arrival, name))
                each.at, each.awaits = first, False
                arrival = each
                break
        else:
            if len(message.arrivals) >= MOST_ROWS:
                return
            arrival.message = message
            message.arrivals.append(arrival)
        self.follow_hop(arrival)
        if arrival.message and arrival.reply.startswith(PIPED):
            self.handed_back(arrival.message)
        self.wait(arrival)

    def _thrown_away(
        self, message: Message, arrival: Arrived, outcome: Outcome, policy: Policy, detail: str | None
    ) -> None:
        """A mail that was accepted and then thrown away, or found no room, for one recipient."""
        for each in message.stops:
            if each.rcpt in (arrival.rcpt, arrival.final) and each.stage == Stage.after_acceptance:
                if each.weight < 0:
                    each.outcome, each.policy, each.detail, each.text = outcome, policy, detail, arrival.reply
                    self.wait(each)
                    self._wait_again(message, each)
                return
        stop = Stopped(
            arrival.at,
            arrival.source,
            arrival.rcpt,
            policy,
            outcome,
            Stage.after_acceptance,
            arrival.reply,
            weight=-1,
            dsn=arrival.dsn,
            detail=detail,
            queue_id=message.queue_id,
            ours=True,
        )
        self._add(message, stop)

    def _adopt(self, message: Message, arrival: Arrived) -> bool:
        """Takes over what a filter that knows no queue ids (clamsmtpd) said of a mail just before it took it."""
        for rcpt in (arrival.rcpt, arrival.final):
            told = self.loose.get(("", message.sender or "", rcpt), [])
            for each in told:
                if each.stage == Stage.after_acceptance and abs(each.at - arrival.at) <= AGAIN:
                    told.remove(each)
                    each.queue_id = message.queue_id
                    self._add(message, each)
                    return True
        return False

    def _ended(self, event: Ended, _source: int, node: str) -> None:
        key = (node, event.instance.partition("/")[0], event.queue_id)
        message = self.messages.get(key)
        if message is not None:
            message.ended = True

    def _learn(self, message: Message, event: Told | Refused) -> None:
        """Facts of an event that are not known yet; rows that were written without them are written again."""
        before = message.facts() if message.stops or message.arrivals else None
        if event.sender is not None:
            message.sender = event.sender.lower()
        if event.peer is not None and event.peer.ip and not message.ip:
            message.ip, message.name, message.helo = event.peer.ip, event.peer.name, event.peer.helo
        message.message_id = message.message_id or event.message_id
        message.subject = message.subject or event.subject
        if isinstance(event, Told):
            message.user = message.user or event.user
            message.size = event.size if event.size is not None else message.size
            message.count = event.count if event.count is not None else message.count
        if before is not None and message.facts() != before:
            self.tell_again(message)
