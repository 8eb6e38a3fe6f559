"""Messages as they should not be, and often are: each must be listed and shown as far as it goes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

_HEAD = "From: Odd Sender <odd@example.org>\nTo: <{to}>\nDate: {when:%a, %d %b %Y %H:%M:%S +0000}\nMessage-ID: <{id}>\n"

# Each: name, further headers and body in bytes.
_ODD: tuple[tuple[str, bytes], ...] = (
    ("no-subject", b"\nA message without a subject.\n"),
    ("long-word", b"Subject: " + b"Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbau" * 7
     + b"\n\nOne word, and it does not end.\n"),
    ("raw-eight-bit", b"Subject: Gr\xfc\xdfe in Latin-1, not encoded\n\nK\xe4se und Br\xf6tchen\n"),
    ("unknown-charset", b"Subject: =?x-klingon?Q?tlhIngan?=\nContent-Type: text/plain; charset=x-klingon\n\nQapla'\n"),
    ("open-boundary", b"Subject: The last boundary is missing\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n"
     b"\n--b\nContent-Type: text/plain\n\nThe first part is complete.\n--b\nContent-Type: text/plain\n\nThe second one was cut"),
    ("bad-base64", b"Subject: Base64 that is none\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n"
     b"\nVGhpcyBpcyB0ZXh0!!!\n***\nIHdpdGggaG9sZXM=\n"),
    ("empty", b"Subject: Nothing inside\n\n"),
    ("only-html", b"Subject: HTML without any text beside it\nContent-Type: text/html; charset=utf-8\n\n"
     b"<p onclick='alert(1)'>A <b>script</b> and a form are taken out.<script>alert(1)</script>"
     b"<form action='https://evil.example'><input name=p><button>Sign in</button></form>\n"),
    ("lying-type", b"Subject: The picture is a text\nMIME-Version: 1.0\nContent-Type: image/png; name=picture.png\n"
     b"Content-Disposition: attachment; filename=picture.png\n\nThis was never a picture.\n"),
    ("deep-quotes", b"Subject: Re: Re: Re: AW: Re: Fwd: Quoted twelve times\n\n"
     + b"".join(b">" * depth + b" level %d\n" % depth for depth in range(12, 0, -1)) + b"And an answer below.\n"),
    ("marks", b"Subject: =?utf-8?Q?=E2=80=AE?=desrever ro ton ,tcejbus a\n\nA mark that turns the direction of the subject around.\n"),
    ("two-froms", b"From: Second <second@example.org>\nSubject: Two senders\n\nWhich of them?\n"),
)  # fmt: skip


def odd_messages(to: str, when: Callable[[], datetime], message_id: Callable[[], str]) -> list[tuple[datetime, bytes]]:
    """Return the odd messages with the time each arrived."""
    result = []
    for _name, rest in _ODD:
        arrived = when()
        head = _HEAD.format(to=to, when=arrived, id=message_id()).encode()
        result.append((arrived, (head + rest).replace(b"\n", b"\r\n")))
    undated = f"From: Nobody <nobody@example.org>\r\nTo: <{to}>\r\nSubject: Written on no day\r\n\r\nNo date.\r\n"
    future = _HEAD.format(to=to, when=datetime(2099, 1, 1), id=message_id())  # noqa: DTZ001
    result.append((when(), undated.encode()))
    result.append((when(), (future + "Subject: From the year 2099\n\nToo early.\n").replace("\n", "\r\n").encode()))
    return result
