"""The ready texts name the exact fault, fit into an address, and hold nothing of a stranger's that could do harm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest

from app.blocklog.codes import Outcome, Policy
from app.web.blocked import letters
from tests.web.blocked.test_situation import ROW

ZONE = ZoneInfo("Europe/Berlin")


def to_sender(**fields: Any) -> dict[str, str]:
    return letters.to_sender(replace(ROW, **fields), ZONE, "Europe/Berlin")


def test_the_sender_is_told_the_exact_fault_and_when() -> None:
    told = to_sender(reason="blocked using zen.spamhaus.org")
    assert told["to"] == "info@bank.example"
    assert "refused a message of yours, so I did not get it: your mail server is on the block list zen." in told["body"]
    assert (
        "27 November 2026, 13:00 (Europe/Berlin)" in told["body"] and "mail.bank.example [203.0.113.7]" in told["body"]
    )
    assert "554 5.7.1 blocked using zen.spamhaus.org" in told["body"]


@pytest.mark.parametrize("policy", [each for each in Policy if each is not Policy.internal])
@pytest.mark.parametrize("outcome", Outcome)
def test_there_is_a_text_for_everything(policy: Policy, outcome: Outcome) -> None:
    assert "{" not in to_sender(policy=policy, outcome=outcome)["body"]


def test_what_a_stranger_wrote_stays_on_its_line_and_is_cut() -> None:
    told = to_sender(
        reason="x\r\nBcc: eve@evil.example\n" + "я" * 300, client_name="a\u202eb\n", detail="d\n\n\x1b[0m" * 40,
        sender_local="я" * 250, rcpt="a\n@b.example",
    )  # fmt: skip
    assert "\nBcc" not in told["body"] and "\u202e" not in told["body"] and "\x1b" not in told["body"]
    assert len(urlencode(told)) < 4000


def test_the_admin_is_told_what_finds_the_place_in_the_logs() -> None:
    told = letters.to_admin(replace(ROW, queue_id="4F5C64474F"), "postmaster@one.example")
    assert told["to"] == "postmaster@one.example"
    for each in ("2026-11-27 12:00:00 UTC", "4F5C64474F", "203.0.113.7", "rbl, refused, at rcpt", "anna@one.example"):
        assert each in told["body"]
