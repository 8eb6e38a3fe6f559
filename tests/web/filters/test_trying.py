"""Rules about the text of messages are tried by a search on the mail server; and refusals that others have fail."""

import re
from datetime import UTC, datetime

import pytest

from app.directory.account import Endpoint
from app.mail.connection import Connection
from app.mail.direct import close_direct, open_direct
from app.mail.latest import Latest
from app.mail.login import Credentials
from app.sieve.rule import Action, Condition, Rule
from app.web.filters import trying
from tests.scripted import Scripted
from tests.web.filters.conftest import Owner
from tests.web.filters.test_editor import NEW, form, message
from tests.web.filters.test_rules import FILES, REFUSES

pytestmark = pytest.mark.servers
BODY = form(c_about=["body"], c_value=["invoice\ncaf\u00e9"], can="fileinto body", do="try")


def body(*values: str, op: str = "contains") -> Condition:
    return Condition("body", op, values, part="text")


def notes(page: str) -> list[str]:
    return re.findall(r'data-testid="filter-trial-note">(.*?)</p>', page)


def test_a_rule_about_texts_is_tried_and_done_to_what_it_meets(owner: Owner):
    mime = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
    owner.mail.deliver(
        message("1", more=f"{mime}base64\r\n").replace(b"Text", b"WW91ciBpbnZvaWNl"),
        message("2", more=f"{mime}quoted-printable\r\n").replace(b"Text", b"Caf=C3=A9"),
        message("invoice 3"),
    )
    page = owner.post(NEW, BODY).get_data(as_text=True)
    assert 'data-hits="2"' in page and notes(page) == [trying.SEARCHED]
    hidden = {
        name: re.findall(rf'name="{name}" value="([^"]+)"', page) for name in ("uidvalidity", "uid", "made", "tried")
    }
    token = re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]
    done = owner.browser.post(NEW, data={**hidden, **BODY, "do": "apply", "csrf_token": token})
    assert done.status_code == 303 and "2 messages moved to Archive" in owner.page()
    assert owner.page("/mail/INBOX/").count('data-testid="message-row"') == 1


def test_what_a_search_cannot_answer_stays_untold(owner: Owner):
    owner.mail.deliver(message("1"), message("2"))
    page = owner.post(NEW, BODY | {"c_op": ["is"]}).get_data(as_text=True)
    assert 'data-hits="0"' in page and "For 2 it cannot be told" in page and notes(page) == []


FOUND = [Latest(uid, 100, datetime.now(UTC), b"") for uid in (3, 7)]


def searched(peer: Scripted, *conditions: Condition) -> tuple[tuple[str, ...], dict[tuple[str, ...], frozenset[int]]]:
    client: Connection = open_direct(Endpoint("127.0.0.1", peer.port, "plain"), Credentials("a", "b"))
    try:
        return trying.searched_bodies(client, Rule("x", conditions, (Action("keep"),)), FOUND)
    finally:
        close_direct(client)


@pytest.mark.parametrize("answer", [b"%t NO [BADCHARSET (US-ASCII)] no\r\n", b"%t BAD no\r\n"])
def test_a_server_that_does_not_know_the_letters_is_told_of(answer: bytes):
    with Scripted({"UID SEARCH": answer}) as peer:
        assert searched(peer, body("caf\u00e9")) == ((trying.UNABLE,), {})


def test_a_server_that_searches_too_long_is_asked_no_more(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(trying, "SECONDS", 0.2)
    with Scripted({"UID SEARCH": lambda peer, tag: None}) as peer:
        assert searched(peer, body("a"), body("b")) == ((trying.SLOW,), {})
        assert peer.names().count("UID") == 1


def test_each_test_is_one_command_and_only_eight_are_asked():
    with Scripted({"UID SEARCH": b"* SEARCH 1 7 9\r\n%t OK\r\n"}) as peer:
        told, bodies = searched(peer, *(body(f"text {at}") for at in range(10)), body("text 0"), body("x", op="is"))
        assert told == (trying.SEARCHED,) and len(bodies) == 8 and {*bodies.values()} == {frozenset({7})}
        assert peer.names().count("UID") == 8
    with Scripted() as peer:
        assert searched(peer, Condition("size", "over", size=1)) == ((), {})
        assert "UID" not in peer.names()


@pytest.mark.parametrize("refuses", [True, False])
def test_a_refusal_that_another_rule_would_have_fail_is_told_with_the_messages(owner: Owner, refuses: bool):
    owner.put(b'require ["fileinto","reject"];\r\n' + (FILES if refuses else REFUSES))
    owner.mail.deliver(*([message("invoice")] * 2))
    owner.mail.append(message("invoice of a shop"))
    typed = form(do="try", a_does=["reject"], a_value=["No."]) if refuses else form(do="try")
    page = owner.post(NEW, typed).get_data(as_text=True)
    other = "Shop" if refuses else "No"
    assert 'data-hits="3"' in page
    assert [f"1 of them would stay in your inbox: “{other}” meets it, too" in each for each in notes(page)] == [True]
    harmless = form(do="try", a_does=["read"])
    assert notes(owner.post(NEW, harmless).get_data(as_text=True)) == []
