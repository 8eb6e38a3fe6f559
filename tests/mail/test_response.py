"""Reading what a server says: whole responses, however the bytes come; the errors that its refusals become."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail import errors
from app.mail.errors import ConnectionLost
from app.mail.response import Responses, code, refusal, status, text_of
from app.mail.wire import Literal

STREAM = (
    b"* OK [UIDVALIDITY 3] {5}\r\n* 1 FETCH (BODY[] {7}\r\na\r\nb\r\n) X {0}\r\n)\r\n* LIST () NIL {2}\r\n\r\n\r\n"
    b"+ go {3}\r\nA1 OK {9}\r\n"
)
WHOLE = [
    (b"* OK [UIDVALIDITY 3] {5}",),
    (b"* 1 FETCH (BODY[] {7}", b"a\r\nb\r\n)", b" X {0}", b"", b")"),
    (b"* LIST () NIL {2}", b"\r\n", b""),
    (b"+ go {3}",),
    (b"A1 OK {9}",),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_responses_are_the_same_however_the_bytes_come(places: list[int]) -> None:
    responses = Responses()
    found = []
    cuts = [0, *sorted(places), len(STREAM)]
    for start, end in zip(cuts, cuts[1:], strict=False):
        responses.feed(STREAM[start:end])
        while (response := responses.response()) is not None:
            found.append(response)
    assert found == WHOLE
    assert responses.between and not responses.buffer


def test_a_literal_is_told_from_a_line() -> None:
    responses = Responses(STREAM)
    responses.response()
    assert [isinstance(part, Literal) for part in responses.response() or ()] == [False, True, False, True, False]


def test_what_is_half_read_is_not_between() -> None:
    responses = Responses(b"* 1 FETCH (BODY[] {7}\r\nab")
    assert responses.response() is None
    assert not responses.between


@pytest.mark.parametrize("data", [b"x" * 4_000_001, b"* 1 FETCH (BODY[] {99999999999}\r\n"])
def test_what_has_no_end_is_refused(data: bytes) -> None:
    responses = Responses(data)
    with pytest.raises(ConnectionLost):
        responses.response()


@given(st.binary(max_size=300))
def test_garbage_raises_nothing_but_connection_lost(data: bytes) -> None:
    responses = Responses(data + b"\r\n")
    try:
        while (response := responses.response()) is not None:
            status(response[0])
            code(response[0])
            text_of(response[0])
    except ConnectionLost:
        pass


def test_status_and_code_are_found_in_tagged_and_untagged_lines() -> None:
    assert status(b"* ok [ALERT] x") == b"OK"
    assert status(b"A1 NO x") == b"NO"
    assert status(b"* 1 EXISTS") == b""
    assert status(b"* OKAY") == b""
    assert code(b"A1 NO [OVERQUOTA] full") == (b"OVERQUOTA", b"")
    assert code(b"* OK [PERMANENTFLAGS (\\Seen \\*)] x") == (b"PERMANENTFLAGS", b"(\\Seen \\*)")
    assert code(b"A1 NO no code [LIMIT]") == (b"", b"")


@pytest.mark.parametrize(
    ("line", "login", "kind"),
    [
        (b"A1 NO [AUTHENTICATIONFAILED] no", True, errors.SignInRefused),
        (b"A1 NO no", True, errors.SignInRefused),
        (b"A1 NO [UNAVAILABLE] later", True, errors.SignInUnavailable),
        (b"A1 NO [LIMIT] many", True, errors.TooManyConnections),
        (b"A1 NO [EXPIRED] old", True, errors.PasswordExpired),
        (b"A1 NO [AUTHORIZATIONFAILED] not you", True, errors.NotAuthorized),
        (b"A1 NO [NONEXISTENT] gone", False, errors.MailboxGone),
        (b"A1 NO [TRYCREATE] gone", False, errors.MailboxGone),
        (b"A1 NO [OVERQUOTA] full", False, errors.OverQuota),
        (b"A1 NO [EXPUNGEISSUED] gone", False, errors.MessageGone),
        (b"A1 NO [SERVERBUG] oh", False, errors.Refused),
        (b"A1 NO", False, errors.Refused),
    ],
)
def test_a_refusal_becomes_the_error_of_its_code(line: bytes, login: bool, kind: type[errors.MailError]) -> None:
    assert type(refusal(line, login=login)) is kind


def test_the_words_of_a_server_are_printable_and_short() -> None:
    assert text_of(b"A1 NO bad\x1b[31m\x00" + b"x" * 1000).isprintable()
    assert len(text_of(b"A1 NO " + b"x" * 1000)) <= 200
