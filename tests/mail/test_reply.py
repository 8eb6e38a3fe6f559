"""Answers and forwards: to whom, about what, quoting what; as people expect it, and not as a stranger arranges it."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.demo.odd import odd_messages
from app.mail.bodystructure import Part
from app.mail.content import Content
from app.mail.draft import read, save
from app.mail.header import Address
from app.mail.message import Body, Message, open_message, read_header
from app.mail.outgoing import File, Stored, pieces, placed
from app.mail.plain import html_text
from app.mail.quote import Style, quote_text
from app.mail.reply import as_new, forward, identity, list_address, original, reply, thread
from app.mail.signature import Signature
from tests.mail.boxes import Spent, opened

ME = (Address("Alice", "alice@example.org"), Address("A. L.", "al@straße.example"))
NOW = datetime(2026, 6, 2, tzinfo=UTC)


def a_message(head, text="Hi\n", **changes):
    part = Part("1", "text/plain", {"charset": "utf-8"}, size=len(text))
    header = read_header(head.replace("\n", "\r\n").encode())
    message = Message("INBOX", 7, 12, frozenset(), 100, NOW, header, part, (part,), (), texts={"1": Body(text, False)})
    return replace(message, **changes)


def answered(head, *, all=False, me=ME, **options):
    writing = reply(a_message(head), me, all=all, now=NOW, **options)
    return [each.address for each in writing.to], [each.address for each in writing.cc]


USUAL = "From: bob@x.org\nTo: alice@example.org, Carl <carl@x.org>\nCc: Dora <dora@x.org>, al@xn--strae-oqa.example\n"
LIST = "From: bob@x.org\nTo: list@x.org\nCc: alice@example.org, dora@x.org\nList-Post: <mailto:list@x.org>\n"
OWN = "From: Alice <Alice@example.org>\nTo: bob@x.org\nCc: carl@x.org\n"


@pytest.mark.parametrize(
    ("head", "one", "everybody"),
    [
        (USUAL, (["bob@x.org"], []), (["bob@x.org", "carl@x.org"], ["dora@x.org"])),
        (USUAL + "Reply-To: r@x.org\n", (["r@x.org"], []), (["r@x.org", "carl@x.org"], ["dora@x.org"])),
        (USUAL + "Mail-Followup-To: f@x.org, alice@example.org\n", (["bob@x.org"], []), (["f@x.org"], [])),
        (LIST, (["bob@x.org"], []), (["bob@x.org", "list@x.org"], ["dora@x.org"])),
        (LIST + "Reply-To: LIST@x.org\n", (["bob@x.org"], []), (["LIST@x.org"], ["dora@x.org"])),
        (LIST + "Reply-To: bob2@x.org\n", (["bob2@x.org"], []), (["bob2@x.org", "list@x.org"], ["dora@x.org"])),
        (OWN, (["bob@x.org"], []), (["bob@x.org"], ["carl@x.org"])),
        ("From: bob@x.org\nTo: alice+shop@example.org\n", (["bob@x.org"], []), (["bob@x.org"], [])),
        ("From: alice@example.org\nTo: alice@example.org\n", (["alice@example.org"], []), (["alice@example.org"], [])),
        ("From: bob@x.org\nTo: bob@x.org, bob+x@x.org\n", (["bob@x.org"], []), (["bob@x.org", "bob+x@x.org"], [])),
        ("From: bob@x.org\nTo: undisclosed-recipients:;\n", (["bob@x.org"], []), (["bob@x.org"], [])),
        ("From: b@x.org\nReply-To: b@xn--strae-oqa.example\n", (["b@straße.example"], []), (["b@straße.example"], [])),
        ("Sender: s@x.org\n", (["s@x.org"], []), (["s@x.org"], [])),
        ("Subject: nobody\n", ([], []), ([], [])),
        ("From: a b <odd@@x>\n", (["odd@@x"], []), (["odd@@x"], [])),
    ],
)  # fmt: skip
def test_an_answer_goes_where_people_expect_it(head, one, everybody):
    assert answered(head) == one
    assert answered(head, all=True) == everybody


def test_an_answer_to_the_list_goes_to_the_list_alone():
    assert answered(LIST, to_list=True) == (["list@x.org"], [])
    assert answered(USUAL, to_list=True) == (["bob@x.org"], []), "no list tells"


@pytest.mark.parametrize(
    ("field", "address"),
    [
        ("<mailto:l@x.org>", "l@x.org"), ("<mailto:l@x.org?subject=x> (hi)", "l@x.org"), ("NO", None), ("", None),
        ("<https://x.org>, <mailto:l%2Bx@x.org>", "l+x@x.org"), ("<mailto:a%0d%0aBcc:x@y.org>", None),
    ],
)  # fmt: skip
def test_the_lists_address_is_read_from_its_header(field, address):
    found = list_address(read_header(b"List-Post: " + field.encode() + b"\r\n"))
    assert (found.address if found else None) == address


def test_the_identity_is_the_address_that_the_message_came_to():
    header = read_header(b"From: bob@x.org\r\nTo: AL@xn--strae-oqa.example\r\n")
    assert identity(header, ME) == ME[1] and identity(read_header(b""), ME) == ME[0]
    assert reply(a_message("From: b@x.org\nCc: al@straße.example\n"), ME, all=False).sender == ME[1]
    assert reply(a_message(OWN), tuple(reversed(ME)), all=False).sender == ME[0]


@pytest.mark.parametrize(
    ("subject", "answer", "passed_on"),
    [
        ("Hello", "Re: Hello", "Fwd: Hello"),
        ("Re: Hello", "Re: Hello", "Fwd: Re: Hello"),
        ("RE: AW: Re[2]: Hello", "Re: Hello", "Fwd: RE: AW: Re[2]: Hello"),
        ("Fwd: WG: Hello", "Re: Fwd: WG: Hello", "Fwd: Hello"),
        ("Regards", "Re: Regards", "Fwd: Regards"),
        ("回复：你好", "Re: 你好", "Fwd: 回复：你好"),
        ("", "Re: ", "Fwd: "),
        ("Re:", "Re: ", "Fwd: Re:"),
    ],
)
def test_prefixes_do_not_pile_up(subject, answer, passed_on):
    message = a_message(f"From: b@x.org\nSubject: {subject}\n")
    assert reply(message, ME, all=False).subject == answer
    assert forward(message, ME).subject == passed_on


def test_threads_go_on_and_do_not_grow_for_ever():
    head = "From: b@x.org\nMessage-ID: <me@x>\nReferences: <1@x> bad <2@x>\nIn-Reply-To: <2@x>\n"
    writing = reply(a_message(head), ME, all=False)
    assert (writing.in_reply_to, writing.references) == ("<me@x>", ("<1@x>", "<2@x>", "<me@x>"))
    assert thread(read_header(b"In-Reply-To: your mail of Monday <2@x>\r\nMessage-ID: <3@x>\r\n")) == ("<2@x>", "<3@x>")
    many = " ".join(f"<{n}@x>" for n in range(90))
    long = thread(read_header(f"References: {many}\r\nMessage-ID: <me@x>\r\n".encode()))
    assert len(long) == 20 and long[0] == "<0@x>" and long[-2:] == ("<89@x>", "<me@x>")
    odd = reply(a_message("From: b@x.org\nMessage-ID: no id\n"), ME, all=False)
    assert odd.in_reply_to is None and odd.references == ()


def test_what_is_answered_is_named_and_an_attached_message_is_not():
    message = a_message("From: b@x.org\n")
    assert reply(message, ME, all=False).origin.kind == "reply" and forward(message, ME).origin.kind == "forward"
    assert reply(replace(message, section="2"), ME, all=False).origin is None


DATED = "From: Bob <bob@x.org>\nDate: Mon, 1 Jun 2026 22:30:00 +0000\nTo: alice@example.org\nSubject: Hi\n"


def test_the_answer_stands_above_or_below_what_it_quotes():
    message = a_message(DATED, "One\n> two\n\nthree\n\n-- \nBob\n")
    quote = "On Tuesday, 2 June 2026 at 00:30, Bob wrote:\n> One\n>> two\n>\n> three"
    berlin = ZoneInfo("Europe/Berlin")
    above = reply(message, ME, all=False, style=Style(berlin, signature=Signature("Alice")))
    assert above.text == "\n\n-- \nAlice\n\n" + quote
    below = reply(message, ME, all=False, style=Style(berlin, above=False, signature=Signature("Alice")))
    assert below.text == quote + "\n\n\n-- \nAlice\n"
    assert reply(message, ME, all=False, style=Style(berlin)).text == "\n\n\n" + quote
    rich = reply(message, ME, all=False, style=Style(berlin, rich=True))
    assert above.html is None and html_text(rich.html) == quote and rich.html.count("<blockquote") == 2


def test_with_formatting_a_quote_keeps_its_own_and_its_pictures():
    message = a_message(DATED, "One\n")
    shown = File("a.png", "image/png", Stored("INBOX", 1, 5, "2.2", 100), "a@b")
    other = File("b.pdf", "application/pdf", Stored("INBOX", 1, 5, "3", 100))
    html = '<p>One <b onclick=x>two</b><img src="cid:a@b"><img src="cid:gone@b"></p><script>x</script>'
    content = Content("One two", html, (shown, other))
    style = Style(rich=True, signature=Signature("Alice", "<i>Alice</i>"))
    answer = reply(message, ME, all=False, content=content, style=style)
    assert answer.files == (shown,)
    assert '<blockquote type="cite"><p>One <b>two</b><img src="cid:a@b" alt="">' in answer.html
    assert answer.html.index("<i>Alice</i>") < answer.html.index("Bob wrote:")
    assert reply(message, ME, all=False, content=content).files == ()
    passed = forward(message, ME, content=content, style=style)
    assert passed.files == (shown, other) and "<blockquote" not in passed.html and "<p>One <b>two</b>" in passed.html
    cut = replace(content, cut=True)
    assert "<b>" not in reply(message, ME, all=False, content=cut, style=style).html


def test_flowed_text_and_html_are_quoted_as_paragraphs():
    flowed = Part("1", "text/plain", {"format": "flowed"}, size=9)
    message = a_message(DATED, "a long \nline\n> and \n> more\n", structure=flowed, shown=(flowed,))
    assert reply(message, ME, all=False).text.endswith("wrote:\n> a long line\n>> and more")
    html = Part("1", "text/html", size=9)
    message = a_message(DATED, "<p>One<p>two<script>x</script>", structure=html, shown=(html,))
    assert reply(message, ME, all=False).text.endswith("wrote:\n> One\n>\n> two")
    assert reply(message, ME, all=False, content=Content("better")).text.endswith("wrote:\n> better")


def test_quotes_grow_a_level_at_a_time():
    assert quote_text("> > a\n>>> b\nc\n \n\n") == ">>> a\n>>>> b\n> c"


def test_a_message_is_passed_on_with_its_text_and_files_or_whole():
    message = a_message(DATED + "Cc: Carl <carl@x.org>\n", "Hello\n")
    inline = forward(message, ME, style=Style(signature=Signature("Alice")))
    assert inline.text == (
        "\n\n-- \nAlice\n\n---------- Forwarded message ----------\nFrom: Bob <bob@x.org>\n"
        "Date: Monday, 1 June 2026 at 22:30\nSubject: Hi\nTo: alice@example.org\nCc: Carl <carl@x.org>\n\nHello\n"
    )
    paper = Part("2", "application/pdf", encoding="base64", size=40, filename="a.pdf")
    assert [file.content.section for file in forward(replace(message, attachments=(paper,)), ME).files] == ["2"]
    attached = forward(message, ME, inline=False)
    (file,) = attached.files
    assert (file.name, file.type, file.content.section, file.content.size) == ("Hi.eml", "message/rfc822", "", 100)
    assert "Hello" not in attached.text


MIXED = (
    b"From: Bob <bob@x.org>\r\nTo: alice@example.org\r\nSubject: Hi\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n"
    b"--c\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"Gr=FC=DFe\r\n--c\r\nContent-Type: multipart/related; boundary=d\r\n\r\n--d\r\nContent-Type: text/html\r\n\r\n"
    b"<p>Gruesse<img src='cid:p'>\r\n--d\r\nContent-Type: image/png\r\nContent-ID: <p>\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\neHg=\r\n--d--\r\n--c--\r\n"
    b"--b\r\nContent-Type: text/plain; charset=koi8-r; name=notes.txt\r\nContent-Transfer-Encoding: 8bit\r\n"
    b"Content-Disposition: attachment\r\n\r\n\xd0\xd2\xc9\xd7\xc5\xd4\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: c@x.org\r\nSubject: inner\r\n\r\nbody\r\n\r\n--b--\r\n"
)


@pytest.mark.servers
def test_texts_and_files_of_a_real_message_are_taken_along(mail_account):
    mail_account.append(MIXED)
    with opened(mail_account.server.imap_port, mail_account.login, mail_account.password) as client:
        validity = client.select("INBOX").uidvalidity
        message = open_message(client, "INBOX", validity, 1, mark_seen=False)
        spent = Spent(client)
        content = original(client, message)
        assert spent.commands == 1
    assert content.text == "Grüße" and content.html == "<p>Gruesse<img src='cid:p'>" and not content.cut
    assert [(file.name, file.type, file.content.section, file.content.encoding) for file in content.files] == [
        ("part-1.2.2.png", "image/png", "1.2.2", "base64"),
        ("notes.txt", "text/plain", "2", "8bit"),
        ("inner.eml", "message/rfc822", "3", "7bit"),
    ]
    assert content.files[0].content_id == "p" and content.files[1].charset == "koi8-r"
    again = as_new(message, ME, content)
    assert again.html and [each.address for each in again.to] == ["alice@example.org"] and not again.references
    assert as_new(a_message("From: b@x.org\nBcc: eve@x.org\n"), ME, content).bcc == ()
    assert as_new(a_message(OWN + "Bcc: eve@x.org\n"), ME, content).bcc == (Address("", "eve@x.org"),)
    assert again.sender == ME[0] and again.message_id not in ("", message.header.message_id)
    assert reply(message, ME, all=False, content=content).text.endswith("> Grüße")
    assert pieces(forward(message, ME, content=content), final=False)


ODDEST = [
    b"From: =?utf-8?q?a=0D=0ABcc=3A_x=40y.org?= <b@x.org>\r\nReply-To: \"x\r\n y\" <c@x.org>, d@x.org\r\n\r\nx\r\n",
    b"From: <>\r\nTo: a\x00b@x.org, =?x?q?=, <@x.org:e@x.org>, \"\\\" <f@x.org>\r\nSubject: Re: \x00\x01\r\n\r\n",
    b"Message-ID: <a b@x>\r\nReferences: <\xff@x> <ok@x>\r\n <a@x>\r\nMail-Followup-To: <>,;:\r\n\r\n\xff\xfe\r\n",
    b"From: b@x.org\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    b"Content-Type: x/y\"; name=\"../../a\x01b\"\r\nContent-Transfer-Encoding: x y\r\nContent-ID: <<a>\r\n"
    b"Content-Disposition: attachment; filename*=utf-8''%0d%0aBcc:x\r\n"
    b"\r\nz\r\n--b\r\nContent-Type: text/plain; charset=\"u\r\n tf\"; name=t\r\n\r\n--b--\r\n",
    b"From: b@x.org\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b--\r\n",
    b"From: b@x.org\r\nContent-Type: multipart/related; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b--\r\n",
    b"From: b@x.org\r\nContent-Type: text/html; charset=utf-7\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\n+ADw-****\r\n",
    b"From: b@x.org\r\nContent-Type: multipart/encrypted; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
    b"--b\r\nContent-Type: application/octet-stream\r\n\r\nx\r\n--b--\r\n",
]


def sound(writing):
    """What another parser reads of it: one header, the files that it should have."""
    some = b"Subject: x\r\n\r\nx"
    whole = b"".join(some if isinstance(piece, Stored) else piece for piece in pieces(writing, final=False))
    parsed = message_from_bytes(whole, policy=policy.default)
    assert not [part for part in parsed.walk() if part.defects and part["content-transfer-encoding"] != "base64"]
    assert parsed["from"].addresses[0].addr_spec == "alice@example.org" and parsed["bcc"] is None
    assert len([part for part in parsed.walk() if part["content-disposition"]]) == len(writing.files)


@pytest.mark.servers
def test_odd_messages_can_be_answered_forwarded_and_sent_once_more(mail_account):
    odd = [raw for _, raw in odd_messages("alice@example.org", lambda: NOW, lambda: "o@x.org")]
    mail_account.server.fill(mail_account.login, [*odd, *ODDEST, MIXED])
    with opened(mail_account.server.imap_port, mail_account.login, mail_account.password) as client:
        validity = client.select("INBOX").uidvalidity
        for uid in range(1, client.note.exists + 1):
            client.select("INBOX")
            message = open_message(client, "INBOX", validity, uid, mark_seen=False)
            content = original(client, message)
            assert len(content.files) >= len([part for part in message.attachments if part.disposition == "attachment"])
            again = as_new(message, ME[:1], content)
            for writing in (
                reply(message, ME[:1], all=False),
                reply(message, ME[:1], all=True, content=content),
                forward(message, ME[:1], content=content),
                forward(message, ME[:1], inline=False),
                replace(again, bcc=()),
            ):
                sound(writing)
                saved = save(client, "Drafts", pieces(writing, final=False))
                stored = read(client, "Drafts", saved.uidvalidity, saved.uid)
                assert len(stored.files) == len(writing.files) and stored.subject == writing.subject.strip()
                assert [file.content.size for file in stored.files] == [
                    file.content.size for file in placed(writing, "Drafts", 1, 1).files
                ]
    assert uid == len(odd) + len(ODDEST) + 1


ANYTHING = st.binary(max_size=80) | st.text(max_size=40).map(str.encode)


NAMES = b"From To Cc Reply-To Mail-Followup-To List-Post Subject Date Message-ID References".split()


USUALLY = st.sampled_from([b"a@x.org, B <b@x.org>", b"<mailto:l@x.org>", b"alice@example.org"])


@given(st.dictionaries(st.sampled_from(NAMES), ANYTHING | USUALLY))
def test_no_header_of_a_stranger_stops_an_answer(header):
    block = b"".join(name + b": " + value.replace(b"\n", b"\n ") + b"\r\n" for name, value in header.items())
    message = replace(a_message("From: b@x.org\n"), header=read_header(block))
    for writing in (reply(message, ME, all=True), reply(message, ME, all=False, to_list=True), forward(message, ME)):
        sound(replace(writing, sender=ME[0]))
        assert "\n" not in writing.subject
