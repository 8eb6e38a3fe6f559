"""Before a message is sent: mistakes stand beside their field, doubts are asked once."""

from dataclasses import replace

import pytest

from app.mail.header import Address
from app.mail.message import Header
from app.mail.outgoing import Writing
from app.mail.part import Place
from app.web.letter import doubts as asked
from app.web.letter.doubts import HUGE, crowd, faults
from app.web.letter.kept import Kept
from app.web.letter.letter import Letter

ID = "<a@example.org>"
MANY_VISIBLE = 20
ME = (Address("", "me@example.org"),)


def doubts(letter: Letter) -> list[str]:
    return asked.doubts(letter, MANY_VISIBLE)


def test_a_message_to_nobody_asks_for_somebody() -> None:
    assert faults(Letter(ID)) == {"to": "Say who this goes to."}
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


def people(count: int) -> tuple[Address, ...]:
    return tuple(Address("", f"p{number}@example.org") for number in range(count))


def addresses(count: int) -> str:
    return ", ".join(each.address for each in people(count))


def test_an_empty_subject_and_many_visible_recipients_are_asked_about() -> None:
    many = addresses(MANY_VISIBLE + 1)
    assert len(doubts(Letter(ID, to=many, subject=" "))) == 2
    assert doubts(Letter(ID, bcc=many, subject="Hello")) == []
    assert doubts(Letter(ID, to=addresses(MANY_VISIBLE), cc="P1@example.org", subject="Hello")) == []  # one of them
    assert asked.doubts(Letter(ID, to=many, subject="Hello"), 0) == []


def test_an_answer_to_all_of_many_people_is_asked_about_until_some_are_taken_off() -> None:
    answer = Writing(ME[0], people(1), people(HUGE + 2)[1:])
    remembered = crowd(answer, Header())
    assert remembered == "12"
    letter = Letter(ID, to="p0@example.org", cc=addresses(HUGE + 2), subject="Re: x", crowd=remembered)
    assert ["all 12 people" in each for each in doubts(letter)] == [True]
    assert doubts(replace(letter, cc=addresses(HUGE))) == []
    assert doubts(Letter(ID, cc=addresses(HUGE), subject="Re: x", crowd="10")) == []
    # They know each other already; somebody more does not.
    assert len(doubts(replace(letter, cc=addresses(30), crowd="30"))) == 1
    assert len(doubts(replace(letter, cc=addresses(31), crowd="30"))) == 2


def test_an_answer_to_a_mailing_list_is_asked_about_while_the_list_is_among_its_recipients() -> None:
    header = Header(list_post="<mailto:Choir@lists.example>")
    remembered = crowd(Writing(ME[0], people(1), (Address("", "choir@lists.example"),)), header)
    assert remembered == "2 Choir@lists.example"
    letter = Letter(ID, to="choir@lists.example", subject="Re: x", crowd=remembered)
    assert ["everybody on the mailing list choir@lists.example" in each for each in doubts(letter)] == [True]
    assert doubts(replace(letter, to="ann@example.org")) == []
    assert crowd(Writing(ME[0], people(1)), header) == "1"  # the list is not written to


@pytest.mark.parametrize("crowd", ["", "x", "-1", "9" * 40, "٣", "\x00 \x00"])
def test_what_a_form_says_of_a_crowd_is_no_more_than_a_question(crowd: str) -> None:
    assert doubts(Letter(ID, to=addresses(15), subject="x", crowd=crowd)) == []
