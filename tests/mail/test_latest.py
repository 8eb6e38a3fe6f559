"""The latest messages of a mailbox, in few commands and bounded bytes."""

from collections.abc import Iterator

import pytest

from app.directory.account import Endpoint
from app.mail.connection import Connection
from app.mail.direct import close_direct, open_direct
from app.mail.errors import BadArgument, MessageGone
from app.mail.latest import OCTETS, latest, one
from app.mail.login import Credentials
from tests.conftest import MailAccount

pytestmark = pytest.mark.servers


@pytest.fixture
def client(mail_account: MailAccount) -> Iterator[Connection]:
    messages = [
        f"Subject: {each}\r\nX-Odd: {'y' * 9000}\r\nX-Spam: yes\r\n\r\nText\r\n".encode() for each in range(270)
    ]
    mail_account.server.fill(mail_account.login, messages)
    endpoint = Endpoint("127.0.0.1", mail_account.server.imap_port, "plain")
    made = open_direct(endpoint, Credentials(mail_account.login, mail_account.password))
    yield made
    close_direct(made)


def test_the_newest_come_first_in_slices_and_within_bounds(client: Connection):
    uidvalidity, found = latest(client, "INBOX", 260, ["x-spam", "X-ODD", 'bad" name', "no:colon"])
    assert uidvalidity and [each.uid for each in found] == list(range(270, 10, -1))
    assert b"X-Spam: yes" in found[0].header or len(found[0].header) == OCTETS
    assert all(len(each.header) <= OCTETS for each in found)
    assert client.traffic.by_name["FETCH"][0] == 2


def test_what_is_marked_as_deleted_is_left_out(client: Connection):
    client.select("INBOX", write=True)
    client.ask(b"UID STORE", b"270", b"+FLAGS.SILENT", b"(\\Deleted)")
    assert [each.uid for each in latest(client, "INBOX", 2)[1]] == [269]


def test_one_message_is_found_by_its_number_or_is_gone(client: Connection):
    uidvalidity, _ = latest(client, "INBOX", 1)
    assert one(client, "INBOX", uidvalidity, 5).uid == 5
    with pytest.raises(MessageGone):
        one(client, "INBOX", uidvalidity, 999)
    with pytest.raises(BadArgument):
        one(client, "INBOX", uidvalidity, 2**33)


def test_an_empty_mailbox_has_none(client: Connection):
    assert latest(client, "Junk", 500)[1] == ()
