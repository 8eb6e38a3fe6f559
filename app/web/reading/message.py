"""The page of one message. Its HTML lies in frame.py, its files in download.py, headers and source in source.py.

Opening costs two FETCH commands, the second of which marks the message read. Pages of attached messages are the same
with ?part=<section>.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import render_template, request, url_for
from markupsafe import Markup, escape

from app.mail import invitation, sanitize, small, text
from app.mail.beyond import Pages
from app.mail.bodystructure import Part
from app.mail.message import Message, open_message
from app.mail.neighbours import Neighbours, neighbours
from app.mail.part import Place
from app.mail.shown import PICTURES, READABLE, SEALED
from app.mail.trust import Trust
from app.store import remote as choices
from app.web.mailboxes import pane
from app.web.mailboxes.place import came_from, list_name, listed
from app.web.mailboxes.undo import offered
from app.web.reading.download import archive_zip, download, part
from app.web.reading.frame import RELATED_OCTETS, RELATED_PARTS, frame
from app.web.reading.remote import confirmed, may_load, message_name, remote, trust
from app.web.reading.source import headers, raw
from app.web.resources import resources
from app.web.sending.delivery import deliveries
from app.web.session import current, imap
from app.web.writing import attaching

__all__ = ["archive_zip", "download", "frame", "headers", "part", "raw", "remote", "show"]

SEVERAL_SHEETS = 24 * 1024  # octets of HTML; what others write for a short answer stays under it
ZIPPED = 2000  # octets of an address that may name sections; gunicorn reads 4,094 of it all
_SEALED = (
    "<p>This message is encrypted, or signed with its text inside (S/MIME). "
    "Download it to read it in a mail program that has your key.</p>"
)


@dataclass(frozen=True, slots=True)
class Body:
    """A shown part. `kind`: text, html, image or other; `html`: safe; of HTML `frame_url`, and whether it is `long`."""

    kind: str
    html: Markup = Markup("")
    frame_url: str = ""
    long: bool = False


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file as the page lists it; sizes in octets, estimated for base64."""

    name: str
    type: str
    size: int
    url: str
    preview_url: str | None


@dataclass(frozen=True, slots=True)
class Remote:
    """Whether pictures from outside were kept from loading, and for whom they could be allowed: "" if unconfirmed."""

    blocked: bool
    sender: str
    domain: str


def show(mailbox: str, uidvalidity: int, uid: int) -> str:
    """GET /mail/<mailbox>/<uidvalidity>/<uid>?part="""
    me, name = current(), list_name()
    nested, limits = request.args.get("part", ""), resources().settings.parsing
    with imap() as client:
        message = open_message(client, mailbox, uidvalidity, uid, mark_seen=_may_mark(), section=nested, limits=limits)
        if message.newly_seen:
            pane.wrote(me)
        boxes = pane.folders(client, me, shown=name)
        ahead = None if nested else listed()
        near = neighbours(client, mailbox, uidvalidity, uid, cache=me.cache, name=name, listed=ahead)
    files = _listed(message)
    return render_template(
        "message.html",
        message=message,
        nested=bool(nested),
        bodies=list(_bodies(message)),
        attachments=[_attachment(message, each) for each in files],
        zip_url=url_for("message.archive_zip", **_at(message, files=_files(message, files))),
        cut=any(each.cut for each in message.structure.walk()),
        attach_url=attaching.address(Place(mailbox, uidvalidity, uid), [each.section for each in files]),
        remote=_remote(message),
        trust=_trust(message),
        zone=me.zone,
        open_mailbox=pane.opened(boxes, mailbox),
        tree=boxes,
        targets=[box for box in boxes if box.selectable],
        undo=offered(),
        forgets=resources().settings.reputation_url is not None,
        delivery=deliveries(me, message) if pane.opened(boxes, mailbox).use == "sent" else None,
        **_around(message, near),
    )


def _may_mark() -> bool:
    """Only who opens a message from our own pages, or by address, has read it: not another site, not a prefetch, nor
    who asked for its headers (HEAD)."""
    wanted = request.method == "GET" and request.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none")
    return wanted and "prefetch" not in request.headers.get("Sec-Purpose", request.headers.get("Purpose", ""))


def _at(message: Message, **more: Any) -> dict[str, Any]:
    nested = {"part": message.section} if message.section else {}
    return {"mailbox": message.mailbox, "uidvalidity": message.uidvalidity, "uid": message.uid, **nested, **more}


def _around(message: Message, near: Neighbours) -> dict[str, Any]:
    """Where the page leads: the messages beside it, and the list or the message that it is attached to."""
    place: dict[str, Any] = {"mailbox": message.mailbox, "uidvalidity": message.uidvalidity}
    nested, at = message.section, came_from()
    pages = near.pages or Pages(*[at["page"] or 1] * 3)
    above, at, below = ({**at, "page": each if each > 1 else None} for each in pages)
    if nested:
        back = url_for("message.show", **place, uid=message.uid, **at)
        return {"previous_url": None, "next_url": None, "back_url": back, "listed": at}
    return {
        "previous_url": url_for("message.show", **place, uid=near.previous, **above) if near.previous else None,
        "next_url": url_for("message.show", **place, uid=near.next, **below) if near.next else None,
        "back_url": url_for("mailbox.show", mailbox=message.mailbox, **at),
        "listed": at,
    }


def _bodies(message: Message) -> Iterator[Body]:
    """What is shown, in the message's order."""
    for each in message.shown:
        found = message.texts.get(each.section)
        if each.type == "text/html":
            yield Body("html", frame_url=_frame_url(message, each), long=each.size > SEVERAL_SHEETS)
        elif each.type in PICTURES:
            yield Body("image", _picture(message, each))
        elif each.type.startswith("multipart/"):
            yield Body("other", Markup("<p>This message is encrypted. Download it to read it with your own key.</p>"))
        elif each.type in SEALED:
            yield Body("other", Markup(_SEALED))
        elif found is None and each.size:  # there were texts enough before it
            yield Body("text", _more(message, each))
        elif found is not None and (found.cut or found.text.strip()):
            cut = found.cut or text.is_cut(found.text)
            yield Body("text", _text(message, each) + (_more(message, each) if cut else Markup("")))


def _text(message: Message, shown: Part) -> Markup:
    content = message.texts[shown.section].text
    if shown.type == "text/calendar":
        facts = invitation.read(content)
        if facts is not None:
            return _invitation(facts)
    flowed = shown.type == "text/plain" and shown.params.get("format", "").lower() == "flowed"
    return text.text_html(content, flowed=flowed, delsp=shown.params.get("delsp", "").lower() == "yes")


def _more(message: Message, shown: Part) -> Markup:
    address = url_for("message.part", **{**_at(message), "part": None}, section=shown.section)
    return Markup('<p class="note">The text is longer. <a href="{}" download>Download all of it</a></p>').format(
        address
    )


def _invitation(facts: invitation.Invitation) -> Markup:
    """The facts as a list; every value is text, addresses in it are linked by bleach."""
    rows = (
        ("Event", facts.summary + (" (cancelled)" if facts.cancelled else "")),
        ("From", facts.start + (", repeated" if facts.repeats else "")),
        ("Until", facts.end),
        ("Where", facts.location),
        ("Organiser", facts.organizer),
        ("About", facts.description),
        ("Link", facts.url),
    )
    shown = "".join(f"<dt>{name}</dt><dd>{small.linked(value)}</dd>" for name, value in rows if value.strip())
    return Markup(f'<dl class="invitation">{shown}</dl>')


def _picture(message: Message, shown: Part) -> Markup:
    address = url_for("message.part", **{**_at(message), "part": None}, section=shown.section, inline=1)
    return Markup('<img src="{}" alt="{}" loading="lazy">').format(address, escape(shown.filename or "Picture"))


def _frame_url(message: Message, shown: Part) -> str:
    """The frame's address names the pictures that may belong inside, so that it can fetch all in one command."""
    pictures, left = [], RELATED_OCTETS
    for each in message.related[:RELATED_PARTS]:
        if 0 < each.size <= left:
            pictures.append(f"{each.section}-{each.size}")
            left -= each.size
    return url_for("message.frame", **_at(message, section=shown.section, pictures=",".join(pictures) or None))


def _listed(message: Message) -> list[Part]:
    """The attachments, without pictures that the shown HTML names; with related ones that it does not."""
    named: set[str] = set()
    whole = True
    for each in message.shown:
        if each.type == "text/html" and (body := message.texts.get(each.section)):
            named |= sanitize.referenced(body.text)
            whole = whole and not body.cut
    inside = {each.section for each in message.related if each.content_id in named}
    listed = [each for each in message.attachments if each.section not in inside]
    seen = {each.section for each in listed}
    if whole:
        listed += [each for each in message.related if each.section not in inside | seen]
    return listed


def _files(message: Message, listed: list[Part]) -> str | None:
    """The sections of what is listed, where that is not just what the structure says is attached."""
    named = ",".join(each.section for each in listed)
    same = named == ",".join(each.section for each in message.attachments)
    return None if same or len(named) > ZIPPED else named


def _attachment(message: Message, each: Part) -> Attachment:
    at = {**_at(message), "part": None}
    preview = None
    if each.type == "message/rfc822" and each.parts:
        preview = url_for("message.show", **{**at, "part": each.section}, **came_from())
    elif each.type in PICTURES or each.type in READABLE:
        preview = url_for("message.part", **at, section=each.section, inline=1)
    url = url_for("message.part", **at, section=each.section)
    return Attachment(each.name, each.type, each.decoded_size, url, preview)


def _trust(message: Message) -> Trust | None:
    """Who vouches for the sender; an attached message's header was written by whoever attached it."""
    return None if message.section else trust(message.header)


def _remote(message: Message) -> Remote:
    """Seen from the beginning of the HTML; the frame counts exactly, but nobody outside it can ask it."""
    sender = "" if message.section else confirmed(message.header)
    htmls = [
        message.texts[each.section]
        for each in message.shown
        if each.type == "text/html" and each.section in message.texts
    ]
    wanted = any(sanitize.names_remote(each.text) for each in htmls)
    name = message_name(message.mailbox, message.uidvalidity, message.uid)
    blocked = wanted and not may_load(name, sender)
    return Remote(blocked, sender, choices.domain_of(sender))
