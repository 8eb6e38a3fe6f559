"""Folders that others share (RFC 4314), and folders of every name: each opened, moved to, or refused in words."""

from __future__ import annotations

import imaplib
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from app.demo.dovecot import Dovecot
from app.mail.wire import quote_mailbox
from app.web.urls import escape_mailbox
from tests.conftest import MakeAccount
from tests.faults.world import INBOX, Person, World, letter

pytestmark = pytest.mark.servers

OPTIONS = """\
mail_plugins = $mail_plugins acl
plugin {
  acl = vfile
}
namespace public {
  type = public
  prefix = Public/
  separator = /
  location = maildir:FOLDER/public
  subscriptions = no
}
"""
RIGHTS = {"Seen only": "l", "Read": "lr", "Kept": "lrwsi"}
NAMES = [
    "a%b", "#news", "a&b", 'q"uote', "back\\slash", " before", "after ", "two  blanks", "{5}", "{5+}", "(x)", "*", "%",
    "..x", "<script>alert(1)<", "会議\u3000資料", "\u202egpj", "\U0001f468\u200d\U0001f469", "x" * 200, "&-", "INBOX2",
    "inbox.x", "NIL", "a:b", "é", "e\u0301", "?page=2", "a;b", "a,b", "a\u00a0b",
]  # fmt: skip


@pytest.fixture(scope="module")
def server(servers_folder: Path) -> Iterator[Dovecot]:
    folder = servers_folder / "shared"
    made = Dovecot(folder, options=OPTIONS.replace("FOLDER", str(folder))).start()
    yield made
    made.stop()


@pytest.fixture
def member(world: World, server: Dovecot, make_account: MakeAccount) -> Person:
    """Somebody with public folders, each with other rights, and letters of their own."""
    mail = make_account(server)
    for name, rights in RIGHTS.items():
        folder = server.folder / "public" / f".{name}"
        for part in ("cur", "new", "tmp"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / "cur" / "1700000000.M1P1.x:2,").write_bytes(letter(f"In {name}"))
        (folder / "dovecot-acl").write_text(f"user={mail.login} {rights}\n")
    server._give_away(server.folder / "public")
    mail.server.fill(mail.login, [letter(f"Mine {number}") for number in range(len(NAMES) + 1)])
    return world.person(mail, port=server.imap_port).signed_in()


def shown(person: Person, mailbox: str) -> tuple[str, list[str]]:
    """The list of a mailbox, and the paths of its messages."""
    answer = person.visitor.get(f"/mail/{escape_mailbox(mailbox)}/")
    assert answer.status == 200, f"{mailbox}: {answer.status}"
    return answer.text, re.findall(r'href="(/mail/[^"?]+/\d+/\d+)[?"]', answer.text)


def act(person: Person, path: str, action: str, **more: str) -> tuple[int, str]:
    """What was answered in the end, and its page."""
    folder, validity, uid = path.rsplit("/", 2)
    form = {"csrf_token": person.visitor.token(INBOX), "uidvalidity": validity, "uid": uid, "action": action}
    answer = person.visitor.post(f"{folder}/actions", {**form, **more})
    answer = person.visitor.follow(answer) if answer.status == 303 else answer
    return answer.status, unescape(answer.text)


def test_a_folder_that_may_be_seen_and_not_read_breaks_nothing_else(member: Person):
    page, paths = shown(member, "INBOX")
    assert len(paths) > 20 and 'data-mailbox="Public/Seen only"' in page
    answer = member.visitor.get(f"/mail/{escape_mailbox('Public/Seen only')}/")
    assert answer.status == 403 and "You may not do that in this folder" in answer.text


def test_in_a_folder_that_may_only_be_read_mail_is_read_and_nothing_is_done(member: Person):
    _, paths = shown(member, "Public/Read")
    assert "In Read" in member.visitor.get(paths[0]).text
    for action in ("read", "flag", "trash", "junk", "archive", "delete"):
        status, page = act(member, paths[0], action)
        assert status == 403 and "You may not do that in this folder" in page, action
    assert act(member, paths[0], "move", target="INBOX")[0] == 403
    mine = shown(member, "INBOX")[1]
    assert act(member, mine[0], "move", target="Public/Read")[0] == 403
    assert shown(member, "INBOX")[1] == mine and shown(member, "Public/Read")[1] == paths


def test_what_may_not_be_deleted_stays_and_that_is_said(member: Person):
    _, paths = shown(member, "Public/Kept")
    assert "1 message flagged." in act(member, paths[0], "flag")[1]
    assert act(member, paths[0], "trash")[0] == 403
    assert "0 of 1 messages deleted for good; 1 could not be." in act(member, paths[0], "delete")[1]
    assert shown(member, "Public/Kept")[1] == paths


def test_a_folder_of_any_name_is_shown_opened_and_moved_to(member: Person):
    with imaplib.IMAP4("127.0.0.1", member.mail.server.imap_port) as client:
        client.login(member.mail.login, member.mail.password)
        for name in NAMES:
            assert client._simple_command("CREATE", quote_mailbox(name))[0] == "OK", name  # type: ignore[attr-defined]
    page, mine = shown(member, "INBOX")
    listed = {unescape(each) for each in re.findall(r'data-testid="mailbox-link" data-mailbox="([^"]*)"', page)}
    assert listed >= set(NAMES)
    for name, path in zip(NAMES, mine, strict=False):
        status, page = act(member, path, "move", target=name)
        assert status == 200 and "1 message moved to " in page, name
        assert len(shown(member, name)[1]) == 1, name
    assert len(shown(member, "INBOX")[1]) == 1
