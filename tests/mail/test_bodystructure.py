from __future__ import annotations

from app.mail.bodystructure import UNKNOWN, read
from app.mail.shown import choose
from app.mail.syntax import Value, parse

TEXT = b'("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 5 1)'
HTML = b'("TEXT" "HTML" NIL NIL NIL "quoted-printable" 50 1)'
PICTURE = b'("image" "png" ("name" "a.png") "<p@x>" NIL "base64" 780 NIL ("inline" ("filename" "b.png")))'
FILE = b'("application" "pdf" NIL NIL NIL "base64" 78 NIL ("attachment" ("filename*" "utf-8\'\'%C3%BC.pdf")))'
ALTERNATIVE = b"(" + TEXT + b"(" + HTML + PICTURE + b' "related") "alternative")'
MIXED = b"(" + ALTERNATIVE + FILE + b' "mixed" ("boundary" "x"))'
ENVELOPE = b'(NIL "Inner" NIL NIL NIL NIL NIL NIL NIL NIL)'


def tree(line: bytes) -> Value:
    return parse((line,))[0]


def test_sections_are_numbered_as_the_rfc_says():
    found = {part.section: part.type for part in read(tree(MIXED)).walk()}
    assert found == {
        "": "multipart/mixed", "1": "multipart/alternative", "1.1": "text/plain", "1.2": "multipart/related",
        "1.2.1": "text/html", "1.2.2": "image/png", "2": "application/pdf",
    }  # fmt: skip


def test_an_attached_message_hands_its_number_on():
    single = b'("message" "rfc822" NIL NIL NIL "7bit" 9 ' + ENVELOPE + TEXT + b" 1)"
    several = b'("message" "rfc822" NIL NIL NIL "7bit" 9 ' + ENVELOPE + ALTERNATIVE + b" 1)"
    found = read(tree(b"(" + TEXT + single + several + b' "mixed")'))
    assert found.parts[1].parts[0].section == "2.1" and found.parts[1].name == "Inner.eml"
    assert [part.section for part in found.parts[2].parts[0].walk()] == ["3", "3.1", "3.2", "3.2.1", "3.2.2"]
    assert found.find("3").type == "message/rfc822" and found.find("3.2.2").type == "image/png"


def test_text_names_the_body_of_a_message_that_is_one_part_and_of_no_other():
    alone = read(tree(b'("image" "png" ("name" "a.png") NIL NIL "base64" 90)'))
    assert alone.find("TEXT") is alone and alone.find("1") is alone
    mixed = read(tree(b'(("text" "plain" NIL NIL NIL "7bit" 1 1)("image" "png" NIL NIL NIL "base64" 90) "mixed")'))
    assert mixed.find("TEXT") is None and mixed.find("2").type == "image/png"


def test_names_come_from_every_age_of_parameters():
    assert [part.filename for part in read(tree(MIXED)).walk() if part.filename] == ["b.png", "ü.pdf"]


def test_html_is_chosen_with_its_pictures_and_the_rest_is_attached():
    chosen = choose(read(tree(MIXED)))
    assert [part.section for part in chosen.shown] == ["1.2.1"]
    assert [part.section for part in chosen.related] == ["1.2.2"] and [part.section for part in chosen.attached] == [
        "2"
    ]


def test_plain_text_is_shown_where_there_is_no_better():
    assert [part.section for part in choose(read(tree(TEXT))).shown] == ["1"]


def test_what_is_no_structure_is_text_of_unknown_kind():
    for value in (None, b"x", [], [[]], [None]):
        assert read(value).type in ("text/plain", "application/octet-stream", "multipart/mixed")
    assert read(None) == UNKNOWN


def test_the_tree_ends_at_its_limits():
    deep: Value = tree(TEXT)
    for _ in range(5000):
        deep = [deep, b"mixed"]
    assert sum(1 for _ in read(deep).walk()) == 101
    assert sum(1 for _ in read([tree(TEXT)] * 5000 + [b"mixed"]).walk()) == 1000


CALENDAR = b'("text" "calendar" ("method" "REQUEST") NIL NIL "7bit" 300 9)'
ICS = b'("application" "ics" ("name" "invite.ics") NIL NIL "base64" 420 NIL ("attachment" NIL))'


def test_an_invitation_is_listed_once_and_by_a_name():
    invited = b"(" + TEXT + HTML + CALENDAR + b' "alternative")'
    twice = b"(" + invited + ICS + FILE + b' "mixed")'
    for line, names in ((invited, ["invitation.ics"]), (twice, ["invite.ics", "ü.pdf"])):
        chosen = choose(read(tree(line)))
        assert [part.type for part in chosen.shown] == ["text/html", "text/calendar"]
        assert [part.name for part in chosen.attached] == names


def test_calendars_that_are_files_only_stay_listed():
    chosen = choose(read(tree(b"(" + TEXT + ICS + ICS + b' "mixed")')))
    assert [part.name for part in chosen.attached] == ["invite.ics", "invite.ics"]
