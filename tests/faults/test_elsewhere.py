"""Another program changes the mailbox: nothing is done to a message that was not meant, and what happened is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape

import pytest

from app.mail.connection import Connection, uid_set
from tests.faults.world import INBOX, Person, letter, title, toasts
from tests.mail.boxes import opened
from tests.visitor import Answer

pytestmark = pytest.mark.servers

REBUILT = "This folder was rebuilt"
GONE = "This message is no longer here"
NO_FOLDER = "This folder no longer exists"


@contextmanager
def elsewhere(person: Person) -> Iterator[Connection]:
    """Another program of the same person."""
    with opened(person.mail.server.imap_port, person.mail.login, person.mail.password) as client:
        yield client


def expunge(person: Person, *paths: str) -> None:
    with elsewhere(person) as client:
        client.select("INBOX", write=True)
        uids = uid_set(int(path.rsplit("/", 1)[1]) for path in paths)
        client.ask(b"UID STORE", uids, b"+FLAGS (\\Deleted)")
        client.ask(b"UID EXPUNGE", uids)


def subjects(person: Person, mailbox: str) -> int:
    with elsewhere(person) as client:
        return client.select(mailbox).exists


def in_frame(answer: Answer, words: str) -> bool:
    """Whether those words stand where the mail would, in an answer that may be framed."""
    return "frame-ancestors 'self'; sandbox" in answer.headers["Content-Security-Policy"] and words in answer.text


def undo(person: Person, page: Answer) -> str:
    """What is said once the undo of a page was pressed."""
    found = re.search(r'action="(/mail/[^"]+/undo)".*?name="token" value="([^"]+)"', page.text, re.DOTALL)
    assert found, toasts(page)
    form = {"csrf_token": person.visitor.token(INBOX), "token": unescape(found[2])}
    return toasts(person.visitor.follow(person.visitor.post(found[1], form)))


def renumbered(person: Person) -> list[str]:
    """A folder Work of three letters as the pages show it; then it is deleted and made anew with three others."""
    for number in range(3):
        person.mail.append(letter(f"Old {number}"), mailbox="Work")
    paths = person.paths("/mail/Work/")
    assert len(paths) == 3
    with elsewhere(person) as client:
        client.delete_folder("Work")
        client.create_folder("Work")
    for number in range(3):
        person.mail.append(letter(f"New {number}"), mailbox="Work")
    return paths


def test_an_address_of_before_a_renumbering_opens_nothing(alice: Person):
    paths = renumbered(alice)
    for tail in ("", "/eml", "/raw", "/headers", "/frame?section=1", "/part/1", "/zip"):
        answer = alice.visitor.get(paths[0] + tail)
        if tail.startswith("/frame"):
            assert answer.status == 409 and in_frame(answer, REBUILT)
        else:
            assert (answer.status, title(answer)) == (409, REBUILT), tail
        assert "New" not in answer.text
    assert "Back to the list" in answer.text
    fresh = alice.paths("/mail/Work/")
    assert len(fresh) == 3 and not set(fresh) & set(paths)
    assert "New 2" in alice.visitor.get(fresh[0]).text


@pytest.mark.parametrize("action", ["trash", "delete", "flag", "read", "move", "junk", "archive"])
def test_an_action_of_before_a_renumbering_touches_nothing(alice: Person, action: str):
    paths = renumbered(alice)
    form = [("uidvalidity", paths[0].split("/")[3]), ("action", action), ("target", "Archive")]
    form += [("uid", path.rsplit("/", 1)[1]) for path in paths]
    answer = alice.visitor.post("/mail/Work/actions", [("csrf_token", alice.visitor.token(INBOX)), *form])
    assert (answer.status, title(answer)) == (409, REBUILT)
    with elsewhere(alice) as client:
        assert client.select("Work").exists == 3
        told = client.ask(b"UID FETCH", b"1:*", b"(FLAGS)").untagged
        assert not [line for line in told if b"Flagged" in line[0] or b"Deleted" in line[0] or b"Seen" in line[0]]
    assert subjects(alice, "Archive") == 0


def test_a_folder_deleted_or_renamed_elsewhere_is_told_and_leaves_the_pane(alice: Person):
    for change in ("delete", "rename"):
        alice.mail.append(letter(), mailbox="Work")
        path = alice.paths("/mail/Work/")[0]
        alice.act("flag", alice.paths()[0])  # an own write: the pane is read anew
        assert 'data-mailbox="Work"' in alice.list().text
        with elsewhere(alice) as client:
            if change == "delete":
                client.delete_folder("Work")
            else:
                client.rename_folder("Work", "Play")
        for where in (path, "/mail/Work/"):
            answer = alice.visitor.get(where)
            assert (answer.status, title(answer)) == (404, NO_FOLDER), (change, where)
            assert 'href="/mail/INBOX/" data-testid="back-to-list"' in answer.text, "not back to what is gone"
        pane = alice.list().text
        assert 'data-mailbox="Work"' not in pane
    assert 'data-mailbox="Play"' in pane
    moved = alice.act("move", alice.paths()[0], target="Work")
    assert (moved.status, title(moved)) == (404, NO_FOLDER)
    assert len(alice.paths()) == 5, "nothing was moved"


def test_a_message_deleted_elsewhere_is_no_longer_here_and_its_neighbours_are_not_taken_for_it(alice: Person):
    paths = alice.paths()
    assert alice.visitor.get(paths[2]).status == 200
    expunge(alice, paths[2])
    for tail in ("", "/eml", "/raw", "/headers", "/zip"):
        answer = alice.visitor.get(paths[2] + tail)
        assert (answer.status, title(answer)) == (404, GONE), tail
    assert alice.paths() == [path for path in paths if path != paths[2]]


@pytest.mark.parametrize(
    ("action", "words", "target"),
    [("trash", "moved to Trash", "Trash"), ("archive", "moved to Archive", "Archive"), ("flag", "flagged", None)],
)
def test_of_five_messages_two_were_gone(alice: Person, action: str, words: str, target: str | None):
    paths = alice.paths()
    token = alice.visitor.token(INBOX)
    alice.mail.append(letter("Came meanwhile"))
    expunge(alice, paths[0], paths[3])
    page = alice.visitor.follow(alice.act(action, *paths, token=token))
    assert f"3 of 5 messages {words}; 2 were already gone." in toasts(page)
    if target:
        assert subjects(alice, target) == 3
        assert "Came meanwhile" in page.text and subjects(alice, "INBOX") == 1
    rest = alice.visitor.follow(alice.act(action, paths[0], paths[3]))
    assert "These messages were already gone." in toasts(rest)


def test_a_page_about_a_message_that_is_gone_leads_back_to_the_list_it_was_opened_from(alice: Person):
    path = alice.paths()[0]
    expunge(alice, path)
    answer = alice.visitor.get(f"{path}?q=Letter&sort=subject&page=2")
    assert 'href="/mail/INBOX/?page=2&amp;q=Letter&amp;sort=subject" data-testid="back-to-list"' in answer.text


def test_the_frame_of_a_message_says_what_is_wrong_in_its_place(alice: Person):
    path = alice.paths()[0]
    expunge(alice, path)
    assert in_frame(alice.visitor.get(f"{path}/frame?section=1"), GONE)
    assert title(alice.visitor.get(f"{path}/frame?section=1&alone=1")) == GONE, "by itself it has a page like others"
    alice.visitor.cookies.clear()
    answer = alice.visitor.get(f"{path}/frame?section=1")
    assert answer.status == 401 and in_frame(answer, "Please sign in")


def test_an_undo_that_another_program_was_quicker_to_make_is_no_loss(alice: Person):
    page = alice.visitor.follow(alice.act("flag", *alice.paths()[:2]))
    with elsewhere(alice) as client:
        client.select("INBOX", write=True)
        client.ask(b"UID STORE", b"1:*", b"-FLAGS", b"(\\Flagged)")
    assert "2 messages are as before." in undo(alice, page)


def test_an_undo_says_how_many_of_how_many_came_back(alice: Person):
    page = alice.visitor.follow(alice.act("trash", *alice.paths()[:3]))
    with elsewhere(alice) as client:
        client.select("Trash", write=True)
        client.ask(b"UID STORE", b"1", b"+FLAGS", b"(\\Deleted)")
        client.ask(b"UID EXPUNGE", b"1")
    assert "2 of 3 messages are back in Inbox; the rest was not found." in undo(alice, page)


def test_a_button_pressed_twice_offers_the_undo_of_what_it_did_at_the_first(alice: Person):
    paths, token = alice.paths()[:2], alice.visitor.token(INBOX)
    kept = list(alice.visitor.cookies)
    alice.act("archive", *paths, token=token)
    alice.visitor.cookies.clear()
    for cookie in kept:  # a browser keeps nothing of an answer that it no longer waits for
        alice.visitor.cookies.set_cookie(cookie)
    page = alice.visitor.follow(alice.act("archive", *paths, token=token))
    assert "2 messages moved to Archive." in toasts(page)
    assert "2 messages are back in Inbox." in undo(alice, page)
    again = alice.visitor.follow(alice.act("archive", *paths, token=token))
    assert "These messages were already gone." in toasts(again), "they came back under other numbers"
