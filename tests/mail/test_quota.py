"""A mailbox' quota as servers tell it, and what they tell that is none."""

import pytest

from app.mail.errors import MailError
from app.mail.quota import Quota, quota
from tests.mail.boxes import scripted


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('* QUOTA "User quota" (STORAGE 10 512)', Quota(10240, 524288)),
        ("* QUOTA {4+}\r\nuser (MESSAGE 3 9 STORAGE 0 1)", Quota(0, 1024)),
        ('* QUOTA "" ()', None),
        ('* QUOTA "x" (MESSAGE 3 9)', None),
        ('* QUOTA "x" (STORAGE many 9)', None),
        (f'* QUOTA "x" (STORAGE 1 {"9" * 40})', None),
        ('* QUOTA "x" (STORAGE 1', None),
        ("* QUOTA", None),
    ],
)
def test_storage_is_read_and_nothing_else(line: str, found: Quota | None) -> None:
    told = f"* QUOTAROOT INBOX x\r\n{line}\r\n%TAG OK\r\n".encode().replace(b"{4+}", b"{4}")
    with scripted({"GETQUOTAROOT": told}, capabilities="IMAP4REV1 QUOTA") as (client, heard):
        assert quota(client) == found
    assert heard == [b'GETQUOTAROOT "INBOX"'] or heard == [b"GETQUOTAROOT INBOX"]


def test_a_server_that_does_not_know_is_not_asked_and_a_refusal_is_an_error() -> None:
    with scripted({}) as (client, heard):
        assert quota(client) is None and heard == []
    with scripted({"GETQUOTAROOT": b"%TAG NO no\r\n"}, capabilities="QUOTA") as (client, _), pytest.raises(MailError):
        quota(client)
