"""Files out of a message: one part, all as a ZIP, the message itself. In slices; no lease is held while they are read.

What a part says of itself is never believed: only png, jpeg, gif and webp by their bytes and plain text are shown
inline; all else is an octet stream to be saved.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

from flask import Response, abort, request, stream_with_context

from app.mail import bodystructure
from app.mail.archive import File, zipped
from app.mail.bodystructure import Part
from app.mail.charset import decode_text
from app.mail.filename import content_disposition, harmless
from app.mail.header import decode as decode_header
from app.mail.header import fields
from app.mail.part import SLICE, Items, Place, Wanted, bodies, check_section, fetch, item, slices
from app.mail.picture import HEAD, picture_type
from app.mail.shown import READABLE, choose
from app.mail.syntax import number
from app.mail.syntax import section as joined
from app.mail.transfer import decode, decoded
from app.web.resources import resources
from app.web.session import imap

_SUBJECT = b"BODY.PEEK[HEADER.FIELDS (SUBJECT)]<0.4096> "
_patient = partial(imap, patient=True)
_BEGINNING = 4096  # octets as encoded, in which the first of a picture are
POLICY = "default-src 'none'; frame-ancestors 'self'; sandbox"  # default-src does not speak of who frames it


def part(mailbox: str, uidvalidity: int, uid: int, section: str) -> Response:
    """GET …/part/<section>?inline=1: NOOP and one FETCH for each MB."""
    place = Place(mailbox, uidvalidity, uid)
    check_section(section)
    items = _begun(place, b"BODYSTRUCTURE ", section)
    found = bodystructure.read(items.get(b"BODYSTRUCTURE"), resources().settings.parsing).find(section)
    first = bodies(items).get(section)
    if found is None or first is None:
        abort(404)
    whole = len(first) < SLICE
    length: int | None = None  # `size` is no promise: some servers count a part's header into it
    if whole:
        data = decode(first, found.encoding)
        content, length = iter((data,)), len(data)
    else:
        content = decoded(slices(_patient, place, section, first=first, expected=found.size), found.encoding)
    shown = _inline(found, first, content, length, whole=whole) if request.args.get("inline") else None
    return shown or _file(content, found.name, length=length)


def _begun(place: Place, items: bytes, section: str) -> Items:
    with _patient() as client:
        client.select(place.mailbox, uidvalidity=place.uidvalidity)
        return fetch(client, place.uid, items + item(Wanted(section, SLICE)))


def _inline(
    found: Part, first: bytes, content: Iterator[bytes], length: int | None, *, whole: bool
) -> Response | None:
    """A picture by its first bytes, or text that is here as a whole; None for all else."""
    kind = picture_type(decode(first[:_BEGINNING], found.encoding)[:HEAD])
    if kind is not None:
        return _answer(content, kind, content_disposition("inline", found.name), length)
    if found.type in READABLE and whole:
        data = decode_text(decode(first, found.encoding), found.charset).encode()
        return _answer(iter((data,)), "text/plain; charset=utf-8", content_disposition("inline", found.name), len(data))
    return None


def _file(content: Iterator[bytes], name: str, *, length: int | None) -> Response:
    return _answer(content, "application/octet-stream", content_disposition("attachment", name), length)


def _answer(content: Iterator[bytes], kind: str, disposition: str, length: int | None) -> Response:
    response = Response(stream_with_context(content), content_type=kind)
    response.headers["Content-Disposition"] = disposition
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    # A sandboxed document with another value is a network error where it is opened by itself (HTML §7.1.3.1).
    response.headers["Cross-Origin-Opener-Policy"] = "unsafe-none"
    if length is not None:
        response.content_length = length
    return response


def download(mailbox: str, uidvalidity: int, uid: int) -> Response:
    """GET …/eml?part=: the message, or an attached one, as it came."""
    place = Place(mailbox, uidvalidity, uid)
    nested = check_section(request.args.get("part", ""))
    items = _begun(place, b"RFC822.SIZE BODYSTRUCTURE " + _SUBJECT, nested)
    first = bodies(items).get(nested)
    if first is None:
        abort(404)
    size, name = number(items.get(b"RFC822.SIZE")), _subject(items)
    length = None if nested else size
    if nested:
        found = bodystructure.read(items.get(b"BODYSTRUCTURE"), resources().settings.parsing).find(nested)
        if found is None or found.type != "message/rfc822":
            abort(404)
        size, name = found.size, found.name.removesuffix(".eml")
    if len(first) < SLICE:
        return _file(iter((first,)), f"{name}.eml", length=len(first))
    return _file(slices(_patient, place, nested, first=first, expected=size), f"{name}.eml", length=length)


def _subject(items: Items) -> str:
    for _, value in fields(joined(items, b"BODY[HEADER.FIELDS")):
        return harmless(decode_header(value))[:100].strip() or "message"
    return "message"


def archive_zip(mailbox: str, uidvalidity: int, uid: int) -> Response:
    """GET …/zip?part=&files=: every attachment, or those of the sections, one after the other, in slices."""
    place = Place(mailbox, uidvalidity, uid)
    nested = check_section(request.args.get("part", ""))
    with imap() as client:
        client.select(mailbox, uidvalidity=uidvalidity)
        items = fetch(client, uid, b"BODYSTRUCTURE " + _SUBJECT)
    structure = bodystructure.read(items.get(b"BODYSTRUCTURE"), resources().settings.parsing)
    with suppress(IndexError):
        structure = (structure.find(nested) or structure).parts[0] if nested else structure
    found = choose(structure)
    chosen = {each.section: each for each in found.attached}
    if asked := request.args.get("files"):  # pictures that belong inside may be listed, too, or files shown inside
        there = {each.section: each for each in found.related} | chosen
        chosen = {section: there[section] for section in asked.split(",") if section in there}
    if not chosen:
        abort(404)
    files = (File(each.name, _content(place, each)) for each in chosen.values())
    response = _file(zipped(files, moment=datetime.now(UTC)), f"{_subject(items)}.zip", length=None)
    response.headers["Content-Type"] = "application/zip"
    return response


def _content(place: Place, each: Part) -> Iterator[bytes]:
    return decoded(slices(_patient, place, each.section, expected=each.size), each.encoding)
