"""What somebody writes while something is away: the words are in the answer; nothing is sent twice or as another."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from imapclient import IMAPClient
from sqlalchemy import text, update

from app.directory.tables import ServerRow
from app.mail.flags import OUTGOING
from tests.conftest import MakeAccount
from tests.faults.test_redis import kept_over_a_restart
from tests.faults.world import Person, World, eventually, letter, title, toasts
from tests.proxy import Proxy
from tests.smtpsink import Taken
from tests.visitor import Answer

pytestmark = pytest.mark.servers

FRIEND = "friend@elsewhere.example"
WORDS = "Typed for an hour\r\nand <more>"
_FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


def fields(answer: Answer) -> dict[str, str]:
    """The hidden fields of a form of writing."""
    part = answer.text.partition('<form class="write-form"')[2] or answer.text.partition('<form class="error-again"')[2]
    return {name: unescape(value) for name, value in _FIELD.findall(part.partition("</form>")[0])}


def form(person: Person, subject: str, **more: str) -> dict[str, str]:
    """A message that was begun while all was well."""
    begun = {"to": FRIEND, "subject": subject, "text": WORDS, "action": "send"}
    return {**fields(person.visitor.get("/compose")), **begun, **more}


def taken(world: World, subject: str) -> list[Taken]:
    return [each for each in world.site.smtp.taken if f"Subject: {subject}\r\n".encode() in each.content]


@contextmanager
def no_outbox(world: World) -> Iterator[None]:
    """SQL answers for the directory, and fails for the outbox."""
    with world.site.engine.begin() as connection:
        connection.execute(text("ALTER TABLE outbox RENAME TO outbox_aside"))
    try:
        yield
    finally:
        with world.site.engine.begin() as connection:
            connection.execute(text("ALTER TABLE outbox_aside RENAME TO outbox"))


def test_without_redis_the_words_are_in_the_page_and_are_sent_when_it_is_back(world: World, alice: Person):
    begun = form(alice, "While Redis was away")
    with kept_over_a_restart(world):
        answer = alice.visitor.post("/compose", begun)
        assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0
        assert "Typed for an hour" in answer.text and "and &lt;more&gt;" in answer.text
    again = {**fields(answer), "text": WORDS}
    assert again["subject"] == "While Redis was away" and again["csrf_token"] == begun["csrf_token"]
    eventually(lambda: alice.list().status == 200)
    time.sleep(1.1)
    assert alice.visitor.post("/compose", again).status == 303
    eventually(lambda: taken(world, "While Redis was away"))


def test_while_the_mail_server_is_away_the_words_stay_in_the_form(world: World, make_account: MakeAccount):
    mail = make_account(0)
    with Proxy(mail.server.imap_port) as proxy:
        person = world.person(mail, port=proxy.port)
        assert person.visitor.sign_in(person.address, mail.password).status == 303
        begun = form(person, "While the server was away", action="save")
    answer = person.visitor.post("/compose", begun)
    assert answer.status == 503, title(answer)
    assert "Typed for an hour" in answer.text and "Not saved." in answer.text
    answer = person.visitor.upload("/compose", begun, b"x" * 1000, {})
    assert answer.status == 503 and "Not attached: “file.bin”. Attach again." in toasts(answer)


def test_a_page_that_comes_back_without_a_file_says_so_and_a_text_that_is_gone_is_told(alice: Person):
    begun = form(alice, "With a file", action="insert 4711")
    answer = alice.visitor.upload("/compose", begun, b"x" * 1000, {})
    assert answer.status == 200 and "Typed for an hour" in answer.text
    told = toasts(answer)
    assert "That text is no longer there." in told and "Not attached: “file.bin”. Attach again." in told


def test_without_sql_a_message_is_sent_in_the_request_and_once(world: World, alice: Person):
    begun = form(alice, "While SQL was away")
    with no_outbox(world):
        answer = alice.visitor.post("/compose", begun)
        assert answer.status == 303, title(answer)
        assert "is sent" in toasts(alice.visitor.follow(answer))
        assert len(taken(world, "While SQL was away")) == 1
        again = alice.visitor.post("/compose", begun)
        assert "on its way already" in toasts(alice.visitor.follow(again))
    assert len(taken(world, "While SQL was away")) == 1
    assert alice.paths("/mail/Sent/")


def test_without_sql_nothing_is_sent_later_and_it_is_not_sent_at_once_either(world: World, alice: Person):
    when = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%dT%H:%M}"
    begun = form(alice, "Later without SQL", action="later", when=when)
    with no_outbox(world):
        answer = alice.visitor.post("/compose", begun)
    assert answer.status >= 500 and "cannot be kept for later at the moment" in answer.text, title(answer)
    assert "Typed for an hour" in answer.text and when in answer.text
    time.sleep(2)
    assert not taken(world, "Later without SQL")


def test_sent_with_sql_and_again_without_it_is_sent_once(world: World, alice: Person):
    begun = form(alice, "Before and after")
    assert alice.visitor.post("/compose", begun).status == 303
    with no_outbox(world):
        assert alice.visitor.post("/compose", begun).status in (303, 409)
    eventually_taken(world, "Before and after")
    time.sleep(5)
    assert len(taken(world, "Before and after")) == 1


def test_nobody_writes_as_who_they_are_not(world: World, alice: Person):
    forged = form(alice, "Whoever I am", **{"from": "boss@one.example", "sender": "boss@one.example"})
    assert alice.visitor.post("/compose", forged).status == 303
    (mail,) = eventually_taken(world, "Whoever I am")
    assert mail.sender == alice.address
    assert f"<{alice.address}>".encode() in mail.content or f"From: {alice.address}".encode() in mail.content
    assert b"boss@" not in mail.content


def test_pressing_send_ten_times_sends_once(world: World, alice: Person):
    begun = form(alice, "Ten times")
    assert {alice.visitor.post("/compose", begun).status for _ in range(10)} <= {303, 409, 422, 503}
    eventually_taken(world, "Ten times")
    time.sleep(5)
    assert len(taken(world, "Ten times")) == 1


def eventually_taken(world: World, subject: str) -> list[Taken]:
    eventually(lambda: taken(world, subject))
    return taken(world, subject)


@pytest.mark.parametrize("name", ["to", "cc", "bcc", "subject", "in_reply_to", "references", "message_id", "from"])
def test_no_field_writes_a_header_of_its_own(world: World, alice: Person, name: str):
    subject = f"Injected {name}"
    forged = form(alice, subject) | {name: "x <a@elsewhere.example>\r\nX-Injected: yes\r\n\r\nbody", "action": "save"}
    answer = alice.visitor.post("/compose", forged)
    assert answer.status in (303, 400), title(answer)
    for path in alice.paths("/mail/Drafts/"):
        raw = alice.visitor.get(f"{path}/eml").body
        assert b"\nX-Injected" not in raw.partition(b"\r\n\r\n")[0]


def lying(person: Person) -> list[tuple[bytes, ...]]:
    """The flags of all that lies in Drafts, hidden or not."""
    with IMAPClient("127.0.0.1", person.mail.server.imap_port, ssl=False) as client:
        client.login(person.mail.login, person.mail.password)
        client.select_folder("Drafts", readonly=True)
        return [told[b"FLAGS"] for told in client.fetch(client.search(), ["FLAGS"]).values()]


def test_a_second_press_of_send_leaves_nothing_behind(world: World, alice: Person):
    begun = form(alice, "Pressed twice", cc="carl@elsewhere.example")
    for _ in range(2):
        again = alice.visitor.post("/compose", begun)
    assert "on its way already" in toasts(alice.visitor.follow(again))
    eventually(lambda: not lying(alice))
    assert "is sent already" in toasts(alice.visitor.follow(alice.visitor.post("/compose", begun)))
    assert not lying(alice) and len(taken(world, "Pressed twice")) == 1


def test_other_words_under_a_form_that_was_sent_are_a_draft_that_can_be_sent(world: World, alice: Person):
    begun = form(alice, "Two tabs")
    assert alice.visitor.post("/compose", begun).status == 303
    eventually(lambda: not lying(alice))
    other = {**begun, "text": "Second thoughts"}
    answer = alice.visitor.post("/compose", other)
    assert answer.status == 409 and "sent before" in answer.text and "Second thoughts" in answer.text
    assert len(lying(alice)) == 1
    again = {**fields(answer), "to": FRIEND, "subject": "Two tabs", "text": "Second thoughts", "action": "send"}
    assert alice.visitor.post("/compose", again).status == 303
    eventually(lambda: len(taken(world, "Two tabs")) == 2)
    eventually(lambda: not lying(alice))


def test_what_cannot_be_put_in_leaves_no_hidden_copy(world: World, make_account: MakeAccount):
    person = world.person(make_account(0))
    with world.site.engine.begin() as connection:
        here = update(ServerRow).where(ServerRow.name == person.server)
        connection.execute(here.values(submission_host=None, submission_port=None, submission_security=None))
    answer = person.signed_in().visitor.post("/compose", form(person, "Nowhere to"))
    assert "has not said how mail is sent" in answer.text
    assert [OUTGOING.encode() in each for each in lying(person)] == [False]


def test_nothing_typed_is_cut_short(world: World, alice: Person):
    people = ", ".join(f"person.number.{number}@elsewhere.example" for number in range(900))
    answer = alice.visitor.post("/compose", form(alice, "Many", to=people, text="я" * 600_000, action="save"))
    page = alice.visitor.follow(answer).text
    assert people in page and "я" * 600_000 in page
    answer = alice.visitor.post("/compose", form(alice, "Long", text="я" * 800_000, action="save"))
    assert answer.status == 413 and "too long" not in answer.text and "longer than" in answer.text
    assert "я" * 800_000 in answer.text


def test_text_whose_files_are_gone_is_a_draft_without_them_and_not_sent(world: World, alice: Person):
    elsewhere = {"file": '["Drafts.1.1","2","plan.pdf","application/pdf",5,"base64",null,null]'}
    answer = alice.visitor.post("/compose", form(alice, "Files gone", action="save", **elsewhere))
    assert answer.status == 303
    page = alice.visitor.follow(answer)
    assert "plan.pdf" in toasts(page) and "Typed for an hour" in page.text
    answer = alice.visitor.post("/compose", form(alice, "Files gone too", **elsewhere))
    assert answer.status == 409 and "Not sent." in answer.text and "plan.pdf" in answer.text
    assert len(lying(alice)) == 2 and not taken(world, "Files gone too")


def test_a_refused_mail_is_a_draft_like_any_other_once_it_is_opened(world: World, alice: Person):
    world.site.smtp.refuse["gone@elsewhere.example"] = "550 5.1.1 no such person"
    assert alice.visitor.post("/compose", form(alice, "Refused", to="gone@elsewhere.example")).status == 303
    eventually(lambda: "no such person" in alice.visitor.get("/outbox").text)
    page = alice.visitor.get("/outbox").text
    number = re.search(r'action="/outbox/([^"]+)"', page)
    assert number
    choice = {"csrf_token": alice.visitor.token("/outbox"), "choice": "edit"}
    answer = alice.visitor.post(f"/outbox/{number[1]}", choice)
    draft = alice.visitor.follow(answer)
    assert draft.status == 200 and "gone@elsewhere.example" in draft.text
    assert "empty-outbox" in alice.visitor.get("/outbox").text
    again = {**fields(draft), "to": FRIEND, "subject": "Refused", "text": "Now", "action": "send"}
    assert alice.visitor.post("/compose", again).status == 303
    eventually_taken(world, "Refused")
    eventually(lambda: not lying(alice))
    late = alice.visitor.post(f"/outbox/{number[1]}", choice)
    assert late.location == "/outbox" and "settled already" in toasts(alice.visitor.follow(late))


def test_who_opens_a_draft_with_formatting_is_told_that_it_will_be_plain(world: World, alice: Person):
    def opened(path: str) -> str:
        return alice.visitor.get(path.replace("/mail/Drafts/", "/drafts/")).text

    made = letter("Plain"), letter("Rich").replace(b"text/plain", b"text/html").replace(b"some", b"<b>some</b>")
    for each in made:
        alice.mail.append(each, mailbox="Drafts", flags=["\\Draft"])
    rich, plain = (opened(path) for path in alice.paths("/mail/Drafts/"))
    assert "compose-formatted" in rich and "compose-formatted" not in plain


def test_a_password_changed_while_somebody_writes_is_asked_for_and_the_draft_is_saved(
    world: World, bob: Person, proxy: Proxy
):
    begun = form(bob, "New password", action="save")
    bob.mail.server.add_user(bob.mail.login, "another password")
    proxy.cut()
    asked = bob.visitor.post("/compose", begun)
    assert asked.status == 401 and "Typed for an hour" not in asked.text, title(asked)
    sealed = re.search(r'name="carried" value="([^"]+)"', asked.text)
    assert sealed
    typed = {"csrf_token": bob.visitor.token(), "address": bob.address, "carried": sealed[1]}
    refused = bob.visitor.post("/login", {**typed, "password": bob.mail.password})
    assert refused.status == 401 and sealed[1] in refused.text
    answer = bob.visitor.post("/login", {**typed, "password": "another password"})
    assert answer.status == 303, title(answer)
    assert "Typed for an hour" in bob.visitor.follow(answer).text


def test_files_that_are_too_large_for_a_form_cost_no_word(world: World, alice: Person):
    begun = form(alice, "Too large", action="save")
    answer = alice.visitor.upload("/compose", begun, bytes(37 << 20), {})
    assert answer.status == 413 and "files are too large for one message" in answer.text
    assert "Typed for an hour" in answer.text and "Too large" in answer.text
    assert alice.paths("/mail/Drafts/") == []
    text = "long " * 240_000  # more than other forms may hold
    saved = alice.visitor.upload("/compose", {**begun, "text": text}, b"small", {})
    assert saved.status == 303, saved.text[:500]
