"""Addresses that name their way are read as Postfix rewrites them (asked in tests/mta/test_policy_service.py)."""

from __future__ import annotations

import pytest

from app.policy.routed import meant, swapped


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("a@b.example", "a@b.example"),
        ("b.example!a", "a@b.example"),
        ("x!b.example!a", "b.example!a@x"),
        ("a%b.example", "a@b.example"),
        ("a%b%c", "a%b@c"),
        ("c.example!a@b.example", "c.example!a@b.example"),
        ("a", "a"),
        ("", ""),
    ],
)
def test_an_address_without_a_domain_is_turned_round(address: str, found: str) -> None:
    assert swapped(address) == found


@pytest.mark.parametrize(
    ("recipient", "found"),
    [
        ("a@b.example", ("a@b.example",)),
        ("b.example!a", ("a@b.example",)),
        ("a%b.example@[192.0.2.1]", ("a%b.example@[192.0.2.1]", "a@b.example")),
        ("b.example!a@mx1.example", ("b.example!a@mx1.example", "a@b.example")),
        ("a@b.example@mx1.example", ("a@b.example@mx1.example", "a@b.example")),
        ("a%b%c@d", ("a%b%c@d", "a%b@c", "a@b")),
        ("%" * 300 + "@d", ("%" * 300 + "@d", "%" * 299 + "@", "%" * 298 + "@")),
    ],
)
def test_a_recipient_may_be_what_stands_before_a_name_of_the_server(recipient: str, found: tuple[str, ...]) -> None:
    assert meant(recipient) == found
