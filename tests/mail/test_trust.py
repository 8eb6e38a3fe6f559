"""Who vouches for a sender is believed of the provider's own servers only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail.trust import Trust, judge

OURS = ("mx.isp.example",)
FROM = "bank.example"


@pytest.mark.parametrize(
    ("field", "state", "method"),
    [
        ("mx.isp.example; dmarc=pass (p=REJECT) header.from=bank.example", "passed", "DMARC"),
        ("MX.ISP.Example 1; dmarc = pass header.from = bank.example; spf=fail", "passed", "DMARC"),
        ("mx.isp.example; dkim=pass header.d=bank.example; dmarc=fail header.from=bank.example", "failed", "DMARC"),
        ("mx.isp.example; dkim=pass header.i=@bank.example header.s=x", "passed", "DKIM"),
        ('mx.isp.example; dkim/1=pass header.d="bank.example"', "passed", "DKIM"),
        ("mx.isp.example; spf=pass smtp.mailfrom=news@bank.example", "passed", "SPF"),
        ("mx.isp.example; dkim=fail header.d=bank.example; spf=fail", "failed", "DKIM and SPF"),
        ("mx.isp.example; spf=fail smtp.mailfrom=bank.example", "unknown", ""),
        ("mx.isp.example; none", "unknown", ""),
    ],
)
def test_a_field_of_ours_is_read(field: str, state: str, method: str) -> None:
    found = judge([field], OURS, FROM)
    assert found is not None and (found.state, found.method) == (state, method)


@pytest.mark.parametrize(
    "field",
    [
        "evil.example; dmarc=pass header.from=bank.example",
        "mx.isp.example.evil.example; dmarc=pass header.from=bank.example",
        "(mx.isp.example) evil.example; dmarc=pass header.from=bank.example",
        "mx.isp.example; (dmarc=pass header.from=bank.example)",
        "mx.isp.example; dmarc=pass header.from=evil.example",
        "mx.isp.example; dkim=pass header.d=evil.example",
        "mx.isp.example; dkim=pass header.d=example",
        "mx.isp.example; dkim=pass header.d=evilbank.example",
        "mx.isp.example; spf=pass smtp.mailfrom=x@evil.example smtp.helo=bank.example",
        "",
        ";;;===",
    ],
)
def test_a_stranger_cannot_vouch_for_himself(field: str) -> None:
    assert judge([field], OURS, FROM) == Trust("unknown", FROM)


def test_the_topmost_field_of_ours_decides() -> None:
    forged = "mx.isp.example; dmarc=pass header.from=bank.example"
    found = judge(["mx.isp.example; dmarc=fail header.from=bank.example", forged], OURS, FROM)
    assert found == Trust("failed", FROM, "DMARC")


def test_a_signature_of_the_domain_above_counts() -> None:
    found = judge(["mx.isp.example; dkim=pass header.d=bank.example"], OURS, "mail.bank.example")
    assert found == Trust("passed", "mail.bank.example", "DKIM")


def test_without_a_trusted_name_nothing_is_said() -> None:
    assert judge(["mx.isp.example; dmarc=pass header.from=bank.example"], (), FROM) is None


@given(st.text())
def test_no_text_raises(text: str) -> None:
    judge([text, f"mx.isp.example;{text}"], OURS, FROM)
