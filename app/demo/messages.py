"""A few hundred varied messages for the demo's accounts: seeded, so that each start makes the same ones.

Dates are spread over two years before `now`, denser towards the end. Everything is made here; nothing is fetched.
"""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage

from app.demo import compose, words
from app.demo.odd import odd_messages
from app.demo.pictures import chart, landscape, pdf
from app.demo.words import Person

FOLDERS = ("Projects/Garden", "Projects/Open day", "Receipts & bills", "Lists/postern-users", "日本")


@dataclass(frozen=True)
class Sample:
    """A message, where it lies, since when and with which flags."""

    mailbox: str
    arrived: datetime
    flags: tuple[str, ...]
    message: bytes


class Mailbag:
    """Makes the messages of one account; `size` scales their number (1.0: about 370)."""

    def __init__(self, owner: Person, *, now: datetime, seed: int = 1, size: float = 1.0) -> None:
        self.owner = owner
        self.now = now
        self.size = size
        self.draw = random.Random(f"{owner.address} {seed}")
        self.friends = [person for person in words.PEOPLE if person.address != owner.address]
        self.count = 0

    def samples(self) -> list[Sample]:
        """Return all messages, oldest first, as they would have arrived."""
        kinds = (
            self._letters, self._threads, self._newsletters, self._pictures, self._files, self._invitations,
            self._languages, self._lists, self._receipts, self._junk, self._bounces, self._odd, self._own, self._names,
        )  # fmt: skip
        found = [sample for kind in kinds for sample in kind()]
        return sorted(found, key=lambda sample: sample.arrived)

    def _when(self, *, days: float = 730) -> datetime:
        """A moment within `days`, recent ones more often."""
        return self.now - timedelta(days=days * self.draw.random() ** 2.2, minutes=self.draw.randrange(5, 600))

    def _id(self) -> str:
        self.count += 1
        return f"demo.{self.draw.getrandbits(48):x}.{self.count}@demo.example"

    def _letter(self, subject: str, when: datetime, *, sender: Person | None = None) -> EmailMessage:
        writer = sender or self.draw.choice(self.friends)
        message = compose.letter(writer, self.owner, subject, when, message_id=self._id())
        if writer is not self.owner and self.count % 3:
            self._checked(message, writer, "pass")
        return message

    def _checked(self, message: EmailMessage, writer: Person, result: str) -> None:
        """What the provider's border found out about the sender."""
        del message["Authentication-Results"]
        domain = writer.address.rpartition("@")[2]
        message["Authentication-Results"] = f"{words.AUTHSERV_ID}; dmarc={result} header.from={domain}"

    def _sample(self, message: EmailMessage, when: datetime, mailbox: str = "INBOX", *flags: str) -> Sample:
        given = list(flags)
        if "\\Seen" not in given and self.draw.random() < (0.97 if (self.now - when).days > 20 else 0.5):
            given.append("\\Seen")
        if not flags and self.draw.random() < 0.06:
            given.append("\\Flagged")
        if not flags and self.draw.random() < 0.12 and "\\Seen" in given:
            given.append("\\Answered")
        return Sample(mailbox, when, tuple(given), message.as_bytes())

    def _times(self, count: float) -> range:
        return range(max(1, round(count * self.size)))

    def _letters(self) -> Iterator[Sample]:
        for turn in self._times(70):
            subject, first = words.LETTERS[turn % len(words.LETTERS)]
            when = self._when()
            old = (self.now - when).days > 240
            first = first.replace("\n", " ")
            text = f"Hello {self.owner.name.split()[0]},\n\n{first} {self._talk()}\n\n{self._talk()}"
            yield self._sample(compose.flowed(self._letter(subject, when), text), when, "Archive" if old else "INBOX")

    def _talk(self) -> str:
        return self.draw.choice(words.SMALL_TALK)

    def _threads(self) -> Iterator[Sample]:
        for turn in self._times(14):
            subject = words.THREADS[turn % len(words.THREADS)]
            when = self._when(days=400)
            yield from self._thread(subject, when, self.draw.randrange(3, 9), self.draw.sample(self.friends, 3))

    def _thread(self, subject: str, when: datetime, length: int, circle: list[Person]) -> Iterator[Sample]:
        text, references = f"Dear all,\n\nabout this: {subject}. {self._talk()}", ""
        pauses = [timedelta(minutes=self.draw.randrange(20, 2400)) for _ in range(length)]
        when = min(when, self.now - sum(pauses, timedelta()))
        for step in range(length):
            mine = step % 3 == 1
            writer = self.owner if mine else circle[step % 3]
            message = self._letter(subject if not step else f"Re: {subject}", when, sender=writer)
            if mine:
                message.replace_header("To", ", ".join(person.address for person in circle))
            if references:
                message["In-Reply-To"], message["References"] = references.split()[-1], references
            compose.flowed(message, text)
            yield self._sample(message, when, "Sent" if mine else "INBOX", *(["\\Seen"] if mine else []))
            references = f"{references} {message['Message-ID']}".strip()
            text = f"{self.draw.choice(words.REPLIES)}\n\n{compose.quote(text, writer, when)}"
            when += pauses[step]

    def _newsletters(self) -> Iterator[Sample]:
        for turn in self._times(34):
            name, address, subject, colour = words.NEWSLETTERS[turn % len(words.NEWSLETTERS)]
            when = self._when()
            message = self._letter(subject, when, sender=Person(name, address))
            stories = [self.draw.choice(words.LETTERS)[1].replace("\n", " ") + " " + self._talk() for _ in range(5)]
            yield self._sample(compose.newsletter(message, name, colour, stories), when)

    def _pictures(self) -> Iterator[Sample]:
        for turn in self._times(8):
            when = self._when(days=300)
            message = self._letter(("Photos from the weekend", "The view from the new office")[turn % 2], when)
            text = "These are the ones I like best.\n\nMore when we meet."
            drawn = [landscape(10 * turn + part) for part in range(1 + turn % 3)]
            yield self._sample(compose.with_pictures(message, text, drawn), when)

    def _files(self) -> Iterator[Sample]:
        for turn in self._times(24):
            when = self._when(days=500)
            subject, name, kind, data = self._file(turn, when)
            message = compose.flowed(self._letter(subject, when), f"Attached: {name}\n\n{self._talk()}")
            main, sub = kind.split("/")
            message.add_attachment(data, main, sub, filename=name)
            if turn % 4 == 0:
                message.add_attachment(chart([30, 55, 20, 80, 65, 90]), "image", "png", filename="figures.png")
            place = "Projects/Garden" if turn % 5 == 0 else "INBOX"
            yield self._sample(message, when, place)

    def _file(self, turn: int, when: datetime) -> tuple[str, str, str, bytes]:
        """Subject, file name, type and content of one of the attachments."""
        lines = [f"{number}. {text.splitlines()[0]}" for number, (_, text) in enumerate(words.LETTERS[:8], 1)]
        long_name = "Protokoll der außerordentlichen Mitgliederversammlung vom 17. November, zweite Fassung.pdf"
        choices = (
            ("Minutes as PDF", f"minutes-{when:%Y-%m-%d}.pdf", "application/pdf", pdf("Minutes", lines)),
            ("Figures for the report", "figures.csv", "text/csv", b"week,level\n" + b"".join(
                b"%d,%d\n" % (week, 100 + 7 * week % 40) for week in range(52))),
            ("Everything in one archive", "papers.zip", "application/zip", _archive(lines)),
            ("Protokoll", long_name, "application/pdf", pdf("Protokoll", lines)),
            ("議事録", "議事録 2024年.pdf", "application/pdf", pdf("Minutes", lines)),
            ("A picture of the poster", "poster.png", "image/png", landscape(77) if turn % 7 == 5 else b""),
            ("Notes", "notes.txt", "text/plain", "\n".join(lines).encode()),
        )  # fmt: skip
        return choices[turn % len(choices)]

    def _invitations(self) -> Iterator[Sample]:
        for turn in self._times(4):
            when = self._when(days=20)
            start = (self.now + timedelta(days=3 + 4 * turn)).replace(hour=9, minute=30, second=0)
            message = self._letter(f"Invitation: {words.THREADS[turn % 8]}", when)
            yield self._sample(compose.invitation(message, start, "Seminar room 214"), when)

    def _languages(self) -> Iterator[Sample]:
        for turn in self._times(24):
            language, charset, name, subject, text = words.LANGUAGES[turn % len(words.LANGUAGES)]
            when = self._when(days=500)
            message = self._letter(subject, when, sender=Person(name, f"{language}.{turn}@example.org"))
            message.set_content(text + "\n", charset=charset)
            yield self._sample(message, when, "日本" if language == "ja" and turn > 6 else "INBOX")

    def _lists(self) -> Iterator[Sample]:
        for turn in self._times(40):
            name, subject = words.LISTS[turn % len(words.LISTS)]
            when = self._when()
            message = self._letter(f"[{name}] {subject}", when)
            compose.flowed(message, f"Hello list,\n\n{self._talk()} {self._talk()}")
            message["List-Id"] = f"<{name}.lists.example.org>"
            message["List-Post"] = f"<mailto:{name}@lists.example.org>"
            message["List-Unsubscribe"] = f"<mailto:{name}-leave@lists.example.org>"
            yield self._sample(message, when, "Lists/postern-users" if name == "postern-users" else "INBOX")

    def _receipts(self) -> Iterator[Sample]:
        shop = Person("Kettle & Leaf orders", "orders@kettle.example.com")
        for turn in self._times(18):
            when, number = self._when(), 48200 + 13 * turn
            message = self._letter(f"Your order {number} is on its way", when, sender=shop)
            text = f"Thank you for your order {number}.\n\n2 × First flush, 100 g: 23.80\n\nShipping: 3.90"
            compose.with_banner(message, text, (60, 110, 60))
            invoice = pdf(f"Invoice {number}", text.split("\n\n"))
            message.add_attachment(invoice, "application", "pdf", filename=f"invoice-{number}.pdf")
            yield self._sample(message, when, "Receipts & bills" if turn % 2 else "INBOX")

    def _junk(self) -> Iterator[Sample]:
        for turn in self._times(30):
            name, subject = words.JUNK[turn % len(words.JUNK)]
            when = self._when(days=45)
            writer = Person(name, f"info{turn}@offers{turn}.example")
            message = self._letter(subject, when, sender=writer)
            self._checked(message, writer, "fail")
            message["X-Spam-Flag"] = "YES"
            lie = f"<a href='http://192.0.2.{turn}/x'>https://bank.example.com/</a>"
            message.set_content(f"<p>{subject}</p><p>{lie}</p>", subtype="html")
            yield self._sample(message, when, "Junk")

    def _bounces(self) -> Iterator[Sample]:
        for turn in self._times(3):
            when = self._when(days=90)
            lost = f"nobody{turn}@example.org"
            original = compose.letter(self.owner, Person("", lost), "Are you there", when, message_id=self._id())
            compose.flowed(original, "Hello")
            daemon = Person("Mail Delivery System", "mailer-daemon@example.org")
            message = self._letter("Undelivered mail returned to sender", when, sender=daemon)
            yield self._sample(compose.bounce(message, lost, original), when)

    def _odd(self) -> Iterator[Sample]:
        for arrived, raw in odd_messages(self.owner.address, lambda: self._when(days=120), self._id):
            yield Sample("INBOX", arrived, ("\\Seen",), raw)

    def _own(self) -> Iterator[Sample]:
        """Drafts, sent and thrown away mail, and a message sent on as a file."""
        for turn, (subject, first) in enumerate(words.LETTERS[:9]):
            when = self._when(days=200)
            friend = self.draw.choice(self.friends)
            message = compose.letter(self.owner, friend, subject, when, message_id=self._id())
            compose.flowed(message, f"Hello {friend.name.split()[0]},\n\n{first}\n\n{self._talk()}")
            place = ("Drafts", "Sent", "Trash")[turn % 3]
            yield self._sample(message, when, place, "\\Seen", *(["\\Draft"] if place == "Drafts" else []))
            if turn < 2:
                carrier = compose.flowed(self._letter(f"Fwd: {subject}", when), "See the message attached.")
                carrier.add_attachment(message)
                yield self._sample(carrier, when)

    def _names(self) -> Iterator[Sample]:
        """A very long subject and a message to many."""
        when = self.now - timedelta(minutes=18)
        subject = "Agenda for Thursday: " + "; ".join(words.THREADS) + " – and anything else that you would like to add"
        message = self._letter(subject, when, sender=words.PEOPLE[-1])
        message["Cc"] = ", ".join(f"{person.address}" for person in words.PEOPLE[:12])
        compose.flowed(message, "The agenda is long, so please come in time.")
        yield self._sample(message, when, "INBOX", "\\Flagged")


def _archive(lines: list[str]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, line in enumerate(lines):
            archive.writestr(zipfile.ZipInfo(f"paper-{number}.txt", (2024, 1, 1, 0, 0, 0)), line * 40)
    return data.getvalue()
