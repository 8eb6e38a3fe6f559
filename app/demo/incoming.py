"""The demo's border: an SMTP server without sign-in that takes mail for the demo's accounts, refuses some by rules that
anybody can try out, and writes down what it did as Postfix does. Now and then a stranger comes by.
"""

from __future__ import annotations

import smtplib
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes
from hashlib import sha256
from itertools import cycle

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from app.demo.follower import MailLog
from app.policy.senders import Decision

GREYLISTED = 10.0  # seconds that a new sender has to wait
PAUSE = 45.0  # between two strangers
LARGEST = 1_000_000
VIRUS, SPAM = b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE", b"GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL"

# What the rules are, as `make run` tells them.
RULES = """  from …@spam.example   on a block list         HELO without a dot   refused
  from …@bank.example   forged                  text with GTUBE      spam
  from …@….invalid      no such domain          text with EICAR      a virus
  from anybody new      delayed for 10 seconds
  In full: GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL, EICAR-STANDARD-ANTIVIRUS-TEST-FILE"""
STRANGERS = (
    ("friend", "prize@win.example", "You have won"),
    ("mta.spam.example", "deals@spam.example", "Cheap pills"),
    ("vps.hosting.example", "security@bank.example", "Confirm your password"),
    ("mail.nowhere.example", "a@nowhere.invalid", "Hello"),
    ("mail.travel.example", "offers@travel.example", "A weekend by the sea"),
)


@dataclass(frozen=True)
class Wishes:
    """What somebody set about their spam, as far as the border heeds it."""

    block_lists: bool = True
    delays: bool = True


class Border:
    """Listens on a loopback port. `deliver(address, message)` stores what was taken."""

    def __init__(
        self, port: int, addresses: frozenset[str], deliver: Callable[[str, bytes], None], log: MailLog
    ) -> None:
        self.addresses, self.deliver, self.log = addresses, deliver, log
        self.decide: Callable[[str, str, str], Decision] = lambda sender, ip, to: Decision()  # by people's rules
        self.wishes: Callable[[str], Wishes] = lambda to: Wishes()
        self.seen: dict[tuple[str, str], float] = {}
        self.count = int(time.time())
        self.ending = threading.Event()
        self.controller = Controller(self, hostname="127.0.0.1", port=port, decode_data=False, enable_SMTPUTF8=True)
        self.port = port

    def start(self) -> None:
        """Listen, and have visitors."""
        self.controller.start()
        threading.Thread(target=self._strangers, daemon=True).start()

    def stop(self) -> None:
        """Close."""
        self.ending.set()
        self.controller.stop()

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """What can be said before the text comes."""
        reply = self._refusal(session, envelope, address.lower())
        client, tail = _client(session), _tail(session, envelope, address)
        if reply is not None:
            self.log.say("postfix/smtpd", f"NOQUEUE: reject: RCPT from {client}: {reply}; {tail}")
            return reply
        envelope.rcpt_tos.append(address.lower())
        return "250 2.1.5 Ok"

    def _refusal(self, session: Session, envelope: Envelope, to: str) -> str | None:
        sender = (envelope.mail_from or "").lower()
        domain = sender.rpartition("@")[2]
        if to not in self.addresses:
            return f"550 5.1.1 <{to}>: Recipient address rejected: User unknown in virtual mailbox table"
        ruled = self.decide(sender, _ip(session), to)
        if ruled.action == "deny":
            return f"554 5.7.1 <{to}>: Recipient address rejected: Access denied"
        if ruled.action == "allow":
            return None
        if "." not in (session.host_name or ""):
            return f"504 5.5.2 <{session.host_name}>: Helo command rejected: need fully-qualified hostname"
        wishes = self.wishes(to)
        if wishes.block_lists and domain == "spam.example":
            return f"554 5.7.1 Service unavailable; Client host [{_ip(session)}] blocked using zen.spamhaus.org"
        if domain == "bank.example":
            return f"550 5.7.23 <{to}>: Recipient address rejected: Message rejected due to: SPF fail - not authorized"
        if domain.endswith(".invalid"):
            return f"450 4.1.8 <{sender}>: Sender address rejected: Domain not found"
        if not wishes.delays or ruled.nogrey:
            return None
        if time.monotonic() - self.seen.setdefault((sender, to), time.monotonic()) < GREYLISTED:
            return f"450 4.2.0 <{to}>: Recipient address rejected: Greylisted, come again in {GREYLISTED:.0f} seconds"
        return None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """The rest: a virus, spam, too much; or it is delivered."""
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        self.count += 1
        number, client = f"{self.count:X}", _client(session)
        self.log.say("postfix/smtpd", f"{number}: client={client}")
        for each in envelope.rcpt_tos:
            tail = _tail(session, envelope, each)
            self.log.say("postfix/smtpd", f"{number}: info: RCPT from {client}: rcpt accepted; {tail}")
        self._describe(number, content, _tail(session, envelope, envelope.rcpt_tos[-1]), client)
        if reply := _bad(content):
            tail = _tail(session, envelope, envelope.rcpt_tos[-1])
            self.log.say("postfix/cleanup", f"{number}: milter-reject: END-OF-MESSAGE from {client}: {reply}; {tail}")
            return f"550 {reply}"
        return self._delivered(number, envelope, content)

    def _describe(self, number: str, content: bytes, tail: str, client: str) -> None:
        message = message_from_bytes(content[:20_000])
        subject, name = (" ".join(str(message.get(each, "")).split())[:200] for each in ("Subject", "Message-ID"))
        if name:
            self.log.say("postfix/cleanup", f"{number}: message-id={name}")
        if subject:
            self.log.say("postfix/cleanup", f"{number}: info: header Subject: {subject} from {client}; {tail}: seen")

    def _delivered(self, number: str, envelope: Envelope, content: bytes) -> str:
        queued = f"size={len(content)}, nrcpt={len(envelope.rcpt_tos)} (queue active)"
        self.log.say("postfix/qmgr", f"{number}: from=<{_address(envelope.mail_from or '')}>, {queued}")
        for each in envelope.rcpt_tos:
            self.deliver(each, content)
            said = f"dsn=2.0.0, status=sent (250 2.0.0 <{each}> Saved)"
            self.log.say("postfix/lmtp", f"{number}: to=<{each}>, relay=127.0.0.1[127.0.0.1]:24, delay=0.1, {said}")
        self.log.say("postfix/qmgr", f"{number}: removed")
        return f"250 2.0.0 Ok: queued as {number}"

    def _strangers(self) -> None:
        """Somebody new from time to time, by SMTP as everybody."""
        people = sorted(self.addresses)
        for number, (helo, sender, subject) in enumerate(cycle(STRANGERS)):
            if self.ending.wait(PAUSE):
                return
            text = f"From: <{sender}>\r\nSubject: {subject}\r\n\r\n{subject}.\r\n"
            with suppress(OSError, smtplib.SMTPException), smtplib.SMTP("127.0.0.1", self.port, helo, 10) as client:
                client.sendmail(sender, people[number // len(STRANGERS) % len(people)], text)


def _bad(content: bytes) -> str | None:
    if len(content) > LARGEST:
        return "5.3.4 message file too big"
    if VIRUS in content:
        return "5.7.1 Blocked by ClamAV - FOUND VIRUS: Win.Test.EICAR_HDB-1"
    return "5.7.1 Spam message rejected" if SPAM in content else None


def _ip(session: Session) -> str:
    """An address for who says this name: all of them come from this machine."""
    return f"198.51.100.{sha256((session.host_name or '').encode()).digest()[0] % 250 + 1}"


def _client(session: Session) -> str:
    name = session.host_name or ""
    return f"{_word(name) if '.' in name else 'unknown'}[{_ip(session)}]"


def _tail(session: Session, envelope: Envelope, to: str) -> str:
    helo = _word(session.host_name or "")
    return f"from=<{_address(envelope.mail_from or '')}> to=<{_address(to)}> proto=ESMTP helo=<{helo}>"


def _word(text: str) -> str:
    """A word as Postfix writes what a client said."""
    return "".join(each if each.isalnum() or each in ".-_:" else "?" for each in text)[:200]


def _address(text: str) -> str:
    return "".join("?" if each in '<>"\\ ' or not each.isprintable() else each for each in text)[:320]
