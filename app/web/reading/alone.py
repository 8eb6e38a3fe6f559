"""What stands above HTML mail in its frame, where no style of the mail reaches: where false links lead; and above a
mail by itself, to be printed, who wrote it, to whom, when and about what.

A frame without scripts has no height that its page could know, so that on paper it ends where the sheet does.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from markupsafe import Markup

from app.mail.header import Address
from app.mail.marks import OURS
from app.mail.message import Header
from app.web.format import Zone, full_date, plain

ASKED: Final = (
    b"BODYSTRUCTURE INTERNALDATE BODY.PEEK[HEADER.FIELDS (FROM TO CC SUBJECT DATE AUTHENTICATION-RESULTS)]<0.%d> "
)
MOST: Final = 5  # hosts that are named
_ONE: Final = "A link in this message leads elsewhere than it seems"
_CLASS: Final = f"{OURS}head"
# In a layer, as in app/mail/marks.py: no style of the mail hides or changes these lines, nor what they stand in.
# Nothing of a mail is positioned: what is paints above letters and boxes that are larger than their places.
_STYLE: Final = (
    f"<style>@layer postern{{html,body{{display:block!important;position:static!important;float:none!important;"
    "width:auto!important;min-width:0!important;max-width:none!important;height:auto!important;min-height:0!important;"
    "max-height:none!important;margin:0!important;padding:0!important;border:0!important;overflow:visible!important;"
    "opacity:1!important;visibility:visible!important}body{padding:16px 24px!important}"
    "head,head *{display:none!important}"
    f".{_CLASS}{{all:initial!important;direction:ltr!important;unicode-bidi:isolate!important;display:block!important;"
    "position:relative!important;z-index:1!important;"
    "margin:0 0 16px!important;padding:8px 12px 12px!important;background:#fff!important;color:#1a1a1a!important;"
    "border-bottom:1px solid #ccc!important;"
    "font:14px/1.5 system-ui,sans-serif!important;overflow-wrap:anywhere!important}"
    f".{_CLASS} *{{all:unset!important;font:inherit!important;color:inherit!important}}"
    f".{_CLASS} h1{{display:block!important;font-size:20px!important;font-weight:600!important}}"
    f".{_CLASS} p{{display:block!important}}.{_CLASS} bdi{{unicode-bidi:isolate!important}}"
    f".{_CLASS} b{{font-weight:600!important}}}}</style>"
)


class Sheet(NamedTuple):
    """What stands around a mail in its frame, as HTML."""

    title: Markup
    style: Markup
    head: Markup


FRAMED: Final = Sheet(Markup("The message"), Markup(), Markup())  # the page around it says the rest


def sheet(header: Header, zone: Zone, arrived: datetime) -> Sheet:
    """The lines above a mail, and a title, which names the file that it is printed into.

    `arrived`: the date of a mail that names none.
    """
    subject = Markup.escape(plain(header.subject) or "(no subject)")
    people = (("From", header.from_), ("To", header.to), ("Copy", header.cc))
    lines = [_line(name, _people(who)) for name, who in people if who]
    lines.append(_line("Date", Markup.escape(full_date(header.date or arrived, zone))))
    head = Markup('<header class="{}"><h1><bdi>{}</bdi></h1>{}</header>')
    return Sheet(subject, Markup(_STYLE), head.format(_CLASS, subject, Markup().join(lines)))


def warned(sheet: Sheet, hosts: Sequence[str]) -> Sheet:
    """With the hosts to which links of the mail lead that seem to lead elsewhere: it may hide what is beside them."""
    named = Markup(", ").join(Markup("<b><bdi>{}</bdi></b>").format(host) for host in hosts[:MOST])
    more = f" and {len(hosts) - MOST} more" if len(hosts) > MOST else ""
    seem = "Links in this message lead elsewhere than they seem" if len(hosts) > 1 else _ONE
    note = Markup('<div class="{}">{}: to {}{}.</div>').format(_CLASS, seem, named, more)
    return Sheet(sheet.title, Markup(_STYLE), sheet.head + note)


def _line(name: str, value: Markup) -> Markup:
    return Markup("<p>{}: {}</p>").format(name, value)


def _people(everyone: Sequence[Address]) -> Markup:
    """Name and address of each; the address alone where there is no other name."""
    named = [(plain(each.name), plain(each.address)) for each in everyone]
    shown = [f"{name} <{address}>" if name and name != address else address for name, address in named]
    return Markup(", ").join(Markup("<bdi>{}</bdi>").format(each) for each in shown)
