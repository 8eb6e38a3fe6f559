"""A sender whose words stand inside the provider's own Authentication-Results, and who wants to be "confirmed"."""

from __future__ import annotations

import pytest

from app.mail.message import read_header
from app.mail.trust import Trust, judge

OURS = "mx.isp.example"
WORD = b"=?utf-8?q?x=3B_dmarc=3Dpass_header.from=3Dbank.example=3B?=@evil.example"


def _judged(field: bytes) -> Trust | None:
    header = read_header(b"From: security@bank.example\r\nAuthentication-Results: " + field + b"\r\n")
    return judge(header.authentication_results, (OURS,), "bank.example")


@pytest.mark.parametrize(
    "results",
    [
        b"spf=pass smtp.mailfrom=" + WORD,
        b'spf=pass smtp.mailfrom="x dmarc=pass header.from=bank.example"@evil.example',
        b'spf=pass smtp.mailfrom="x; dmarc=pass header.from=bank.example"@evil.example',
        b'spf=pass smtp.mailfrom="x\\"; dmarc=pass header.from=bank.example; \\""@evil.example',
        b'dkim=pass header.d=evil.example header.i="x header.d=bank.example"@evil.example',
        b'dkim=pass header.i="x header.d=bank.example "@evil.example header.s=x',
        "dkim=pass header.i=x\u2028header.d=bank.example@evil.example".encode(),
        b"dkim=pass header.i=x\x0bheader.d=bank.example@evil.example",
        b'spf=pass (domain of "a) dmarc=pass header.from=bank.example; (" designates) smtp.mailfrom=x@evil.example',
        b'spf=pass (from "a\\"); dmarc=pass header.from=bank.example; (\\"" designates) smtp.mailfrom=x@evil.example',
        b'spf=pass (a " b) smtp.mailfrom="x; dmarc=pass header.from=bank.example; y"@evil.example',
        b"spf=pass smtp.mailfrom=x@evil.example dmarc=pass header.from=bank.example",
    ],
)
def test_words_of_the_sender_confirm_nobody(results: bytes) -> None:
    assert _judged(OURS.encode() + b"; " + results) == Trust("unknown", "bank.example")


def test_a_field_too_long_to_be_read_whole_says_nothing() -> None:
    long = b"x" * 9000
    field = f"{OURS}; spf=pass smtp.mailfrom=bank.example x=".encode() + long + b"; dmarc=fail header.from=bank.example"
    assert _judged(field) == Trust("unknown", "bank.example")


def test_a_folded_field_of_ours_still_confirms() -> None:
    field = b"mx.isp.example;\r\n\tdkim=pass (2048-bit key; x) header.d=bank.example\r\n\theader.i=@bank.example"
    assert _judged(field) == Trust("passed", "bank.example", "DKIM")


def test_two_from_fields_are_confirmed_by_nobody() -> None:
    results = b"Authentication-Results: mx.isp.example; dmarc=pass header.from=evil.example\r\n"
    header = read_header(b"From: x@bank.example\r\nFrom: x@evil.example\r\n" + results)
    assert header.authentication_results == ()
