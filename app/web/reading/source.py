"""A message as it came: every header field decoded, and the source, 256 KB a page."""

import re
from dataclasses import dataclass
from typing import Any

from flask import abort, render_template, request, url_for

from app.mail import header
from app.mail.charset import decode_text
from app.mail.mailbox import Mailbox
from app.mail.part import Place, Wanted, bodies, check_section, fetch, item
from app.mail.syntax import number
from app.web.mailboxes import pane
from app.web.mailboxes.place import came_from
from app.web.mailboxes.undo import offered
from app.web.resources import resources
from app.web.session import current, imap

SOURCE_OCTETS = 256 * 1024
FIELDS_SHOWN = 1000
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")  # which HTML has no way to write


@dataclass(frozen=True, slots=True)
class Beginning:
    """Octets of a section from an offset on, the size of the whole message, and the folders beside it."""

    octets: bytes
    size: int
    tree: tuple[Mailbox, ...]


def headers(mailbox: str, uidvalidity: int, uid: int) -> str:
    """GET …/headers?part=: every field, decoded."""
    nested = check_section(request.args.get("part", ""))
    section = f"{nested}.HEADER" if nested else "HEADER"
    place = Place(mailbox, uidvalidity, uid)
    most = resources().settings.parsing.header_bytes
    block = _beginning(place, section, 0, most)
    found = header.fields(block.octets)
    shown = [(name.title(), header.decode(value)) for name, value in found[:FIELDS_SHOWN]]
    shortened = len(found) > FIELDS_SHOWN or len(block.octets) == most
    return _page(place, block.tree, title="All headers", headers=shown, shortened=shortened)


def raw(mailbox: str, uidvalidity: int, uid: int) -> str:
    """GET …/raw?part=&offset=: the source."""
    offset = request.args.get("offset", 0, type=int)
    if not 0 <= offset < 2**31:
        abort(404)
    nested = check_section(request.args.get("part", ""))
    place = Place(mailbox, uidvalidity, uid)
    block = _beginning(place, nested, offset, SOURCE_OCTETS)
    after = offset + len(block.octets)
    more = len(block.octets) == SOURCE_OCTETS and (bool(nested) or after < block.size)
    address = url_for("message.raw", **_at(place), **came_from(), offset=after) if more else None
    source = _CONTROLS.sub("\ufffd", decode_text(block.octets, None))
    return _page(place, block.tree, title="Source", source=source, shortened=more, more_url=address)


def _beginning(place: Place, section: str, offset: int, octets: int) -> Beginning:
    wanted = item(Wanted(section, octets), offset=offset)
    with imap() as client:
        client.select(place.mailbox, uidvalidity=place.uidvalidity)
        items = fetch(client, place.uid, b"RFC822.SIZE " + wanted)
        boxes = pane.folders(client, current())
    return Beginning(bodies(items).get(section, b""), number(items.get(b"RFC822.SIZE")), boxes)


def _at(place: Place) -> dict[str, Any]:
    at: dict[str, Any] = {"mailbox": place.mailbox, "uidvalidity": place.uidvalidity, "uid": place.uid}
    return {**at, "part": request.args.get("part") or None}


def _page(place: Place, tree: tuple[Mailbox, ...], **shown: Any) -> str:
    return render_template(
        "source.html",
        back_url=url_for("message.show", **_at(place), **came_from()),
        list_url=url_for("mailbox.show", mailbox=place.mailbox, **came_from()),
        download_url=url_for("message.download", **_at(place)),
        open_mailbox=pane.opened(tree, place.mailbox),
        tree=tree,
        undo=offered(),
        **shown,
    )
