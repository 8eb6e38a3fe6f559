"""What the mailbox holds of a sender: INBOX, then junk, bounded."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import Engine

from app.web.blocked.found import LOOKED_AT, SHOWN, folders
from app.web.session import current
from tests.conftest import MailAccount
from tests.mail.boxes import letter
from tests.web.pages import Pages

pytestmark = pytest.mark.servers


def test_the_newest_are_named_and_beyond_those_looked_at_there_are_more(
    app: Flask, log: Engine, reader: Pages, mail_account: MailAccount
) -> None:
    letters = [letter(f"n{number}", sender="info@bank.example") for number in range(LOOKED_AT + 1)]
    mail_account.server.fill(mail_account.login, [letter("other"), *letters])
    mail_account.append(letter("prize", sender="x@mail.bank.example"), mailbox="Junk")
    with app.test_request_context(
        environ_base={"REMOTE_ADDR": "127.0.0.1"}, headers={"Cookie": f"postern={reader.cookie()}"}
    ):
        app.preprocess_request()
        inbox, junk = folders(current(), "bank.example")
    assert (inbox.mailbox.name, inbox.total, inbox.more) == ("INBOX", LOOKED_AT, True)
    assert len({each.uid for each in inbox.messages}) == SHOWN
    assert (junk.total, junk.more, junk.messages[0].mailbox) == (1, False, "Junk")
