"""Messages are found by what their bodies hold, whatever the letters and however they travel."""

from collections.abc import Iterator

import pytest

from app.directory.account import Endpoint
from app.mail.connection import Connection
from app.mail.direct import close_direct, open_direct
from app.mail.holding import fits, holding
from app.mail.latest import latest
from app.mail.login import Credentials
from tests.conftest import MailAccount

pytestmark = pytest.mark.servers
PLAIN = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
MESSAGES = (
    f"Subject: invoice\r\n{PLAIN}7bit\r\n\r\nNothing.\r\n",
    f"Subject: 2\r\n{PLAIN}base64\r\n\r\nWW91ciBpbnZvaWNl\r\n",
    f"Subject: 3\r\n{PLAIN}quoted-printable\r\n\r\nCaf=C3=A9 =22quoted=22 back\\slash {{5}}\r\n",
    f"Subject: 4\r\n{PLAIN}7bit\r\n\r\nYour Invoice\r\n",
)


@pytest.fixture
def client(mail_account: MailAccount) -> Iterator[Connection]:
    mail_account.server.fill(mail_account.login, [each.encode() for each in MESSAGES])
    endpoint = Endpoint("127.0.0.1", mail_account.server.imap_port, "plain")
    made = open_direct(endpoint, Credentials(mail_account.login, mail_account.password))
    latest(made, "INBOX", 10)
    yield made
    close_direct(made)


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (("invoice",), {2, 4}),
        (("caf\u00e9",), {3}),
        (("nowhere", "Caf\u00e9", "NOTHING"), {1, 3}),
        (('"quoted" back\\slash',), {3}),
        (("{5}",), {3}),
        (('x" BODY "invoice',), set()),
        (("\u201d OR ALL",), set()),
    ],
)
def test_what_bodies_hold_is_found_and_no_text_becomes_syntax(
    client: Connection, texts: tuple[str, ...], found: set[int]
):
    before = client.traffic.by_name["UID SEARCH"][0] if "UID SEARCH" in client.traffic.by_name else 0
    assert holding(client, 1, 4, texts, seconds=5) == found
    assert client.traffic.by_name["UID SEARCH"][0] == before + 1


def test_only_messages_between_the_two_are_looked_at(client: Connection):
    assert holding(client, 3, 4, ["invoice"], seconds=5) == {4}


def test_what_is_too_much_for_one_command_does_not_fit():
    assert fits(["x"] * 50) and fits(["a b", "\u4f60"])
    assert not any(map(fits, ([], ["x"] * 51, ["x" * 4001], ["a\tb"], ["a\nb"])))
