"""Before a message is sent: mistakes stand beside their field, doubts are asked once."""

import pytest

from app.mail.part import Place
from app.web.doubts import MANY_VISIBLE, doubts, faults
from app.web.kept import Kept
from app.web.letter import Letter

ID = "<a@example.org>"


def test_a_message_to_nobody_asks_for_somebody() -> None:
    assert faults(Letter(ID)) == {"to": "Write to whom this goes."}
    assert faults(Letter(ID, bcc="bob@example.org")) == {}


def test_each_mistake_is_named_by_its_word_beside_its_field() -> None:
    found = faults(Letter(ID, to="bob@example.org, carl", cc="dora@"))
    assert set(found) == {"to", "cc"}
    assert "“carl”" in found["to"] and "“dora@”" in found["cc"]


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("See the attached plan.", True),
        ("Der Plan ist im Anhang.", True),
        ("Voir pièce jointe", True),
        ("I feel attachedly nothing", False),
        ("> See the attached plan.\nThanks!", False),
        ("Thanks!\n-- \nAttachments are scanned", False),
    ],
)
def test_a_promised_file_that_is_not_there_is_asked_for(text: str, asked: bool) -> None:
    letter = Letter(ID, to="bob@example.org", subject="Plan", text=text)
    assert bool(doubts(letter)) is asked
    at = Place("Drafts", 1, 1)
    with_file = Letter(ID, to="b@example.org", subject="P", text=text, files=(Kept(at, "2", "a", "a/b", 1),))
    assert doubts(with_file) == []


def test_an_empty_subject_and_many_visible_recipients_are_asked_about() -> None:
    many = ", ".join(f"p{number}@example.org" for number in range(MANY_VISIBLE + 1))
    assert len(doubts(Letter(ID, to=many, subject=" "))) == 2
    assert doubts(Letter(ID, bcc=many, subject="Hello")) == []
