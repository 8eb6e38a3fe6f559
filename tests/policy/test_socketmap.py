"""What postscreen asks is read within bounds, and nothing else is taken for it."""

from __future__ import annotations

import pytest

from app.policy.socketmap import BadQuestion, question, reply


def test_a_question_is_its_key_and_where_it_ends() -> None:
    assert question(b"17:hosts 203.0.113.7,17:") == ("203.0.113.7", 21)
    assert question(b"17:hosts 2001:db8::7,") == ("2001:db8::7", 21)


def test_what_has_not_come_whole_is_waited_for() -> None:
    whole = b"17:hosts 203.0.113.7,"
    assert [question(whole[:size]) for size in range(1, len(whole))] == [None] * (len(whole) - 1)


@pytest.mark.parametrize(
    "came",
    [
        *(b"x", b"9x", b"9999", b"301:hosts ", b"999:hosts ", b"-1:hosts 1,", b"5:hosts,", b"8:others 1,"),
        *(b"7:other 1,", b"7:hosts 1;", b"0:,", b"hosts 203.0.113.7", "١:hosts 1,".encode()),
    ],
)
def test_what_is_no_question_is_refused(came: bytes) -> None:
    with pytest.raises(BadQuestion):
        question(came)


def test_a_reply_says_what_was_found_or_that_nothing_was() -> None:
    assert (reply("reject"), reply("")) == (b"9:OK reject,", b"9:NOTFOUND ,")
