"""A log as Postfix, Rspamd and amavis write it: of the mail that the demo's accounts never got to see, and of some that
they did. The demo's follower reads it, so that the block log has something to tell from the first minute on.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

DAYS = 12
Lines = Iterator[tuple[datetime, str, str]]


@dataclass(frozen=True)
class Client:
    """A server that brings mail. An empty `name`: it has no reverse name."""

    ip: str
    name: str
    helo: str

    @property
    def shown(self) -> str:
        """As Postfix names it."""
        return f"{self.name or 'unknown'}[{self.ip}]"


SPAMMER = Client("198.51.100.66", "", "friend")
DIALUP = Client("198.51.100.201", "pool-201.dynamic.example", "pool-201.dynamic.example")
SHOP = Client("203.0.113.25", "mail.shop.example", "mail.shop.example")
LIST = Client("203.0.113.40", "lists.university.example", "lists.university.example")
SCHOOL = Client("203.0.113.77", "mx.school.example", "mx.school.example")
FORGER = Client("198.51.100.9", "vps9.hosting.example", "vps9.hosting.example")
PARTNER = Client("2001:db8:7::25", "smtp.partner.example", "smtp.partner.example")

# Refused at RCPT: who came, as whom, and what they were told.
AT_RCPT = (
    (
        SPAMMER,
        "prize@win.example",
        "554 5.7.1 Service unavailable; Client host [198.51.100.66] blocked using zen.spamhaus.org; "
        "https://www.spamhaus.org/query/ip/198.51.100.66",
    ),
    (DIALUP, "bills@energy.example", "554 5.7.1 <{client}>: Client host rejected: cannot find your reverse hostname"),
    (
        FORGER,
        "security@bank.example",
        "550 5.7.23 <{to}>: Recipient address rejected: Message rejected due to: SPF fail - not authorized",
    ),
    (SPAMMER, "a@b.invalid", "450 4.1.8 <{from}>: Sender address rejected: Domain not found"),
    (SPAMMER, "offers@cheap.example", "504 5.5.2 <friend>: Helo command rejected: need fully-qualified hostname"),
    (SCHOOL, "photos@school.example", "552 5.3.4 <{to}>: Recipient address rejected: message size exceeds size limit"),
    (SHOP, "news@shop.example", "550 5.7.1 <{to}>: Recipient address rejected: sender denied by the recipient"),
)
# Refused after DATA: the same, and the subject.
AFTER_DATA = (
    (SPAMMER, "deal@pills.example", "5.7.1 Spam message rejected", "Cheap pills, no questions", 21.4),
    (FORGER, "billing@bank.example", "5.7.1 rejected by DMARC policy for bank.example", "Your account is closed", 8.1),
    (SHOP, "invoice@shop.example", "5.7.1 Blocked by ClamAV - FOUND VIRUS: Win.Test.EICAR_HDB-1", "Invoice 4711", 3.0),
)
GOOD = (
    (LIST, "seminar@university.example", "Minutes of the seminar"),
    (SHOP, "orders@shop.example", "Your order is on its way"),
    (PARTNER, "karin@partner.example", "Re: the offer"),
    (SCHOOL, "office@school.example", "Next week's timetable"),
)


class History:
    """Some days of mail for a few addresses; the same for the same `now` and addresses."""

    def __init__(self, addresses: Sequence[str], now: datetime) -> None:
        self.addresses, self.now = addresses, now
        self.chance = random.Random(4711)
        self.count = 0

    def lines(self) -> list[tuple[datetime, str, str]]:
        """All lines in the order of their times: when, by which program, what."""
        found: list[tuple[datetime, str, str]] = []
        for day in range(DAYS, 0, -1):
            for to in self.addresses:
                begin = self.now - timedelta(days=day)
                for _ in range(self.chance.randint(5, 9)):
                    at = begin + timedelta(minutes=self.chance.randint(0, 23 * 60), seconds=self.chance.randint(0, 59))
                    if at + timedelta(hours=1) < self.now:
                        found += self._one(at, to)
        return sorted(found, key=lambda each: each[0])

    def _one(self, at: datetime, to: str) -> Lines:
        kind = self.chance.choices(
            [self.refused, self.spam, self.greylisted, self.banned, self.full, self.arrived], [5, 3, 2, 0.5, 0.2, 4]
        )[0]
        return kind(at, to)

    def refused(self, at: datetime, to: str) -> Lines:
        """At RCPT."""
        client, sender, reply = self.chance.choice(AT_RCPT)
        text = reply.format(client=client.ip, to=to, **{"from": sender})
        yield at, "postfix/smtpd", f"NOQUEUE: reject: RCPT from {client.shown}: {text}; {_tail(client, sender, to)}"

    def spam(self, at: datetime, to: str) -> Lines:
        """By Rspamd, after DATA; now and then to all addresses at once."""
        client, sender, reply, subject, score = self.chance.choice(AFTER_DATA)
        number = self._number()
        everybody = [to] if self.chance.random() < 0.8 else list(self.addresses)
        yield at, "postfix/smtpd", f"{number}: client={client.shown}"
        for each in everybody:
            yield (
                at,
                "postfix/smtpd",
                (f"{number}: info: RCPT from {client.shown}: rcpt accepted; {_tail(client, sender, each)}"),
            )
        yield at, "postfix/cleanup", _subject(number, subject, client, sender, everybody[-1])
        yield (
            at,
            "rspamd",
            (
                f"<{number[:6].lower()}>; task; rspamd_task_write_log: id: <{number}@{sender.partition('@')[2]}>, "
                f"qid: <{number}>, ip: {client.ip}, from: <{sender}>, (default: T (reject): [{score:.2f}/15.00] "
                f"[BAYES_SPAM(5.10){{99.9%;}},R_SPF_SOFTFAIL(1.00){{}}]), len: 2345, time: 15.300ms, "
                f"rcpts: <{','.join(everybody)}>"
            ),
        )
        yield (
            at,
            "postfix/cleanup",
            (
                f"{number}: milter-reject: END-OF-MESSAGE from {client.shown}: {reply}; "
                f"{_tail(client, sender, everybody[-1])}"
            ),
        )

    def greylisted(self, at: datetime, to: str) -> Lines:
        """Asked to come again; who is no spammer does."""
        client, sender, subject = self.chance.choice(GOOD)
        if self.chance.random() < 0.4:
            client, sender = SPAMMER, f"n{self.chance.randint(100, 999)}@offers.example"
        yield (
            at,
            "postfix/smtpd",
            (
                f"NOQUEUE: reject: RCPT from {client.shown}: 450 4.2.0 <{to}>: Recipient address rejected: Greylisted, "
                f"see http://postgrey.schweikert.ch/help/{to.partition('@')[2]}.html; {_tail(client, sender, to)}"
            ),
        )
        if client is not SPAMMER:
            yield from self._delivered(at + timedelta(minutes=self.chance.randint(6, 40)), to, client, sender, subject)

    def banned(self, at: datetime, to: str) -> Lines:
        """Kept by amavis after it was accepted."""
        number, mail_id = self._number(), f"m{self.chance.randrange(16**10):010x}Q"
        yield (
            at,
            "amavis",
            (
                f"(01234-05) Blocked BANNED (.exe,invoice.exe) {{DiscardedInbound,Quarantined}}, [{SHOP.ip}]:4711 "
                f"[{SHOP.ip}] <parts@shop.example> -> <{to}>, quarantine: {mail_id}, Queue-ID: {number}, "
                f"Message-ID: <{number}@shop.example>, mail_id: {mail_id}, Hits: -, size: 323341, "
                f'Subject: "The drawings", 812 ms'
            ),
        )

    def full(self, at: datetime, to: str) -> Lines:
        """The mailbox had no room."""
        number = self._number()
        reply = f"host 127.0.0.1[127.0.0.1] said: 552 5.2.2 <{to}> Quota exceeded (mailbox for user is full)"
        yield from self._begun(at, number, to, SCHOOL, "office@school.example")
        yield (
            at,
            "postfix/lmtp",
            (
                f"{number}: to=<{to}>, relay=127.0.0.1[127.0.0.1]:24, delay=0.3, delays=0.1/0/0/0.2, dsn=5.2.2, "
                f"status=bounced ({reply} (in reply to end of DATA command))"
            ),
        )
        yield at, "postfix/qmgr", f"{number}: removed"

    def arrived(self, at: datetime, to: str) -> Lines:
        """Nothing in its way."""
        client, sender, subject = self.chance.choice(GOOD)
        yield from self._delivered(at, to, client, sender, subject)

    def _delivered(self, at: datetime, to: str, client: Client, sender: str, subject: str) -> Lines:
        number = self._number()
        yield from self._begun(at, number, to, client, sender)
        yield at, "postfix/cleanup", _subject(number, subject, client, sender, to)
        yield (
            at,
            "postfix/lmtp",
            (
                f"{number}: to=<{to}>, relay=127.0.0.1[127.0.0.1]:24, delay=0.3, delays=0.1/0/0/0.2, dsn=2.0.0, "
                f"status=sent (250 2.0.0 <{to}> {number} Saved)"
            ),
        )
        yield at, "postfix/qmgr", f"{number}: removed"

    def _begun(self, at: datetime, number: str, to: str, client: Client, sender: str) -> Lines:
        yield at, "postfix/smtpd", f"{number}: client={client.shown}"
        yield (
            at,
            "postfix/smtpd",
            f"{number}: info: RCPT from {client.shown}: rcpt accepted; {_tail(client, sender, to)}",
        )
        yield at, "postfix/cleanup", f"{number}: message-id=<{number}@{sender.partition('@')[2]}>"
        yield (
            at,
            "postfix/qmgr",
            f"{number}: from=<{sender}>, size={self.chance.randint(900, 90000)}, nrcpt=1 (queue active)",
        )

    def _number(self) -> str:
        self.count += 1
        return f"{0x4D0000000 + self.count * 0x1357:X}"


def _tail(client: Client, sender: str, to: str) -> str:
    return f"from=<{sender}> to=<{to}> proto=ESMTP helo=<{client.helo}>"


def _subject(number: str, subject: str, client: Client, sender: str, to: str) -> str:
    return f"{number}: info: header Subject: {subject} from {client.shown}; {_tail(client, sender, to)}: seen"
