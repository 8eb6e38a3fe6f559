"""Rows of any database become accounts or a fault; ids are one to one."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.directory.account import Account
from app.directory.endpoint import parse_endpoint
from app.directory.errors import DirectoryBroken
from app.directory.resolve import Unlisted
from app.directory.row import COLUMNS, Reading, account_of, pin, truth

USUAL = Unlisted(parse_endpoint("imaps://imap.example.net", "imap")).server
READING = Reading("q:", USUAL)
VALUES = (
    st.none() | st.text(max_size=12) | st.integers(-5, 99999) | st.booleans() | st.binary(max_size=5) | st.decimals()
)


@given(st.dictionaries(st.sampled_from(sorted(COLUMNS)), VALUES))
def test_any_row_is_an_account_or_a_fault(row: dict[str, object]) -> None:
    try:
        account = account_of({"address": "a@b.example", **row}, READING)
    except DirectoryBroken:
        return
    assert Account.from_json(account.to_json()).id == account.id
    assert re.fullmatch(r"q:[a-z0-9:@._-]+", account.id)
    assert (account.server is None) is (account.kind == "forward") is (account.login is None)


@pytest.mark.parametrize("value", [1, "1", True, "t", "true", "Y", "yes", "on", b"\x01", Decimal(1), 2])
def test_yes_in_any_spelling(value: object) -> None:
    assert truth(value)


@pytest.mark.parametrize("value", [0, "0", False, None, "", " ", "f", "N", "no", "OFF", b"\x00", b"", Decimal(0)])
def test_no_in_any_spelling(value: object) -> None:
    assert not truth(value)


def test_a_fingerprint_is_read_in_the_spelling_of_openssl() -> None:
    assert pin("AB:" * 31 + "ab") == "ab" * 32
    for wrong in ("", "ab", "ab" * 33, "zz" * 32):
        with pytest.raises(ValueError, match="64 hex digits"):
            pin(wrong)


def test_an_own_row_without_login_is_a_fault_but_a_query_s_row_has_its_address() -> None:
    row = {"address": "a@b.example", "imap_host": "h.example"}
    assert account_of(row, READING).login == "a@b.example"
    with pytest.raises(DirectoryBroken, match="login"):
        account_of({**row, "account_id": 1}, Reading())


def test_a_row_without_host_may_have_its_own_junk_pattern() -> None:
    account = account_of({"address": "a@b.example", "junk_pattern": "spam.%Y"}, READING)
    assert account.server and account.server.junk_pattern == "spam.%Y" and account.server.imap == USUAL.imap


def test_limits_of_sending_come_as_numbers_of_any_type() -> None:
    row = {"address": "a@b.example", "messages_per_hour": "50", "recipients_per_hour": 0}
    account = account_of(row, READING)
    assert (account.messages_per_hour, account.recipients_per_hour) == (50, 0)
    assert account_of({"address": "a@b.example"}, READING).messages_per_hour is None
    for wrong in ("-1", "many", 1.5):
        with pytest.raises(DirectoryBroken, match="messages_per_hour"):
            account_of({**row, "messages_per_hour": wrong}, READING)
