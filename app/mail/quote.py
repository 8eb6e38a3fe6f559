"""The texts of answers and forwards: what was written quoted one level deeper, who wrote it and when, the signature.

As text, and as HTML for who writes with formatting: then what is quoted keeps its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final

from app.mail.composed import composed
from app.mail.content import Content
from app.mail.flowed import joined, quoted
from app.mail.formatted import formatted, too_much
from app.mail.header import Address
from app.mail.message import Header, Message
from app.mail.plain import html_text
from app.mail.signature import Signature

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


NONE: Final = Signature()


@dataclass(frozen=True, slots=True)
class Style:
    """How the writer wants an answer to look: the zone of dates, the answer above or below what it quotes, a signature
    without its mark; `rich`: as HTML too."""

    zone: tzinfo = UTC
    above: bool = True
    signature: Signature = NONE
    rich: bool = False


USUAL: Final = Style()


def quote_text(text: str) -> str:
    """Text as a quote, one level deeper, without the signature and the empty lines that end it."""
    lines = text.split("\n")
    if "-- " in lines:
        del lines[lines.index("-- ") :]
    while lines and not lines[-1].strip():
        lines.pop()
    found = (quoted(line) for line in lines)
    return "\n".join(">" * (line.depth + 1) + (" " + line.text if line.text else "") for line in found)


def shown_text(message: Message, content: Content | None) -> str:
    """The text of a message, one line a paragraph: its content, else the beginnings that are shown."""
    if content is not None:
        return content.text + ("\n[…]" if content.cut else "")
    texts = []
    for part in message.shown:
        body = message.texts.get(part.section)
        if body is not None and part.type in ("text/plain", "text/html"):
            flowed = part.params.get("format", "").lower() == "flowed"
            lines = body.text.replace("\r\n", "\n")
            plain = joined(lines.split("\n"), delsp=part.params.get("delsp", "").lower() == "yes") if flowed else lines
            texts.append((html_text(body.text) if part.type == "text/html" else plain) + ("\n[…]" if body.cut else ""))
    return "\n\n".join(texts)


def laid_out(quote: str, style: Style) -> str:
    """The quote with room for the answer and the signature."""
    signature = f"{style.signature.lines}\n" if style.signature.lines else ""
    return f"\n\n{signature}\n{quote}" if style.above else f"{quote}\n\n\n{signature}"


def laid_out_html(quote: str, style: Style) -> str:
    """The same for HTML."""
    signature, line = style.signature.element, composed("")
    return f"{line}{line}{signature}{line}{quote}" if style.above else f"{quote}{line}{line}{signature}"


def quote_html(above: str, content: Content | None, text: str, *, marked: bool = True) -> str:
    """What is quoted, with its own formatting below the lines `above`; of a message that has none, or too much, its
    text. `marked`: as a quote, which `text` is already."""
    if content is None or not content.html or content.cut or too_much(content.html):
        return composed(f"{above}\n{text}")
    html = formatted(content.html)
    return composed(above) + (f'<blockquote type="cite">{html}</blockquote>' if marked else html)


def attribution(header: Header, zone: tzinfo) -> str:
    """The line above a quote: who wrote it, and when by the clock of the zone."""
    who = header.sender and (header.sender.name or header.sender.address) or "Somebody"
    return f"On {_when(header.date, zone)}, {who} wrote:" if header.date else f"{who} wrote:"


def _when(date: datetime, zone: tzinfo) -> str:
    day = date.astimezone(zone)
    return f"{_DAYS[day.weekday()]}, {day.day} {_MONTHS[day.month - 1]} {day.year} at {day:%H:%M}"


def forwarded(header: Header, zone: tzinfo) -> Iterator[str]:
    """The lines above a text that is passed on."""
    yield "---------- Forwarded message ----------"
    yield f"From: {_people(header.from_)}"
    if header.date:
        yield f"Date: {_when(header.date, zone)}"
    yield f"Subject: {header.subject}"
    yield f"To: {_people(header.to)}"
    if header.cc:
        yield f"Cc: {_people(header.cc)}"


def _people(mailboxes: Iterable[Address]) -> str:
    return ", ".join(f"{each.name} <{each.address}>" if each.name else each.address for each in mailboxes)
