"""The form of a message: what it holds comes back as it was, and nothing in it is believed."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from app.mail.outgoing import Address, File, Origin, Stored, pieces
from app.mail.part import Place
from app.web.letter.kept import Kept
from app.web.letter.letter import Letter, letter_of, read_letter

ME = Address("Alice", "alice@example.org")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ID = "<a@example.org>"
DRAFT = Place("Entwürfe/2026", 7, 12)
LATER = Place("Entwürfe/2026", 7, 13)


def stored(place: Place, section: str, size: int) -> Stored:
    return Stored(place.mailbox, place.uidvalidity, place.uid, section, size)


def form(letter: Letter, **more: str) -> MultiDict[str, str]:
    """The fields as a browser sends them."""
    lines = {name: getattr(letter, name) for name in ("to", "cc", "bcc", "subject", "text")}
    fields = [*letter.hidden(), *lines.items(), *(("file", each.told) for each in letter.files)]
    return MultiDict([*((name, value) for name, value in fields if name not in more), *more.items()])


def test_a_letter_comes_back_from_its_form() -> None:
    letter = Letter(
        ID,
        origin=Origin("forward", Place("INBOX", 1, 5)),
        draft=DRAFT,
        in_reply_to="<b@example.org>",
        references=("<c@example.org>", "<b@example.org>"),
        to="Bob <bob@example.org>, carl",
        subject="Über & <b>",
        text="One\n> two\n\n",
        files=(
            Kept(DRAFT, "2", 'a"b.pdf', "application/pdf", 120),
            Kept(Place("INBOX", 1, 5), "", "mail.eml", "message/rfc822", 9, "8bit"),
            Kept(DRAFT, "3", "a.png", "image/png", 40, "base64", None, "one@example.org"),
        ),
    )
    assert read_letter(form(letter), []) == letter


def test_recipients_that_are_none_stand_in_the_draft_as_they_were_typed() -> None:
    letter = Letter(ID, to="bob@example.org, carl; dora@", cc="eve@example.org")
    draft = letter.writing(ME, NOW)
    assert [each.address for each in draft.to] == ["bob@example.org"]
    assert letter_of(draft, DRAFT).to == letter.to
    assert letter_of(draft, DRAFT).cc == letter.cc


def test_files_lie_in_the_draft_after_it_was_saved() -> None:
    old = Place("INBOX", 1, 5)
    letter = Letter(ID, files=(Kept(old, "1.2", "a.pdf", "application/pdf", 120), Kept(DRAFT, "2", "b", "a/b", 8)))
    writing = letter.writing(ME, NOW)
    assert [each.content for each in writing.files] == [stored(old, "1.2", 120), stored(DRAFT, "2", 8)]
    after = letter.stored(LATER, writing)
    assert after.files == (Kept(LATER, "2", "a.pdf", "application/pdf", 120), Kept(LATER, "3", "b", "a/b", 8))
    assert after.writing(ME, NOW).files[0] == File("a.pdf", "application/pdf", stored(LATER, "2", 120))


def test_a_file_is_attached_once_however_often_a_form_names_it() -> None:
    one, other = Kept(DRAFT, "2", "a", "a/b", 8), Kept(DRAFT, "3", "b", "a/b", 8)
    told = form(Letter(ID, files=(one, replace(one, name="c", size=0), other, one)))
    assert [each.section for each in read_letter(told, []).files] == ["2", "3"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("message_id", ""),
        ("message_id", "<a@b>\r\nBcc: eve@example.org"),
        ("in_reply_to", "no id"),
        ("draft", "INBOX.1"),
        ("draft", "INBOX.1.0"),
        ("draft", "IN BOX.1.1"),
        ("origin", "reply ~zz.1.1"),
        ("file", "[]"),
        ("file", '["","1","a","text/plain",1,"base64",null,null]'),
        ("file", '["~0d~0a.1.1","1","a","text/plain",1,"base64",null,null]'),
        ("file", '["INBOX.1.1","1.MIME","a","text/plain",1,"base64",null,null]'),
        ("file", '["INBOX.1.1","1","a","text/plain",-1,"base64",null,null]'),
        ("file", '["INBOX.1.1","1","a","text/plain",1,"x\\r\\ny",null,null]'),
        ("file", '["INBOX.1.1","1","a","text/plain",1,"base64",null,7]'),
        ("file", "[" * 5000),
    ],
)
def test_what_nobody_types_is_refused_where_it_makes_no_sense(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="no"):
        read_letter(form(Letter(ID), **{name: value}), [])


@pytest.mark.parametrize("encoding", ["weird", "x-uuencode", "base 64", "x" * 5000, ""])
@pytest.mark.parametrize("section", ["2", ".".join(["1"] * 100)])
def test_files_of_odd_mails_can_be_passed_on(encoding: str, section: str) -> None:
    odd = File("a", "a/b", Stored("INBOX", 1, 5, section, 8, encoding), charset="x" * 70_000)
    begun = letter_of(replace(Letter(ID).writing(ME, NOW), files=(odd,)), None)
    assert [each.section for each in read_letter(form(begun), []).files] == [section]


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=200))
def test_whatever_is_typed_becomes_a_message_with_the_fields_that_we_gave_it(to: str, subject: str, text: str) -> None:
    letter = read_letter(MultiDict([("message_id", ID), ("to", to), ("subject", subject), ("text", text)]), [])
    raw = b"".join(piece for piece in pieces(letter.writing(ME, NOW), final=False) if isinstance(piece, bytes))
    names = [line.partition(b":")[0] for line in raw.partition(b"\r\n\r\n")[0].split(b"\r\n") if line[:1] not in b" \t"]
    known = {b"Date", b"From", b"To", b"Subject", b"Message-ID", b"MIME-Version", b"Content-Type"}
    known |= {b"Content-Transfer-Encoding", b"X-Postern-State-typed-to"}
    assert set(names) <= known
    assert b"\n" not in raw.replace(b"\r\n", b"") and b"\r" not in raw.replace(b"\r\n", b"")


def test_html_is_cleaned_and_the_text_is_made_of_it_whatever_else_the_form_says() -> None:
    html = "<div>One <b onclick=x>two</b></div><script>three</script>"
    letter = read_letter(MultiDict([("message_id", ID), ("text", "other words"), ("html", html)]), [])
    assert (letter.text, letter.html) == ("One two", "<div>One <b>two</b></div>")
    assert letter_of(letter.writing(ME, NOW), DRAFT).html == letter.html


def test_a_strangers_html_is_cleaned_before_the_editor_gets_it() -> None:
    draft = replace(Letter(ID).writing(ME, NOW), text="x", html="<p>x<img src=y onerror=z>")
    assert letter_of(draft, DRAFT).html == "<p>x</p>"


@pytest.mark.parametrize("html", ["x" * 1_400_001, "<b>x</b>" * 30_000])
def test_more_formatting_than_is_kept_whole_is_refused_as_it_was_typed(html: str) -> None:
    letter = read_letter(MultiDict([("message_id", ID), ("text", ""), ("html", html)]), [])
    assert letter.overlong and letter.html == html
    draft = replace(Letter(ID).writing(ME, NOW), text="words", html="<b>x</b>" * 30_000)
    assert (letter_of(draft, DRAFT).html, letter_of(draft, DRAFT).text) == (None, "words")


def test_a_picture_is_inside_where_the_html_shows_it_and_attached_where_it_does_not() -> None:
    kept = tuple(Kept(DRAFT, str(at), f"{at}.png", "image/png", 9, content_id=f"{at}@x") for at in (2, 3))
    html = '<img src="cid:2@x" alt=""><img src="cid:gone@x" alt="">'
    written = Letter(ID, html=html, files=kept).writing(ME, NOW)
    assert written.html == '<img src="cid:2@x" alt="">'
    assert [each.content_id for each in written.files] == ["2@x", None]
    assert [each.content_id for each in Letter(ID, files=kept).writing(ME, NOW).files] == [None, None]
