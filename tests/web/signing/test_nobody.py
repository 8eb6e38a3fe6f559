"""The mail server is asked for an address that is nobody's too, so that neither its answer nor its time tells."""

import pytest
from flask import Flask

from app.web.signing import nobody
from tests.conftest import MailAccount
from tests.keeper.places import until
from tests.web.conftest import FORWARDER, add_account
from tests.web.pages import Pages
from tests.web.test_session import ADDRESS, set_server, with_mailbox

pytestmark = pytest.mark.servers
NOBODY = ("nobody@one.example", "a@two.example", "zz+detail@one.example")


@pytest.fixture
def mail_app(app: Flask, mail_account: MailAccount) -> Flask:
    with_mailbox(app, mail_account)
    return app


def refused(app: Flask, address: str) -> tuple[int, str]:
    """The answer to a wrong password: its status and its text without what differs in every answer."""
    browser: Pages = app.test_client()  # type: ignore[assignment]
    response = browser.sign_in(address, "wrong")
    page = response.get_data(as_text=True)
    return response.status_code, page.partition('role="alert"')[2].partition("</")[0]


def asked(account: MailAccount) -> int:
    """How often the mail server was asked for somebody whom it does not have."""
    return account.server.log().count("accounts/nobody-")


@pytest.mark.parametrize("address", [*NOBODY, FORWARDER])
def test_a_mail_server_is_asked_for_an_address_without_a_mailbox(
    mail_app: Flask, mail_account: MailAccount, address: str
) -> None:
    before = asked(mail_account)
    assert refused(mail_app, address) == refused(mail_app, ADDRESS)
    until(lambda: asked(mail_account) > before)  # a server logs what it has answered already


@pytest.mark.parametrize("change", [{"state": "drain"}, {"state": "moving"}, {"state": "down"}, {"imap_port": 1}])
def test_a_server_out_of_service_answers_for_nobody_as_for_somebody(mail_app: Flask, change: dict[str, object]) -> None:
    set_server(mail_app, **change)
    status, text = refused(mail_app, ADDRESS)
    assert status == 503
    for address in NOBODY:
        assert refused(mail_app, address) == (status, text)


@pytest.mark.parametrize("address", ["nobody@elsewhere.example", "nobody", "no one@one.example", "a\r\nb@one.example"])
def test_no_server_is_asked_for_a_domain_that_is_not_ours_or_for_no_address(
    mail_app: Flask, mail_account: MailAccount, address: str
) -> None:
    before = asked(mail_account)
    assert refused(mail_app, address)[0] == 401
    assert asked(mail_account) == before


@pytest.mark.parametrize(("like", "begins", "ends"), [("a@b", "nobody-", "@b"), ("D\\a%b", "D\\nobody-", "%b")])
def test_nobody_is_called_as_others_are_there(like: str, begins: str, ends: str) -> None:
    name = nobody._login(like, "0f")
    assert name.startswith(begins) and name.endswith(ends) and "0f" in name


def test_a_disabled_account_is_refused_as_nobody_is(mail_app: Flask, mail_account: MailAccount) -> None:
    disabled = {"kind": "mailbox", "server_id": 1, "login": "boxoff", "password_hash": None, "forward_to": None}
    add_account(mail_app, 6, "off", enabled=False, **disabled)
    before = asked(mail_account)
    assert refused(mail_app, "off@one.example") == refused(mail_app, ADDRESS)
    until(lambda: asked(mail_account) > before)  # a server logs what it has answered already
