"""How a message begins: empty, with what a mailto: address names, or as an answer to a message that is there."""

from collections.abc import Sequence
from dataclasses import replace

from flask import flash, request
from werkzeug.exceptions import BadRequest

from app.mail import mailto, reply
from app.mail.composed import composed
from app.mail.connection import Connection
from app.mail.content import Content
from app.mail.message import Message, open_message
from app.mail.outgoing import Address, new_message_id
from app.mail.part import Place
from app.mail.quote import Style
from app.profile.identities import Identity
from app.web.letter import doubts, people
from app.web.letter.formatting import signature_of
from app.web.letter.letter import Letter, letter_of
from app.web.profile import my_identities
from app.web.session import Current
from app.web.settings.preferences import preferences

SHOWS_BCC = "What is attached names the people of its blind copies, and whoever gets it can read that."


def empty(me: Current) -> Letter:
    """A new message, with what a mailto: address names."""
    args = request.args
    asked = mailto.read(args["mailto"]) if "mailto" in args else mailto.Mailto()
    told = {name: args.get(name) or getattr(asked, name) for name in ("to", "cc", "bcc", "subject")}
    if request.args.get("group"):
        told["to"] = people.everybody(me, request.args["group"])
    text = args.get("body", "").replace("\r\n", "\n") or asked.body
    first = my_identities(me)[0]
    signature = signature_of(first)
    html = composed(f"{text}\n") + signature.element if preferences(me).rich else None
    text += f"\n\n{signature.lines}" if signature.lines else ""
    known = {"in_reply_to": asked.in_reply_to, "references": tuple(filter(None, [asked.in_reply_to]))}
    return Letter(new_id(me), first.id, text=text, html=html, signed=first.id, **told, **known)  # type: ignore[arg-type]


def answer(client: Connection, me: Current) -> Letter:
    """The beginning of an answer to the message that the address names. Raises BadRequest."""
    kind, args = request.args["answer"], request.args
    try:
        place = Place(args.get("mailbox", ""), int(args.get("uidvalidity", "")), int(args.get("uid", "")))
    except ValueError as error:
        raise BadRequest("no message") from error
    message = open_message(client, place.mailbox, place.uidvalidity, place.uid, mark_seen=False)
    content, identities = reply.original(client, message), my_identities(me)
    mine = tuple(Address(each.name, each.address) for each in identities)
    one = identity(identities, reply.identity(message.header, mine).address)
    chosen = preferences(me)
    style = Style(zone=me.zone, above=chosen.above, signature=signature_of(one), rich=chosen.rich)
    return replace(_answered(message, content, mine, style, kind), identity=one.id, signed=one.id)


def _answered(message: Message, content: Content, mine: tuple[Address, ...], style: Style, kind: str) -> Letter:
    if kind in ("forward", "attached"):
        if kind == "attached" and message.header.bcc:
            flash(SHOWS_BCC, "warning")
        return letter_of(reply.forward(message, mine, inline=kind == "forward", content=content, style=style), None)
    if kind == "new":
        return letter_of(reply.as_new(message, mine, content), None)
    answer = reply.reply(message, mine, all=kind == "all", to_list=kind == "list", content=content, style=style)
    return replace(letter_of(answer, None), crowd=doubts.crowd(answer, message.header) if kind == "all" else "")


def identity(identities: Sequence[Identity], wanted: str) -> Identity:
    """The identity of that id or address; the usual one where there is none (any more)."""
    return next((each for each in identities if wanted in (each.id, each.address)), identities[0])


def new_id(me: Current) -> str:
    """A Message-ID for a message of the account."""
    return new_message_id(me.account.address.rpartition("@")[2])
