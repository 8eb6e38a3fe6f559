"""Postern on a real Dovecot 2.4 with the shipped configuration: pages, keeper, and what readers of logs see."""

from __future__ import annotations

import imaplib
import re
import secrets
import shutil
import smtplib
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import pytest

from app.blocklog.classify import recognise
from app.blocklog.codes import Policy
from app.blocklog.event import Line, SignedIn
from app.blocklog.formats.signin import PROGRAMS, Reader
from app.blocklog.stamp import Stamp
from tests import dovecot24
from tests.conftest import MailAccount, Resident, Site, make_server_folder
from tests.dovecot24 import Dovecot24
from tests.faults.world import MESSAGE, eventually, letter
from tests.smtpsink import Sink
from tests.visitor import Answer, Visitor
from tests.web.filters.test_editor import form, message
from tests.web.writing.test_conflict import Tab, elsewhere, fields

pytestmark = pytest.mark.servers
SHIPPED = Path(__file__).resolve().parents[2] / "config/dovecot/2.4"
PERSON = "203.0.113.9"  # whose browser speaks to the node
_HIDDEN = re.compile(r'name="(csrf_token|made)"[^>]*value="([^"]*)"')


@dataclass(frozen=True)
class World:
    """A site whose mail lies on a 2.4; `sink` takes what scripts send."""

    server: Dovecot24
    sink: Sink
    site: Site
    url: str

    def account(self) -> MailAccount:
        made = MailAccount(self.server, f"box{secrets.randbelow(10**9)}", secrets.token_urlsafe(9))
        self.server.add_user(made.login, made.password)
        return made

    def resident(self) -> tuple[Resident, Visitor]:
        """Somebody who has signed in, from PERSON."""
        mail = self.account()
        found = Resident(f"alice.{mail.login}@one.example", mail)
        self.site.add(found.address, mail)
        visitor = Visitor(self.url)
        ask = {"address": found.address, "password": mail.password, "csrf_token": visitor.token()}
        answer = visitor.post("/login", ask, {"X-Forwarded-For": PERSON})
        assert answer.status == 303, f"{answer.status}: {answer.text[:1000]}"
        return found, visitor

    def lines(self) -> list[Line]:
        """The server's log, as the follower reads it."""
        stamp = Stamp("syslog")
        read = [stamp.line(each) for each in self.server.log().encode().splitlines()]
        assert all(isinstance(each, Line) for each in read)
        return [each for each in read if isinstance(each, Line)]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    if reason := dovecot24.missing():
        pytest.skip(reason)
    folder = make_server_folder()
    with Sink({}) as sink:
        options = (SHIPPED / "postern.conf").read_text().replace("5 mins", "1 s")
        options += f"submission_host = 127.0.0.1:{sink.port}\nlog_debug = event=imap_client_hibernated\n"
        server = Dovecot24(folder / "mail", sieve=True, quota="100K", options=options)
        site = Site(folder, (server.start(), server), notices=sink.port)
        node = site.node(folder / "node", POSTERN_PROXIES="127.0.0.0/8", POSTERN_ALLOW_PLAINTEXT="1")
        try:
            yield World(server, sink, site, node.start().url)
            assert not dovecot24.complaints(server)
        finally:
            node.stop()
            site.close()
            server.stop()
            shutil.rmtree(folder)


def paths(answer: Answer) -> list[str]:
    """The pages of the messages of a list."""
    assert answer.status == 200, answer.text[:1000]
    return list(dict.fromkeys(path for path, _ in MESSAGE.findall(answer.text)))


def hidden(answer: Answer) -> dict[str, str]:
    return {name: unescape(value) for name, value in _HIDDEN.findall(answer.text)}


def test_mail_is_read_and_moved_over_one_connection_that_the_keeper_holds(world: World) -> None:
    resident, visitor = world.resident()
    resident.mail.deliver(letter("One", "the first\r\n"), letter("Two"))
    listed = visitor.get("/mail/INBOX/")
    assert len(paths(listed)) == 2 and "One" in listed.text
    assert "the first" in visitor.get(paths(listed)[1]).text
    _, _, _, validity, uid = paths(listed)[0].split("/")
    ask = {**hidden(listed), "uidvalidity": validity, "uid": uid, "action": "archive"}
    assert visitor.post("/mail/INBOX/actions", ask).status == 303
    assert (len(paths(visitor.get("/mail/INBOX/"))), len(paths(visitor.get("/mail/Archive/")))) == (1, 1)
    assert len(paths(visitor.get("/mail/INBOX/?q=One"))) == 1
    assert len(paths(visitor.get("/mail/INBOX/?sort=subject"))) == 1
    assert resident.mail.logins() == 1


def test_a_draft_is_stored_in_place_of_the_former_one(world: World) -> None:
    resident, visitor = world.resident()
    tab = Tab(visitor, fields(visitor.get("/compose")))
    tab.save("Dear Bob,\n\nfirst")
    tab.save("Dear Bob,\n\nsecond")
    with elsewhere(resident) as client:
        (only,) = client.fetch(client.search(), ["BODY[]"]).values()
    assert b"second" in only[b"BODY[]"]
    assert resident.mail.logins() == 2  # ours, and the other program's


def test_a_rule_is_kept_by_managesieve_and_mail_meets_it(world: World) -> None:
    resident, visitor = world.resident()
    page = visitor.get("/filters/rules/new")
    asked = [(name, each) for name, value in form().items() for each in (value if isinstance(value, list) else [value])]
    assert visitor.post("/filters/rules/new", [*hidden(page).items(), *asked]).status == 303
    resident.mail.deliver(message("Your invoice"), message("Something else"))
    assert (len(paths(visitor.get("/mail/INBOX/"))), len(paths(visitor.get("/mail/Archive/")))) == (1, 1)


def test_what_the_compiler_has_against_a_script_stands_beside_its_line(world: World) -> None:
    _, visitor = world.resident()
    asked = {**hidden(visitor.get("/filters/text")), "text": "keep;\nredo;\n", "do": "check"}
    page = visitor.post("/filters/text", asked).text
    assert "unknown command" in page and 'data-line="2"' in page


def test_the_log_tells_the_person_s_address_and_its_reader_reads_that(world: World) -> None:
    resident, _ = world.resident()
    read = Reader().read

    def ours() -> list[SignedIn]:
        known = [each for each in world.lines() if each.program in PROGRAMS]
        found = [event for each in known for event in read(each)]
        return [each for each in found if isinstance(each, SignedIn) and each.login == resident.mail.login]

    eventually(ours)
    assert [(each.service, each.ip) for each in ours()] == [("imap", PERSON)]


def test_a_connection_in_idle_hibernates_and_tells_of_new_mail(world: World) -> None:
    mail = world.account()
    with imaplib.IMAP4("127.0.0.1", world.server.imap_port) as client:
        client.login(mail.login, mail.password)
        client.select()
        client.send(b"A1 IDLE\r\n")
        assert client.readline().startswith(b"+")
        eventually(lambda: re.search(rf"imap\({mail.login}\).*Successfully hibernated", world.server.log()))
        mail.deliver(letter())
        assert client.readline() == b"* 1 EXISTS\r\n"
        client.send(b"DONE\r\n")
        while not client.readline().startswith(b"A1 OK"):
            pass


def kind(reply: bytes) -> Policy | None:
    dsn, _, text = reply.decode().partition(" ")
    found = recognise(text, code=550, dsn=dsn)
    return found[0] if found else None


def test_what_it_says_at_a_delivery_is_understood(world: World) -> None:
    mail = world.account()
    with smtplib.LMTP("127.0.0.1", world.server.lmtp_port) as client:
        client.ehlo()
        client.mail("sender@elsewhere.example")
        code, unknown = client.rcpt("nobody")
        assert (code, kind(unknown)) == (550, Policy.rcpt)
        client.rcpt(mail.login)
        code, full = client.data(b"Subject: large\r\n\r\n" + b"x" * 90 + b"\r\n" * 60_000)
    assert (code, kind(full)) == (552, Policy.quota)


def test_a_script_refuses_by_a_mail_and_throws_away_without_one(world: World) -> None:
    resident, visitor = world.resident()
    for text in ('require "reject";\nreject "Not here";\n', "discard;\n"):
        asked = {**hidden(visitor.get("/filters/text")), "text": text, "do": "save"}
        assert visitor.post("/filters/text", asked).status == 303
        resident.mail.deliver(message("Hello"))
    answers = [each for each in world.sink.taken if each.recipients == ["sender@example.org"]]
    assert [b"Not here" in each.content for each in answers] == [True]
    assert paths(visitor.get("/mail/INBOX/")) == []


@pytest.mark.parametrize("kind", ["mariadb", "postgresql"])
def test_doveconf_has_nothing_against_the_shipped_files_behind_debian_s_own(world: World, kind: str) -> None:
    names = ("postern.conf", f"postern-{kind}.conf", "postern-training.conf", f"proxy-{kind}.conf")
    lines = [(SHIPPED / name).read_text() for name in names]
    for several in (lines[:-1], lines[-1:]):  # a proxy has no mail
        assert world.server.complaints("".join(several)) == ""
        assert "Unknown setting" in world.server.complaints("".join([*several, "no_such_setting = yes\n"]))
    assert "Global setting" in world.server.complaints("".join([*lines[:-1], "auth_username_format = %{user}\n"]))


def test_each_shipped_file_is_tried() -> None:
    kinds = ("mariadb", "postgresql")
    tried = {f"{name}-{kind}.conf" for name in ("postern", "proxy") for kind in kinds}
    assert {each.name for each in SHIPPED.iterdir()} == {*tried, "postern.conf", "postern-training.conf"}
