"""What goes out, taken apart by others: Python's parser by both policies, a parser in Rust, Dovecot's own.

Each must find the same people, subject, tree, texts and files that were written.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, replace
from datetime import datetime
from email import message_from_bytes, message_from_string, policy
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any
from zoneinfo import ZoneInfo

import fast_mail_parser as rust
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from imapclient import IMAPClient

from app.mail.address import on_wire
from app.mail.entity import encode
from app.mail.filename import harmless
from app.mail.flowed import joined
from app.mail.header import clean
from app.mail.outgoing import Address, File, Upload, Writing, new_message_id, pieces
from tests.conftest import MailAccount
from tests.examples import examples

SAFE = st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Cn", "Co", "Zl", "Zp", "Zs"])
# Words in any script, with what parsers trip over: quotes, commas, brackets, what looks like an encoded word.
ODD = [
    "a",
    "B",
    " ",
    '"',
    "\\",
    ",",
    ";",
    "<",
    ">",
    "(",
    ")",
    "@",
    ":",
    ".",
    "=?",
    "?=",
    "=?utf-8?q?=41?=",
    "'",
    "%",
    "*",
]
WORDS = st.lists(st.sampled_from([*ODD, "ü", "日本", "😀", "é"]) | SAFE, max_size=40).map("".join).map(clean)
LOCAL = st.from_regex(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}(\.[a-z0-9]{1,8})?", fullmatch=True)
DOMAIN = st.sampled_from(["example.org", "straße.example", "bücher.example", "日本.example", "xn--bcher-kva.example"])
MAILBOX = st.builds(lambda name, local, domain: Address(name, f"{local}@{domain}"), WORDS, LOCAL, DOMAIN)
HIDDEN = MAILBOX.map(lambda each: Address("", f"hidden-{each.address}"))
UTF8_MAILBOX = st.builds(lambda name, domain: Address(name, f"jörg@{domain}"), WORDS, DOMAIN)
LINE = (
    st.sampled_from(
        ["From here", ".", "..", "> quoted", ">>> deep", "-- ", " indented", "x" * 2000, "ü" * 1500, "word " * 300]
    )
    | WORDS
)
TEXT = st.lists(LINE, max_size=6).map("\n".join)
ZONES = ("Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Kiritimati", "UTC")
WHEN = st.builds(
    lambda second, zone: datetime.fromtimestamp(second, ZoneInfo(zone)),
    st.integers(1_600_000_000, 2_200_000_000), st.sampled_from(ZONES),
)  # fmt: skip
TYPE = st.sampled_from(["application/pdf", "image/png", "text/plain", "application/octet-stream"])
FILE = st.builds(lambda name, kind, data: File(name, kind, data), WORDS, TYPE, st.binary(max_size=300))
PICTURE = st.builds(
    lambda name, data, number: File(name, "image/png", data, f"p{number}@example.org"),
    WORDS, st.binary(min_size=1, max_size=200), st.integers(1, 10**6),
)  # fmt: skip


@st.composite
def writings(draw: st.DrawFn, mailbox: st.SearchStrategy[Address] = MAILBOX) -> Writing:
    some = st.lists(mailbox, max_size=4).map(tuple)
    html = draw(st.none() | TEXT.map(lambda text: f"<p>{text.replace('<', '&lt;')}</p>"))
    pictures = draw(st.lists(PICTURE, max_size=2, unique_by=lambda each: each.content_id)) if html is not None else []
    return Writing(
        draw(mailbox), draw(some), cc=draw(some), bcc=draw(st.lists(HIDDEN, max_size=2).map(tuple)),
        reply_to=draw(some)[:1], subject=draw(WORDS), text=draw(TEXT), html=html,
        files=(*draw(st.lists(FILE, max_size=3)), *pictures),
        message_id=new_message_id("example.org"), date=draw(WHEN),
        in_reply_to=draw(st.sampled_from([None, "<a@example.org>"])),
        references=draw(st.sampled_from([(), ("<b@example.org>",) * 40])),
    )  # fmt: skip


def octets(writing: Writing, *, utf8: bool = False) -> bytes:
    found = pieces(writing, final=True, utf8=utf8)
    assert all(isinstance(each, bytes | Upload) for each in found)
    return b"".join(each if isinstance(each, bytes) else b"".join(encode(each)) for each in found)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader found, in one form for all of them. People: (name, address); leaves: (type, name, content)."""

    people: dict[str, list[tuple[str, str]]]
    subject: str
    message_id: str
    tree: object
    leaves: list[tuple[str, str, bytes]]


def expected(writing: Writing) -> Reading:
    """What every reader must find."""
    inside = [each for each in writing.files if writing.html is not None and each.content_id]
    beside = [each for each in writing.files if each not in inside]
    tree: object = "text/plain"
    if writing.html is not None:
        rich = ["multipart/related", "text/html", *(each.type for each in inside)] if inside else "text/html"
        tree = ["multipart/alternative", "text/plain", rich]
    if beside:
        tree = ["multipart/mixed", tree, *(each.type for each in beside)]
    people = {
        name: [(clean(each.name), on_wire(each.address)) for each in some]
        for name, some in {
            "From": (writing.sender,), "To": writing.to, "Cc": writing.cc, "Reply-To": writing.reply_to,
        }.items()
        if some
    }  # fmt: skip
    leaves = [(each.type, harmless(each.name), bytes(each.content)) for each in (*inside, *beside)]  # type: ignore[arg-type]
    return Reading(people, clean(writing.subject), writing.message_id, tree, leaves)


# -- the readers ------------------------------------------------------------------------------------------------------


def by_python(raw: bytes) -> Reading:
    """email.policy.default: its own grammar of header fields."""
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not [part.defects for part in message.walk() if part.defects]
    found = {
        name: [(each.display_name, each.addr_spec) for each in people(message, name)]
        for name in ("From", "To", "Cc", "Reply-To")
        if people(message, name)
    }
    leaves = [
        (part.get_content_type(), part.get_filename() or "", part.get_payload(decode=True) or b"")
        for part in list(message.walk())
        if is_file(part)
    ]
    return Reading(found, message["Subject"] or "", message["Message-ID"], tree_of(message), leaves)


def people(message: EmailMessage, name: str) -> list[Any]:
    """Whom a field names; nobody where there is none, or an empty group."""
    return list(message[name].addresses) if name in message else []


def by_compat(raw: bytes) -> Reading:
    """email.policy.compat32: another code for headers, RFC 2231 of its own."""
    message = message_from_bytes(raw)
    people = {
        name: [(unworded(each), address) for each, address in getaddresses([message[name]])]
        for name in ("From", "To", "Cc", "Reply-To")
        if name in message and not message[name].endswith(":;")
    }
    leaves = [
        (part.get_content_type(), part.get_filename() or "", part.get_payload(decode=True) or b"")
        for part in message.walk()
        if is_file(part)
    ]
    return Reading(people, unworded(message["Subject"] or ""), message["Message-ID"], tree_of(message), leaves)  # type: ignore[arg-type]


def is_file(part: Message) -> bool:
    return not part.is_multipart() and part.get_content_disposition() is not None


def unworded(text: str) -> str:
    return str(make_header(decode_header(re.sub(r"\r\n(?=[ \t])", "", text))))


def tree_of(message: Message) -> object:
    kind = message.get_content_type()
    return [kind, *(tree_of(part) for part in message.get_payload())] if kind.startswith("multipart/") else kind  # type: ignore[union-attr, arg-type]


def by_rust(raw: bytes) -> Reading:
    """The crate mailparse."""
    mail, root = rust.parse_email(raw), rust.parse_email_tree(raw)
    assert not mail.warnings
    given = {"From": [mail.from_] if mail.from_ else [], "To": mail.to, "Cc": mail.cc, "Reply-To": mail.reply_to}
    people = {name: [(each.display_name or "", each.address) for each in some] for name, some in given.items() if some}
    leaves = [(part.content_type, part.filename, part.content or b"") for part in flat(root) if part.disposition]
    return Reading(people, mail.subject, mail.headers["Message-ID"][0], rust_tree(root), leaves)


def flat(part: rust.PyMimePart) -> list[rust.PyMimePart]:
    return [part, *(each for child in part.children for each in flat(child))] if part.children else [part]


def rust_tree(part: rust.PyMimePart) -> object:
    return [part.content_type, *map(rust_tree, part.children)] if part.children else part.content_type


# -- the tests --------------------------------------------------------------------------------------------------------


def lines_hold(raw: bytes, writing: Writing) -> None:
    """What holds for the octets, whoever reads them."""
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\0", raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    head = raw.partition(b"\r\n\r\n")[0]
    assert not re.search(rb"^(?:Bcc|X-Postern[^:]*):", raw, re.MULTILINE | re.IGNORECASE)
    assert not re.search(rb"^From ", raw, re.MULTILINE)
    assert b"hidden-" not in head
    when = parsedate_to_datetime(message_from_bytes(raw)["Date"])
    assert (when.timestamp(), when.utcoffset()) == (writing.date.timestamp(), writing.date.utcoffset())


def texts_hold(raw: bytes, writing: Writing) -> None:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    plain = message.get_body(("plain",))
    assert plain is not None and plain.get_content_charset() in ("utf-8", "us-ascii")
    again = joined(
        (plain.get_payload(decode=True) or b"").decode().replace("\r\n", "\n").removesuffix("\n").split("\n")
    )  # type: ignore[union-attr]
    assert [re.sub("[> ]", "", line) for line in again.split("\n")] == [
        re.sub("[> ]", "", line) for line in writing.text.split("\n")
    ]
    (in_rust, *_) = rust.parse_email(raw).text_plain
    assert in_rust.replace("\r\n", "\n") == plain.get_content().replace("\r\n", "\n")
    if writing.html is not None:
        rich = message.get_body(("html",))
        assert rich is not None and rich.get_content().replace("\r\n", "\n") == f"{writing.html}\n"


@pytest.mark.slow
@examples(0.6, suppress_health_check=[HealthCheck.too_slow])
@given(writings())
def test_three_parsers_find_what_was_written(writing: Writing):
    raw = octets(writing)
    lines_hold(raw, writing)
    texts_hold(raw, writing)
    wanted = expected(writing)
    for reader in (by_python, by_compat, by_rust):
        found = reader(raw)
        loose = reader is by_python  # CPython 3.11 keeps the fold between encoded words of a display name
        assert named(found, loose) == named(wanted, loose), reader.__name__
        assert replace(found, people={}) == replace(wanted, people={}), reader.__name__


def named(reading: Reading, loose: bool) -> dict[str, list[tuple[str, str]]]:
    """The people of a reading; `loose`: without the spaces in their names."""
    return {
        field: [(name.replace(" ", "") if loose else name, address) for name, address in some]
        for field, some in reading.people.items()
    }


@examples(0.25, suppress_health_check=[HealthCheck.too_slow])
@given(writings(MAILBOX | UTF8_MAILBOX))
def test_local_parts_beyond_ascii_are_found_too_where_they_may_be_sent(writing: Writing):
    raw = octets(writing, utf8=True)
    lines_hold(raw, writing)
    message = message_from_string(raw.decode(), policy=policy.default)  # from bytes it reads ASCII alone
    found = [each.addr_spec for name in ("From", "To", "Cc") for each in people(message, name)]
    assert found == [on_wire(each.address) for each in (writing.sender, *writing.to, *writing.cc)]


ROUGH = (
    Address("Jörg, “der” Große", "joerg@bücher.example"),
    Address('a "quoted" \\ name', "a.b@example.org"),
    Address("=?utf-8?q?=41?=", "c@example.org"),
    Address("", '"a..b"@example.org'),
    Address("日本語の名前" * 12, "d@日本.example"),
)
NAMES = (
    "Übersicht – “final” 😀.pdf",
    "x" * 170 + ".pdf",
    'a"b;c=\\d.txt',
    "=?utf-8?q?=41?=.png",
    "日本語" * 40 + ".bin",
)


@pytest.mark.servers
def test_dovecot_finds_the_same_structure_and_envelope(mail_account: MailAccount):
    files = tuple(File(name, "application/pdf", name.encode() * 50) for name in NAMES)
    picture = File("p.png", "image/png", b"\x89PNG", "p1@example.org")
    writing = Writing(
        ROUGH[0], ROUGH[1:], subject="Grüße " * 40, text="Grüße\nFrom here\n.\n" + "x" * 3000,
        html="<p>Hi\nFrom here", files=(*files, picture), message_id="<1@example.org>",
        date=datetime(2026, 6, 1, 12, tzinfo=ZoneInfo("Asia/Kathmandu")),
    )  # fmt: skip
    raw = octets(writing)
    mail_account.append(raw)
    with IMAPClient("127.0.0.1", mail_account.server.imap_port, ssl=False) as client:
        client.login(mail_account.login, mail_account.password)
        client.select_folder("INBOX", readonly=True)
        (told,) = client.fetch([1], ["ENVELOPE", "BODYSTRUCTURE", "RFC822.SIZE", "BODY.PEEK[]"]).values()
        assert told[b"BODY[]"] == raw and told[b"RFC822.SIZE"] == len(raw)
        envelope = told[b"ENVELOPE"]
        assert unworded(envelope.subject.decode()) == clean(writing.subject)
        assert [f"{each.mailbox.decode()}@{each.host.decode()}" for each in envelope.to] == [
            on_wire(each.address).replace('"', "") for each in writing.to
        ]
        assert [unworded((each.name or b"").decode()) for each in envelope.to] == [
            clean(each.name) for each in writing.to
        ]
        (parts, kind, *_) = told[b"BODYSTRUCTURE"]
        assert kind == b"mixed" and [parts[0][0][0][:2], parts[0][0][1][0][0][:2]] == [
            (b"text", b"plain"),
            (b"text", b"html"),
        ]
        for number, (part, file) in enumerate(zip(parts[1:], files, strict=True), 2):
            section = f"BODY.PEEK[{number}]"
            (body,) = client.fetch([1], [section]).values()
            octets_of = body[f"BODY[{number}]".encode()]
            assert part[:2] == (b"application", b"pdf") and part[6] == len(octets_of)
            assert base64.b64decode(octets_of) == file.content
