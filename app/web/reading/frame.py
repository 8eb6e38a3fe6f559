"""HTML mail in its frame: a document of its own, sandboxed twice.

The frame has no scripts, no origin of ours and loads nothing but what is inside it, or pictures over https once the
reader allows that. Policy and sandbox must hold alone: tests serve them unsanitised mail.
"""

import re

from flask import Response, abort, make_response, request
from markupsafe import Markup

from app.mail import bodystructure, marks, sanitize
from app.mail.bodystructure import Part
from app.mail.charset import decode_text
from app.mail.envelope import arrived
from app.mail.errors import BadArgument
from app.mail.message import MAX_HEADER, read_header
from app.mail.part import Items, Wanted, bodies, check_section, fetch, item
from app.mail.picture import data_uri
from app.mail.syntax import section as joined
from app.mail.syntax import text
from app.mail.transfer import decode
from app.web.fault import Fault
from app.web.reading import alone
from app.web.reading.remote import confirmed, may_load, message_name
from app.web.resources import resources
from app.web.session import current, imap

ENCODED = 225 / 128  # octets of HTML as encoded for one that is shown: base64, and letters of several octets
RELATED_PARTS = 40
PICTURE_OCTETS = 2 * 1024 * 1024
PICTURES_OCTETS = 8 * 1024 * 1024
RELATED_OCTETS = PICTURES_OCTETS * 78 // 57  # the same in base64
SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
_ASKED = b"BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (FROM AUTHENTICATION-RESULTS)]<0.%d> "
_PICTURE = re.compile(r"([0-9.]{1,400})-([0-9]{1,9})")

# The sheet is white whatever the page's colours are: mail is written for white.
_BEFORE = '<!doctype html><html><head><meta charset="utf-8"><meta name="color-scheme" content="only light"><title>'
_STYLE = (
    "</title><style>html{background:#fff;color:#1a1a1a;color-scheme:only light}"
    "body{margin:0;padding:16px 24px;font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}"
    "img{max-width:100%}table{max-width:100%}blockquote{margin:0 0 0 4px;padding-left:12px;border-left:2px solid #ccc}"
    f"pre{{white-space:pre-wrap}}@media(max-width:560px){{body{{padding:16px}}}}{marks.STYLE}</style>"
)
_CUT = '<hr><p style="color:#555">The message is longer than is shown here. Download it to see all of it.</p>'
_AFTER = "</body></html>"


def frame(mailbox: str, uidvalidity: int, uid: int) -> Response:
    """GET …/frame?section=&pictures=&part=&alone=: NOOP and one FETCH of the HTML, its pictures and the sender."""
    section = check_section(request.args.get("section", ""))
    pictures = _pictures(request.args.get("pictures", ""))
    limits = resources().settings.parsing
    by_itself = bool(request.args.get("alone")) and not request.args.get("part")  # the header is not that of the part
    wanted = [Wanted(section, round(limits.html_bytes * ENCODED)), *pictures]
    with imap() as client:
        client.select(mailbox, uidvalidity=uidvalidity)
        asked = alone.ASKED if by_itself else _ASKED
        items = fetch(client, uid, asked % min(MAX_HEADER, limits.header_bytes) + b" ".join(map(item, wanted)))
    structure = bodystructure.read(items.get(b"BODYSTRUCTURE"), limits)
    shown = structure.find(section)
    if shown is None or shown.type != "text/html":
        abort(404)
    raw = bodies(items)
    html = decode_text(decode(raw.get(section, b""), shown.encoding), shown.charset, html=True)
    allowed = _allowed(mailbox, uidvalidity, uid, items)
    images = _images(structure, raw, pictures, sanitize.referenced(html, limits))
    cleaned = sanitize.frame_html(html, images=images, remote=allowed, limits=limits)
    return answer(cleaned, remote=allowed, sheet=_sheet(items) if by_itself else alone.FRAMED)


def _sheet(items: Items) -> alone.Sheet:
    header = read_header(joined(items, b"BODY[HEADER.FIELDS"))
    return alone.sheet(header, current().zone, arrived(text(items.get(b"INTERNALDATE"))))


def answer(cleaned: sanitize.Cleaned, *, remote: bool, sheet: alone.Sheet = alone.FRAMED) -> Response:
    """The frame's document with its policy. Takes whatever HTML it is given: nothing here trusts it."""
    cut = _CUT if cleaned.cut else ""
    sheet = alone.warned(sheet, cleaned.leads) if cleaned.leads else sheet
    head = f"{_BEFORE}{sheet.title}{_STYLE}{sheet.style}</head>"
    response = make_response(f"{head}<body>{sheet.head}{cleaned.html}{cut}{_AFTER}")
    response.headers["Content-Type"] = "text/html; charset=utf-8"
    response.headers["Content-Security-Policy"] = policy(remote=remote)
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    # A sandboxed document with another value is a network error where it is opened by itself (HTML §7.1.3.1).
    response.headers["Cross-Origin-Opener-Policy"] = "unsafe-none"
    response.headers["X-Postern-Remote-Blocked"] = str(cleaned.blocked_remote)
    return response


def told(fault: Fault) -> Response:
    """What went wrong, where the mail would stand: no page of ours may be framed, and a browser then shows no word."""
    words = Markup("<p><strong>{}</strong></p><p>{} {} {}</p>").format(fault.title, fault.text, fault.kept, fault.todo)
    return answer(sanitize.Cleaned(words, 0, False), remote=False)


def policy(*, remote: bool) -> str:
    """The frame's Content-Security-Policy; `remote`: pictures may come from outside, over https."""
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src data:{' https:' if remote else ''}; "
        f"form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox {SANDBOX}"
    )


def _pictures(text: str) -> list[Wanted]:
    """``section-size,…`` of the page's own address; BadArgument beyond the limits, before anything is fetched."""
    found = [_PICTURE.fullmatch(each) for each in text.split(",")] if text else []
    wanted = [Wanted(check_section(each[1]), int(each[2])) for each in found if each]
    if len(wanted) != len(found) or len(wanted) > RELATED_PARTS or sum(each.limit for each in wanted) > RELATED_OCTETS:
        raise BadArgument("not the pictures of a message")
    return wanted


def _images(structure: Part, raw: dict[str, bytes], pictures: list[Wanted], named: frozenset[str]) -> dict[str, str]:
    """Content-ID → data address of the pictures that the HTML names, within the limits."""
    images: dict[str, str] = {}
    left = PICTURES_OCTETS
    for each in pictures:
        part = structure.find(each.section)
        if part is None or part.content_id is None or part.content_id not in named or part.content_id in images:
            continue
        data = decode(raw.get(each.section, b""), part.encoding)
        uri = data_uri(data) if len(data) <= min(PICTURE_OCTETS, left) else None
        if uri is not None:
            images[part.content_id] = uri
            left -= len(data)
    return images


def _allowed(mailbox: str, uidvalidity: int, uid: int, items: Items) -> bool:
    """Whether content from outside may load; never for a frame that another site asked for."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return False
    # An attached message's own sender is not vouched for by anybody: only "once" speaks for it.
    nested = bool(request.args.get("part"))
    name = message_name(mailbox, uidvalidity, uid)
    sender = "" if nested else confirmed(read_header(joined(items, b"BODY[HEADER.FIELDS")))
    return may_load(name, sender)
