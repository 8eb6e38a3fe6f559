"""Header fields as they are written: read back by another parser, never more than one field, never too long a line."""

import re
from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail.address import BadAddress
from app.mail.field import address_list, encoded_words, is_id, parameter, unstructured, with_parameters
from app.mail.filename import parameter as read_parameter
from app.mail.header import Address, addresses, clean, decode, fields

ANY = st.text(st.characters(codec="utf-8"), max_size=200)
PARTS = ["\r\n", "\n", "\r", "\0", "\x85", "\u2028", "Bcc: x@example.org", " ", "a", "=?utf-8?q?", "?="]
HOSTILE = st.sampled_from(PARTS)
NASTY = st.lists(HOSTILE | ANY, max_size=8).map("".join)


def read(data):
    """The one field of a block, by our own tolerant reader."""
    found = fields(data)
    assert len(found) == 1, data
    return found[0][1]


def well_formed(data):
    """One field: CRLF only, each line but the first begins with a space and holds something, none is too long."""
    assert data.endswith(b"\r\n") and not re.search(rb"(?<!\r)\n|\r(?!\n)|\0", data)
    first, *others = data[:-2].split(b"\r\n")
    assert all(line[:1] == b" " and line.strip() for line in others)
    assert all(len(line) <= 998 for line in (first, *others))
    return data


@given(NASTY)
def test_any_text_is_one_field_and_comes_back(text):
    data = well_formed(unstructured("Subject", text))
    assert data.isascii() and all(len(line) <= 76 for line in data.split(b"\r\n"))
    assert decode(read(data), 10_000) == clean(text)


@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), max_size=200))
def test_the_standard_library_reads_the_same_subject(text):
    found = message_from_bytes(unstructured("Subject", text) + b"\r\n", policy=policy.default)["subject"]
    assert clean(str(found)) == clean(text)


@given(ANY)
def test_no_encoded_word_ends_inside_a_character(text):
    words = encoded_words(clean(text))
    assert all(len(word) <= 64 and "\ufffd" not in decode(word.encode()) for word in words if "\ufffd" not in text)


def test_a_subject_that_looks_encoded_is_shown_as_it_was_typed():
    assert decode(read(unstructured("Subject", "=?utf-8?q?Bcc=3A?= x"))) == "=?utf-8?q?Bcc=3A?= x"


def test_plain_subjects_stay_readable():
    assert unstructured("Subject", "Lunch at noon?") == b"Subject: Lunch at noon?\r\n"
    assert unstructured("Subject", "") == b"Subject:\r\n"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Bob Smith", b"To: Bob Smith <b@example.org>\r\n"),
        ("Smith, Bob", b'To: "Smith, Bob" <b@example.org>\r\n'),
        ('The "B" \\ Team', b'To: "The \\"B\\" \\\\ Team" <b@example.org>\r\n'),
        ("J. <x@evil.example>,", b'To: "J. <x@evil.example>," <b@example.org>\r\n'),
        ("Müller, Jörg", b"To: =?utf-8?b?TcO8bGxlciwgSsO2cmc=?= <b@example.org>\r\n"),
        ("x\r\nBcc: y@example.org", b'To: "x Bcc: y@example.org" <b@example.org>\r\n'),
        ("", b"To: b@example.org\r\n"),
    ],
)
def test_display_names_are_atoms_quoted_or_encoded(name, written):
    assert address_list("To", [Address(name, "b@example.org")]) == written


@given(st.lists(NASTY, min_size=1, max_size=8))
def test_names_come_back_and_addresses_are_never_encoded(names):
    mailboxes = [Address(name[:200], f"user{at}@straße.example") for at, name in enumerate(names)]
    data = well_formed(address_list("To", mailboxes))
    wire = [f"user{at}@xn--strae-oqa.example" for at in range(len(names))]
    assert all(address.encode() in data for address in wire)
    assert addresses(read(data)) == tuple(Address(clean(name[:200]), at) for name, at in zip(names, wire, strict=True))
    parsed = message_from_bytes(data + b"\r\n", policy=policy.default)["to"].addresses
    assert [each.addr_spec for each in parsed] == wire


def test_an_address_that_is_none_is_refused():
    with pytest.raises(BadAddress):
        address_list("To", [Address("Bob", "b@example.org>, <x@example.org")])


@given(NASTY)
def test_parameters_come_back_by_two_readers(value):
    value = clean(value)
    data = well_formed(with_parameters("Content-Disposition", "attachment", [("filename", value)]))
    assert all(len(line) <= 78 for line in data.split(b"\r\n"))
    found = re.findall(rb"; (filename[*0-9]*)=(?:\"((?:[^\"\\]|\\.)*)\"|([^;]*))", read(data).replace(b"\n", b""))
    plain = {key.decode(): re.sub(rb"\\(.)", rb"\1", quoted) or token for key, quoted, token in found}
    assert (read_parameter(plain, "filename") or "")[:720] == value[:720]
    parsed = message_from_bytes(data + b"\r\n", policy=policy.compat32).get_filename()
    assert clean(parsed or "") == value


def test_long_names_are_cut_between_characters():
    tokens = parameter("filename", "Übersicht 😀 " * 20)
    assert tokens[0].startswith("filename*0*=utf-8''") and len(tokens) > 5
    assert not [token for token in tokens if re.search(r"%[0-9A-F]?$", token)]


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("<a@b>", True), ("<a.b$c@[1.2.3.4]>", True), ("<no-at>", True), ("a@b", False), ("<a b@c>", False),
        ("<a>\r\n<b>", False), ("<a@b>\n", False), ("<ä@b>", False), ("<>", False),
    ],
)  # fmt: skip
def test_identifiers_are_checked(text, good):
    assert is_id(text) == good
