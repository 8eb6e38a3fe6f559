"""The proxy itself: budgets are counted with it, so its own counting is proved first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail.direct import close_direct, open_direct
from app.mail.errors import ConnectionLost, MailError
from app.mail.login import Credentials
from tests.conftest import MailAccount
from tests.keeper.places import place
from tests.proxy import CommandReader, Proxy

STREAM = (
    b"a1 LOGIN {5}\r\nalice {3+}\r\nb\r\n\r\na2 UID FETCH 1:2 (FLAGS)\r\na3 IDLE\r\nDONE\r\n"
    b"a4 append x {4+}\r\na5 X\r\na6 NOOP\r\n"
)
NAMES = ["LOGIN", "UID FETCH", "IDLE", "APPEND", "NOOP"]


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_commands_are_read_however_they_are_cut(places: list[int]) -> None:
    reader = CommandReader()
    names: list[str] = []
    cuts = [0, *sorted(places), len(STREAM)]
    for start, end in zip(cuts, cuts[1:], strict=False):
        names += reader.feed(STREAM[start:end])
    assert names == NAMES


@pytest.mark.servers
def test_logins_commands_and_bytes_are_counted(mail_account: MailAccount) -> None:
    with Proxy(mail_account.server.imap_port) as proxy:
        with proxy.counting() as counts:
            client = open_direct(place(proxy.port), Credentials(mail_account.login, mail_account.password))
        assert (counts.connections, counts.logins) == (1, 1)
        client.select("INBOX")
        with proxy.counting() as counts:
            client.noop()
            client.ask(b"UID FETCH", b"1:*", b"(UID)")
        assert counts.commands == ["NOOP", "UID FETCH"]
        assert counts.sent == len(b"D1 NOOP\r\nD2 UID FETCH 1:* (UID)\r\n")
        close_direct(client)


@pytest.mark.servers
@pytest.mark.parametrize("kind", ["cut", "reset", "stall", "drop"])
def test_each_fault_is_seen_by_the_client(mail_account: MailAccount, kind: str) -> None:
    with Proxy(mail_account.server.imap_port) as proxy:
        client = open_direct(
            place(proxy.port), Credentials(mail_account.login, mail_account.password), first_byte=0.3, silence=0.3
        )
        proxy.fault(kind, after=4)  # type: ignore[arg-type]
        with pytest.raises(ConnectionLost):
            client.noop()
        close_direct(client)


@pytest.mark.servers
def test_a_changed_greeting_reaches_the_client(mail_account: MailAccount) -> None:
    with Proxy(mail_account.server.imap_port) as proxy:
        proxy.greeting = b"* BYE gone\r\n"
        with pytest.raises(MailError, match="gone"):
            open_direct(place(proxy.port), Credentials(mail_account.login, mail_account.password))
