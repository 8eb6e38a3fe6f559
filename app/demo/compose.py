"""Builds single messages of the demo: plain, HTML, with pictures, with files, invitations, bounces."""

from __future__ import annotations

import html
from datetime import datetime, timedelta
from email import message_from_string
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from app.demo.pictures import Colour, banner
from app.demo.words import Person

POLICY = SMTP.clone(max_line_length=78)


def letter(sender: Person, to: Person, subject: str, when: datetime, *, message_id: str) -> EmailMessage:
    """Return a message with its headers and no content yet."""
    message = EmailMessage(policy=POLICY)
    message["From"] = _address(sender)
    message["To"] = _address(to)
    message["Subject"] = subject
    message["Date"] = when
    message["Message-ID"] = f"<{message_id}>"
    return message


def _address(person: Person) -> Address:
    return Address(person.name, addr_spec=person.address)


def flowed(message: EmailMessage, text: str) -> EmailMessage:
    """Give the message a text that may be wrapped anew (format=flowed, RFC 3676)."""
    lines = []
    for line in text.split("\n"):
        lines += _soft_lines(line)
    message.set_content("\n".join(lines) + "\n")
    message.set_param("format", "flowed")
    return message


def _soft_lines(line: str) -> list[str]:
    """One paragraph as lines of at most 72 characters; each line of a quotation keeps its marks (RFC 3676 §4.5)."""
    said = line.lstrip(">")
    marks = line[: len(line) - len(said)] + (" " if said != line else "")
    rows = [marks]
    for word in said.strip(" ").split(" "):
        if len(rows[-1]) + len(word) > 70 and rows[-1] != marks:
            rows.append(marks)
        rows[-1] += word + " "
    return [*rows[:-1], rows[-1].rstrip(" ")]


def quote(text: str, sender: Person, when: datetime) -> str:
    """Return the text as a reply quotes it."""
    quoted = "\n".join(">" if not line else (">" if line.startswith(">") else "> ") + line for line in text.split("\n"))
    return f"On {when:%d %B %Y}, {sender.name} wrote:\n{quoted}"


def newsletter(message: EmailMessage, title: str, colour: Colour, paragraphs: list[str]) -> EmailMessage:
    """Make the message a newsletter: tables, inline styles, remote pictures, a tracking pixel, a text beside it."""
    name = str(message["Subject"])
    parts = [f"{title}\n{'=' * len(title)}", *paragraphs, "https://www.example.com/web\n"]
    message.set_content("\n\n".join(parts))
    rgb = "#{:02x}{:02x}{:02x}".format(*colour)
    stories = "".join(_story(text, number) for number, text in enumerate(paragraphs))
    page = _NEWSLETTER.format(title=html.escape(title), name=html.escape(name), rgb=rgb, stories=stories)
    message.add_alternative(page, subtype="html")
    message["List-Unsubscribe"] = "<https://www.example.com/unsubscribe?u=0a1b2c>, <mailto:leave@example.com>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return message


def _story(text: str, number: int) -> str:
    picture = f"https://images.example.com/{number}.jpg"
    return (
        '<tr><td style="padding:16px 24px;border-bottom:1px solid #e5e5e5">'
        f'<img src="{picture}" width="160" height="100" align="right" alt="" style="margin-left:12px">'
        f'<p style="margin:0 0 8px;font:15px/1.5 Georgia,serif;color:#333">{html.escape(text)}</p>'
        f'<a href="https://www.example.com/story/{number}?utm_source=mail" style="color:#0a5">Read on</a></td></tr>'
    )


_NEWSLETTER = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><style>
body {{ margin: 0; background: #f2f2f2 }} .sheet {{ background: #ffffff; width: 600px }}
a:hover {{ text-decoration: underline }} @media (max-width: 620px) {{ .sheet {{ width: 100% }} }}
</style></head><body>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td align="center">
<table class="sheet" role="presentation" cellpadding="0" cellspacing="0">
<tr><td style="background:{rgb};padding:28px 24px;color:#fff;font:bold 24px Arial,sans-serif">{title}</td></tr>
<tr><td style="padding:20px 24px 4px;font:bold 18px Arial,sans-serif">{name}</td></tr>
{stories}
<tr><td style="padding:20px 24px;font:12px Arial;color:#777">You get this because you asked for it on our web site.
<a href="https://www.example.com/unsubscribe" style="color:#777">Unsubscribe</a></td></tr>
</table></td></tr></table><img src="https://track.example.com/open.gif?u=0a1b2c" width="1" height="1"></body></html>
"""


def with_pictures(message: EmailMessage, text: str, pictures: list[bytes]) -> EmailMessage:
    """Make the message HTML with pictures inside the text (cid URLs, RFC 2392)."""
    message.set_content(text)
    names = [f"picture{number}@demo.example" for number in range(len(pictures))]
    shown = "".join(f'<p><img src="cid:{name}" width="420" alt="Picture"></p>' for name in names)
    paragraphs = "".join(f"<p>{html.escape(part)}</p>" for part in text.split("\n\n"))
    message.add_alternative(f"<html><body>{paragraphs}{shown}</body></html>", subtype="html")
    page = list(message.iter_parts())[1]
    assert isinstance(page, EmailMessage)
    for name, picture in zip(names, pictures, strict=True):
        page.add_related(picture, "image", "png", cid=f"<{name}>", filename=name.split("@")[0] + ".png")
    return message


def with_banner(message: EmailMessage, text: str, colour: Colour) -> EmailMessage:
    """Make the message HTML with a coloured stripe above, as shops send receipts."""
    return with_pictures(message, text, [banner(colour)])


def invitation(message: EmailMessage, start: datetime, place: str) -> EmailMessage:
    """Make the message an invitation (RFC 5545, RFC 6047)."""
    subject, stamp = message["Subject"], "%Y%m%dT%H%M%SZ"
    end = start + timedelta(hours=1)
    lines = [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Postern demo//EN", "METHOD:REQUEST", "BEGIN:VEVENT",
        f"UID:{message['Message-ID'].strip('<>')}", f"DTSTAMP:{start:{stamp}}", f"DTSTART:{start:{stamp}}",
        f"DTEND:{end:{stamp}}", f"SUMMARY:{subject}", f"LOCATION:{place}",
        f"ORGANIZER:mailto:{message['From'].addresses[0].addr_spec}",
        f"ATTENDEE;RSVP=TRUE:mailto:{message['To'].addresses[0].addr_spec}", "END:VEVENT", "END:VCALENDAR", "",
    ]  # fmt: skip
    calendar = "\r\n".join(lines)
    message.set_content(f"{subject}\n\nWhen: {format_datetime(start)}\nWhere: {place}\n")
    message.add_alternative(calendar, subtype="calendar", params={"method": "REQUEST"})
    message.add_attachment(calendar.encode(), "application", "ics", filename="invite.ics")
    return message


def bounce(message: EmailMessage, lost: str, original: EmailMessage) -> EmailMessage:
    """Make the message a report that mail to `lost` was not delivered (RFC 3464)."""
    message.set_content(f"Your message could not be delivered to\n\n  <{lost}>: 550 5.1.1 no such user\n")
    message.make_mixed()
    report = EmailMessage(policy=POLICY)
    report["Content-Type"] = "message/delivery-status"
    fields = f"Reporting-MTA: dns; mx.example.org|Final-Recipient: rfc822; {lost}\nAction: failed\nStatus: 5.1.1\n"
    report.set_payload([message_from_string(block + "\n\n") for block in fields.split("|")])
    message.attach(report)
    message.add_attachment(original)
    message.replace_header("Content-Type", "multipart/report; report-type=delivery-status; boundary=report-of-delivery")
    return message
