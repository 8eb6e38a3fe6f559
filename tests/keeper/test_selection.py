"""A kept selection when another client takes the mailbox away: never the wrong mailbox, never a believed OK."""

from __future__ import annotations

import imaplib
from collections.abc import Iterator

import pytest

from app.mail.errors import MailboxGone, Renumbered
from tests.conftest import MailAccount
from tests.keeper.places import KeeperProcess, login_of

pytestmark = pytest.mark.servers


@pytest.fixture
def elsewhere(mail_account: MailAccount) -> Iterator[imaplib.IMAP4]:
    """Another client of the same account."""
    client = imaplib.IMAP4("127.0.0.1", mail_account.server.imap_port)
    client.login(mail_account.login, mail_account.password)
    client.create("Work")
    client.append("Work", "", "", b"Subject: old\r\n\r\n\r\n")  # type: ignore[arg-type]
    yield client
    client.logout()


def test_a_mailbox_made_anew_under_a_kept_selection_is_told_from_the_old_one(
    keeper: KeeperProcess, mail_account: MailAccount, elsewhere: imaplib.IMAP4
) -> None:
    borrower, login = keeper.borrower(), login_of(mail_account)
    with borrower.lease(login) as client:
        old = client.select("Work").uidvalidity
    elsewhere.delete("Work")
    elsewhere.create("Work")
    with pytest.raises(Renumbered), borrower.lease(login) as client:
        client.select("Work", uidvalidity=old)
    with borrower.lease(login) as client:
        assert client.select("Work").exists == 0


def test_a_mailbox_renamed_under_a_kept_selection_is_gone(
    keeper: KeeperProcess, mail_account: MailAccount, elsewhere: imaplib.IMAP4
) -> None:
    borrower, login = keeper.borrower(), login_of(mail_account)
    with borrower.lease(login) as client:
        client.select("Work")
    elsewhere.rename("Work", "Play")
    with pytest.raises(MailboxGone), borrower.lease(login) as client:
        client.select("Work")
    with borrower.lease(login) as client:
        assert client.select("Play").exists == 1


def test_an_expunge_elsewhere_is_known_before_the_first_command(
    keeper: KeeperProcess, mail_account: MailAccount, elsewhere: imaplib.IMAP4
) -> None:
    borrower, login = keeper.borrower(), login_of(mail_account)
    with borrower.lease(login) as client:
        assert client.select("Work").exists == 1
    elsewhere.select("Work")
    elsewhere.store("1", "+FLAGS", "\\Deleted")
    elsewhere.expunge()
    with borrower.lease(login) as client:
        assert client.select("Work").exists == 0
    assert borrower.counters().kept == 1
