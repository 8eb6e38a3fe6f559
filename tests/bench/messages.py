"""Seeded mail for the benchmark: the same seed gives the same bytes, 100,000 messages in some ten seconds.

Text, HTML and attachments in the proportions of an ordinary mailbox; the newest ones hold the newsletters of 100 KB
that the frame is measured with.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

NEWEST = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
NEWSLETTERS = 24  # among the newest: enough that a cold frame can be measured more than once
_split = str.split
_WORDS = _split(
    """
    agenda amount answer archive before board budget building change chapter committee contract course date deadline
    delivery department draft early entry faculty figure first form garden group hours house invoice journey key late
    letter library machine market meeting minutes morning number office order paper part payment people plan please
    point price question reading reason record report request result review room schedule second seminar server
    station student summer table teacher term thank ticket time today tomorrow train travel update visit week winter
    """
)
_NAMES = _split("Anna Bela Carla David Emil Frida Gustav Hanna Ivo Jana Karl Lena Mara Nils Olga Paul")
_FAMILIES = _split("Adler Berger Conti Dubois Eriksen Fischer Grün Horváth Ivanova Jansen Król López Müller Novák")


@dataclass(frozen=True)
class Written:
    """One message as it lies in a Maildir: bytes (LF), arrival (seconds since 1970), Maildir's flag letters."""

    data: bytes
    arrived: int
    flags: str


def messages(count: int, *, seed: int = 1) -> Iterator[Written]:
    """Yield `count` messages, oldest first, five minutes apart; one in twenty of the newest thousand is unread."""
    chance = random.Random(seed)
    bodies = [_words(chance, chance.randint(30, 300)) for _ in range(400)]
    for number in range(count):
        newest = count - number
        arrived = NEWEST - timedelta(minutes=5 * newest)
        kind = "newsletter" if newest <= 2 * NEWSLETTERS and newest % 2 else _kind(chance)
        data = _head(chance, number, arrived) + _content(chance, kind, number, chance.choice(bodies))
        unread = newest <= 1000 and chance.random() < 0.05
        yield Written(data, int(arrived.timestamp()), "" if unread else chance.choice(("S", "S", "S", "RS", "FS")))


def _kind(chance: random.Random) -> str:
    return chance.choices(("text", "alternative", "attachment"), (60, 30, 10))[0]


def _words(chance: random.Random, count: int) -> str:
    words = [chance.choice(_WORDS) for _ in range(count)]
    return "\n".join(" ".join(words[at : at + 11]) for at in range(0, count, 11))


def _head(chance: random.Random, number: int, arrived: datetime) -> bytes:
    first, last = chance.choice(_NAMES), chance.choice(_FAMILIES)
    name = f"{first} {last}"
    if not name.isascii():
        name = f"=?utf-8?B?{base64.b64encode(name.encode()).decode()}?="
    subject = " ".join(chance.choice(_WORDS) for _ in range(chance.randint(2, 9)))
    prefix = chance.choice(("", "", "Re: ", "[list] ", "Fwd: "))
    return (
        f"Return-Path: <{first.lower()}@example.org>\n"
        f"Received: from mx{number % 7}.example.org (mx.example.org [192.0.2.{number % 250}])\n"
        f"\tby mail.example.net with ESMTPS id {number:x};\n\t{format_datetime(arrived)}\n"
        f"From: {name} <{first.lower()}.{number % 997}@example.org>\n"
        f"To: Reader <reader@example.net>\nSubject: {prefix}{subject}\nDate: {format_datetime(arrived)}\n"
        f"Message-ID: <{number}.{number * 7919 % 100003}@example.org>\nMIME-Version: 1.0\n"
    ).encode()


def _content(chance: random.Random, kind: str, number: int, body: str) -> bytes:
    if kind == "text":
        return f"Content-Type: text/plain; charset=utf-8\n\n{body}\n".encode()
    if kind == "attachment":
        file = base64.encodebytes(chance.randbytes(2000)).decode()
        other = "Content-Type: application/pdf; name=paper.pdf\nContent-Disposition: attachment; filename=paper.pdf\n"
        other += f"Content-Transfer-Encoding: base64\n\n{file}"
        return _multipart("mixed", number, f"Content-Type: text/plain; charset=utf-8\n\n{body}\n", other)
    page = newsletter(number) if kind == "newsletter" else f"<p>{body}</p>"
    html = f"Content-Type: text/html; charset=utf-8\n\n<html><body>{page}</body></html>\n"
    return _multipart("alternative", number, f"Content-Type: text/plain; charset=utf-8\n\n{body}\n", html)


def _multipart(kind: str, number: int, *parts: str) -> bytes:
    edge = f"=_{number:08x}"
    inner = "".join(f"--{edge}\n{part}\n" for part in parts)
    return f'Content-Type: multipart/{kind}; boundary="{edge}"\n\n{inner}--{edge}--\n'.encode()


def newsletter(number: int) -> str:
    """Return about 100 KB of a newsletter's HTML: tables, links, a style sheet and inline styles of its own."""
    chance = random.Random(number)
    colours = [f"#{chance.randrange(1 << 24):06x}" for _ in range(12)]
    rule = ".b{}-{}{{color:{};font-family:Arial,sans-serif;padding:{}px}}"
    sheet = "".join(rule.format(number, turn, colour, turn) for turn, colour in enumerate(colours))
    rows = []
    size = 0
    while size < 100_000:
        style = (
            f"color:{chance.choice(colours)};font:{chance.randint(10, 24)}px/1.4 Helvetica,Arial,sans-serif;"
            f"padding:{chance.randint(0, 30)}px {number % 50}px;border-bottom:1px solid {chance.choice(colours)}"
        )
        rows.append(
            f'<tr><td class="b{number}-{size % 12}" style="{style}" width="600" bgcolor="{chance.choice(colours)}">'
            f'<a href="https://news.example.org/{number}/{size}?r={chance.randrange(1 << 30)}" '
            f'style="color:{colours[0]}">{_words(chance, 8)}</a>'
            f'<img src="https://news.example.org/i/{size}.png" width="20" height="20" alt="">'
            f"<p>{_words(chance, 40)}</p></td></tr>\n"
        )
        size += len(rows[-1])
    return f"<style>{sheet}</style><table width=600 cellpadding=0>{''.join(rows)}</table>"
