"""One text in two forms, and under the signature of whom it is from."""

from app.profile.identities import Identity
from app.web.letter.formatting import in_form, lost_by, signature_of, signed
from app.web.letter.letter import Letter

ALICE = Identity("a", "Alice", "alice@example.org", signature_text="Alice")
OFFICE = Identity("o", "Office", "office@example.org", signature_text="Office", signature_html="<b>Office</b>")
BOTH = (ALICE, OFFICE)
LETTER = Letter("<a@example.org>", identity="a", signed="a", text="Hello\n\n-- \nAlice")


def test_a_text_has_the_same_words_with_formatting_and_without():
    rich = in_form(LETTER, "rich", BOTH)
    assert rich.html == f"<div>Hello</div><div><br></div>{signature_of(ALICE).element}"
    nobody = in_form(Letter(LETTER.message_id, text=LETTER.text), "rich", BOTH)
    assert nobody.html == "<div>Hello</div><div><br></div><div>--\xa0</div><div>Alice</div>"
    assert in_form(rich, "plain", BOTH) == LETTER
    office = Letter(LETTER.message_id, signed="o", text="Hello\n\n-- \nOffice\n\n> q")
    assert "<b>Office</b></div><div><br></div><blockquote" in (in_form(office, "rich", BOTH).html or "")


def test_a_text_that_would_be_too_much_with_formatting_stays_plain():
    deep = Letter(LETTER.message_id, text=(">" * 100 + " x\ny\n") * 2000)
    assert in_form(deep, "rich", BOTH) == deep


def test_who_writes_as_another_signs_as_another():
    other = Letter(LETTER.message_id, identity="o", signed="a", text=LETTER.text)
    assert signed(other, BOTH).text == "Hello\n\n-- \nOffice"
    assert in_form(other, "signed", BOTH).signed == "o"
    html = f"<div>Hello</div>{signature_of(ALICE).element}"
    rich = signed(Letter(LETTER.message_id, identity="o", signed="a", html=html, text=LETTER.text), BOTH)
    assert rich.html == f"<div>Hello</div>{signature_of(OFFICE).element}" and "<b>Office</b>" in rich.html


def test_nothing_is_exchanged_for_who_is_nobody_or_the_same():
    for identity, before in (("a", "a"), ("x", "a"), ("o", ""), ("", "a")):
        letter = Letter(LETTER.message_id, identity=identity, signed=before, text=LETTER.text)
        assert signed(letter, BOTH) == letter


def test_what_a_draft_of_another_program_loses_here_is_told():
    assert lost_by(LETTER, None) == ""
    assert "plain text" in lost_by(LETTER, "<b>x</b>" * 30_000)
    rich = Letter(LETTER.message_id, html='<img src="cid:a@b" alt="">')
    assert lost_by(rich, '<IMG src="cid:a@b">') == ""
    assert "pictures" in lost_by(rich, '<img src="cid:a@b"><img src="https://x.example/p.png">')
