"""Subjects by the places of messages."""

import pytest

from app.mail.part import Place
from app.mail.subjects import subjects
from tests.mail.boxes import opened

pytestmark = pytest.mark.servers


def test_subjects_of_messages_that_are_there_in_any_mailbox(mail_account):
    mail_account.append(b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nx\r\n")
    mail_account.append(b"From: a@b.example\r\n\r\nno subject\r\n")
    mail_account.append(b"Subject: two\r\n lines \x1b[31m\r\n\r\nx\r\n", mailbox="Drafts")
    with opened(mail_account.server.imap_port, mail_account.login, mail_account.password) as client:
        inbox, drafts = client.select("INBOX").uidvalidity, client.select("Drafts").uidvalidity
        asked = [*(Place("INBOX", inbox, uid) for uid in (1, 2, 9)), Place("Drafts", drafts, 1)]
        gone = [Place("Nowhere", 1, 1), Place("INBOX", inbox + 1, 1)]
        found = subjects(client, [*asked, *gone])
    assert found == {asked[0]: "Gr\u00fc\u00dfe", asked[1]: "", asked[3]: found[asked[3]]}
    assert found[asked[3]].startswith("two lines") and "\x1b" not in found[asked[3]]
