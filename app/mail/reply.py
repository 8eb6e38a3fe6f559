"""Answers, forwards and messages edited as new: whom they go to, what they quote, what they belong to.

Own addresses are left out; Reply-To and Mail-Followup-To are followed, except that an answer to the sender alone does
not go to a list which put itself into Reply-To: private words went public that way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from typing import Final
from urllib.parse import unquote

from app.mail.address import BadAddress, normal
from app.mail.connection import Connection
from app.mail.content import Content, files_at, read_content, whole
from app.mail.field import is_id
from app.mail.filename import harmless
from app.mail.formatted import pictures_in
from app.mail.header import Address
from app.mail.message import Header, Message
from app.mail.part import Place
from app.mail.quote import (
    USUAL,
    Style,
    attribution,
    forwarded,
    laid_out,
    laid_out_html,
    quote_html,
    quote_text,
    shown_text,
)
from app.mail.writing import File, Origin, Writing, new_message_id

MAX_REFERENCES: Final = 20
MAX_QUOTE: Final = 512 * 1024
# In how many languages "Re:" and "Fwd:" are written, by whoever translated a mail program.
_REPLY: Final = re.compile(
    r"(?>(?:(?:re|aw|antw|sv|vs|odp|ynt|rif|回复|答复|回覆)(?:\[\d{1,3}\])?\s{0,3}[:：]\s*+)+)", re.IGNORECASE
)
_FORWARD: Final = re.compile(r"(?>(?:(?:fwd?|wg|tr|rv|vb|pd|enc|doorst|转发|轉寄)\s{0,3}[:：]\s*+)+)", re.IGNORECASE)
_LIST: Final = re.compile(r"<mailto:([^<>?\s]{3,254})[^<>\s]{0,300}>", re.IGNORECASE)
_ID: Final = re.compile(r"<[!-;=?-~]{1,900}>")


def original(client: Connection, message: Message) -> Content:
    """The texts and files of an open message, to be quoted or taken along. One command, in its mailbox.

    Raises Renumbered, MailboxGone, MessageGone.
    """
    client.select(message.mailbox, uidvalidity=message.uidvalidity)
    return read_content(client, _place(message), message.structure, limit=MAX_QUOTE)


def reply(
    message: Message,
    me: Sequence[Address],
    *,
    all: bool,
    to_list: bool = False,
    content: Content | None = None,
    style: Style = USUAL,
    now: datetime | None = None,
) -> Writing:
    """An answer to the sender, to all, or (`to_list`) to the mailing list. `me`: the writer's addresses, the usual
    first, at least one. `content` from `original`; without it, what is shown of the message is quoted.
    """
    header = message.header
    sender = identity(header, me)
    targets = list_address(header) if to_list else None
    to, cc = ((targets,), ()) if targets else _targets(header, me, all=all)
    said, quote = attribution(header, style.zone), quote_text(shown_text(message, content))
    html = laid_out_html(quote_html(said, content, quote), style) if style.rich else None
    return Writing(
        sender,
        to,
        cc,
        subject="Re: " + _REPLY.sub("", header.subject, count=1),
        text=laid_out(f"{said}\n{quote}", style),
        html=html,
        files=shown_in(html, content),
        in_reply_to=header.message_id if is_id(header.message_id) else None,
        references=thread(header),
        message_id=_message_id(sender),
        date=_date(now, style.zone),
        origin=_origin("reply", message),
    )


def forward(
    message: Message,
    me: Sequence[Address],
    *,
    inline: bool = True,
    content: Content | None = None,
    style: Style = USUAL,
    now: datetime | None = None,
) -> Writing:
    """A message passed on: its text and files (`content` from `original`), or the whole as one attached message."""
    header = message.header
    sender = identity(header, me)
    name = (harmless(header.subject) or "message") + ".eml"
    attached = whole(_place(message), message.structure, message.size, name=name, section=message.section)
    style = replace(style, above=True)
    said = "\n".join((*forwarded(header, style.zone), "")) if inline else ""
    shown = shown_text(message, content) if inline else ""
    quote = quote_html(said, content if inline else None, shown, marked=False)
    return Writing(
        sender,
        subject="Fwd: " + _FORWARD.sub("", header.subject, count=1),
        text=laid_out(f"{said}\n{shown}" if inline else "", style),
        html=laid_out_html(quote, style) if style.rich else None,
        files=(content.files if content else files_at(_place(message), message.attachments)) if inline else (attached,),
        references=thread(header),
        message_id=_message_id(sender),
        date=_date(now, style.zone),
        origin=_origin("forward", message),
    )


def as_new(message: Message, me: Sequence[Address], content: Content, *, now: datetime | None = None) -> Writing:
    """The same message once more, to be changed and sent: recipients, subject, texts and files, but of no thread.

    Hidden recipients only of one's own message: a stranger's Bcc would be written to unseen.
    """
    header = message.header
    sender = next((own for own in me if _is(own, header.from_)), me[0])
    return Writing(
        sender,
        _normal(header.to),
        _normal(header.cc),
        _normal(header.bcc) if header.from_ and _is(header.from_[0], me) else (),
        subject=header.subject,
        text=content.text,
        html=content.html,
        files=content.files,
        message_id=_message_id(sender),
        date=_date(now, UTC),
    )


def shown_in(html: str | None, content: Content | None) -> tuple[File, ...]:
    """The pictures that a quote shows: they are sent again, as nobody else has them."""
    if html is None or content is None:
        return ()
    shown = pictures_in(html)
    return tuple(file for file in content.files if file.content_id in shown)


# -- who ---------------------------------------------------------------------------------------------------------------


def identity(header: Header, me: Sequence[Address]) -> Address:
    """Which of the writer's addresses a message came to, or was sent from; else the usual one."""
    for mailboxes in (header.from_, header.to, header.cc, header.bcc):
        for own in me:
            if _is(own, mailboxes):
                return own
    return me[0]


def list_address(header: Header) -> Address | None:
    """Where to write to the mailing list that a message came over (RFC 2369 §3.4), None where nothing tells."""
    found = _LIST.search(header.list_post)
    try:
        return Address("", normal(unquote(found[1]))) if found else None
    except BadAddress:
        return None


def _targets(header: Header, me: Sequence[Address], *, all: bool) -> tuple[tuple[Address, ...], tuple[Address, ...]]:
    """To and Cc of an answer."""
    if header.from_ and _is(header.from_[0], me) and header.to:
        # One's own message: what follows goes to the same people.
        return _normal(header.to), _normal(header.cc) if all else ()
    direct = _answered(header, all=all)
    if not all:
        return _normal(direct), ()
    if header.mail_followup_to:
        return _others(header.mail_followup_to, me) or _normal(direct), ()
    to = _others((*direct, *header.to), me) or _normal(direct)
    taken = {each.address.casefold() for each in to}
    return to, tuple(each for each in _others(header.cc, me) if each.address.casefold() not in taken)


def _answered(header: Header, *, all: bool) -> tuple[Address, ...]:
    """Whom an answer goes to in the first place."""
    listed = list_address(header)
    to_list = listed is not None and {each.address.casefold() for each in _normal(header.reply_to)} == {
        listed.address.casefold()
    }
    if header.reply_to and (all or not to_list):
        return header.reply_to
    return header.from_ or ((header.sender,) if header.sender else ())


def _others(mailboxes: Iterable[Address], me: Iterable[Address]) -> tuple[Address, ...]:
    own = {_own_key(each.address) for each in me}
    return tuple(each for each in _normal(mailboxes) if _own_key(each.address) not in own)


def _normal(mailboxes: Iterable[Address]) -> tuple[Address, ...]:
    """Each address once, as people read it; what is none is kept as it came, for the writer to see."""
    found: dict[str, Address] = {}
    for each in mailboxes:
        try:
            better = Address(each.name, normal(each.address))
        except BadAddress:
            better = each
        if each.address:
            found.setdefault(better.address.casefold(), better)
    return tuple(found.values())


def _is(one: Address, mailboxes: Iterable[Address]) -> bool:
    return any(_own_key(one.address) == _own_key(each.address) for each in mailboxes)


def _own_key(address: str) -> str:
    """What the spellings of one's own mailbox share: case, and no `+detail` in the local part (RFC 5233 §1)."""
    with suppress(BadAddress):
        address = normal(address)
    local, _, domain = address.casefold().rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


# -- what --------------------------------------------------------------------------------------------------------------


def thread(header: Header) -> tuple[str, ...]:
    """References of an answer (RFC 5322 §3.6.4): those of the message and its own, the first and the last
    nineteen."""
    known = [each for each in header.references if is_id(each)] or _ID.findall(header.in_reply_to)[:1]
    line = list(dict.fromkeys([*known, *([header.message_id] if is_id(header.message_id) else [])]))
    return tuple(line if len(line) <= MAX_REFERENCES else [line[0], *line[1 - MAX_REFERENCES :]])


def _place(message: Message) -> Place:
    return Place(message.mailbox, message.uidvalidity, message.uid)


def _origin(kind: str, message: Message) -> Origin | None:
    """The message that will be flagged; of an attached one, none."""
    return None if message.section else Origin(kind, _place(message))


def _message_id(sender: Address) -> str:
    return new_message_id(sender.address.rpartition("@")[2])


def _date(now: datetime | None, zone: tzinfo) -> datetime:
    return now or datetime.now(zone).replace(microsecond=0)
