"""An account survives the way through a session, and nothing else does."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.directory.account import KINDS, ROLES, SECURITIES, STATES, Account, Endpoint, Server

TEXTS = st.text(max_size=20)
MAYBE = st.none() | TEXTS
ENDPOINTS = st.builds(Endpoint, TEXTS, st.integers(1, 65535), st.sampled_from(SECURITIES), MAYBE, MAYBE, MAYBE)
SERVERS = st.builds(
    Server, TEXTS, ENDPOINTS, st.none() | ENDPOINTS, st.none() | ENDPOINTS, st.sampled_from(STATES), MAYBE
)
ACCOUNTS = st.builds(
    Account,
    TEXTS,
    TEXTS,
    TEXTS,
    st.sampled_from(KINDS),
    MAYBE,
    st.none() | SERVERS,
    st.sampled_from(ROLES),
    MAYBE,
    MAYBE,
    MAYBE,
    MAYBE,
    st.none() | st.integers(),
    st.none() | st.integers(),
)


@given(ACCOUNTS)
def test_an_account_is_the_same_after_its_way_through_a_session(account: Account) -> None:
    assert Account.from_json(account.to_json()) == account


def test_a_password_hash_never_travels() -> None:
    account = Account("1", "a@b.example", "1", kind="forward", password_hash="{SSHA}secret")
    assert "secret" not in account.to_json() and "secret" not in repr(account)
    assert Account.from_json(account.to_json()).password_hash is None


@given(st.text(max_size=40))
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Account.from_json(text)


@pytest.mark.parametrize(
    "change",
    [
        {"id": 1},
        {"kind": "owner"},
        {"role": "root"},
        {"extra": 1},
        {"server": []},
        {"server": {"id": "1"}},
        {"server": {"id": "1", "imap": None, "submission": None, "sieve": None}},
        {
            "server": {
                "id": "1",
                "imap": {"host": "h", "port": "1", "security": "tls"},
                "submission": None,
                "sieve": None,
            }
        },
        {"server": {"id": "1", "imap": {"host": "h", "port": 1, "security": "ssl"}, "submission": None, "sieve": None}},
        {
            "server": {
                "id": "1",
                "imap": {"host": "h", "port": 1, "security": "tls"},
                "submission": None,
                "sieve": None,
                "vacation": "mail",
            }
        },
        {"display_name": 5},
    ],
)
def test_fields_of_another_type_are_refused(change: dict[str, object]) -> None:
    fields = json.loads(Account("1", "a@b.example", "1").to_json())
    with pytest.raises(ValueError):
        Account.from_json(json.dumps({**fields, **change}))


def test_a_missing_field_is_refused() -> None:
    fields = json.loads(Account("1", "a@b.example", "1").to_json())
    del fields["address"]
    with pytest.raises(ValueError):
        Account.from_json(json.dumps(fields))


CASES = [("Europe/Berlin", "Europe/Berlin"), ("Mars/Olympus", "UTC"), (None, "UTC")]


@pytest.mark.parametrize(("time_zone", "key"), CASES)
def test_an_unknown_clock_is_utc(time_zone: str | None, key: str) -> None:
    assert Account("7", "a@b", "3", time_zone=time_zone).zone.key == key
