"""A draft that was changed elsewhere: both texts are shown, nothing is overwritten, each choice does what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape

import pytest
from imapclient import IMAPClient

from app.demo.node import Node
from tests.conftest import Resident, Site
from tests.visitor import Answer, Visitor

pytestmark = pytest.mark.servers
_FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
_FILE = re.compile(r'type="checkbox" name="file" value="([^"]+)"')
BRIEF = {"X-Postern-Fragment": "saved"}
MINE, THEIRS = "Dear Bob,\n\nmine\n\nAlice", "Dear Bob,\n\ntheirs & <more>\n\nAlice"


def fields(answer: Answer) -> list[tuple[str, str]]:
    """The fields of a form of writing that nobody types, and its files."""
    part = answer.text.partition('data-testid="compose"')[2].partition("</form>")[0] or answer.text
    found = [(name, unescape(value)) for name, value in _FIELD.findall(part)]
    return found + [("file", unescape(value)) for value in _FILE.findall(part)]


@dataclass
class Tab:
    """A form of writing in one browser tab."""

    visitor: Visitor
    kept: list[tuple[str, str]]

    def post(self, action: str, text: str, subject: str = "Plans", headers: dict[str, str] | None = None) -> Answer:
        form = [*self.kept, ("to", "bob@elsewhere.example"), ("subject", subject), ("text", text), ("action", action)]
        return self.visitor.post("/compose", form, headers)

    def save(self, text: str, subject: str = "Plans") -> Answer:
        """As the script saves, which then takes over where the draft is."""
        answer = self.post("save", text, subject, BRIEF)
        assert answer.status == 200, answer.text[-500:]
        others = [(name, value) for name, value in self.kept if name in ("csrf_token", "carry_token")]
        self.kept = others + fields(answer)
        return answer

    def take(self, answer: Answer) -> None:
        """Goes on with the form of a page."""
        self.kept = fields(answer)

    def of(self, name: str) -> str:
        return dict(self.kept)[name]


@pytest.fixture
def visitor(resident: Resident, site: Site, node: Node) -> Visitor:
    return resident.sign_in(node.url)


@contextmanager
def elsewhere(resident: Resident, mailbox: str = "Drafts") -> Iterator[IMAPClient]:
    """Another program of the same person."""
    with IMAPClient("127.0.0.1", resident.mail.server.imap_port, ssl=False) as client:
        client.login(resident.mail.login, resident.mail.password)
        client.select_folder(mailbox)
        yield client


def lying(resident: Resident, mailbox: str = "Drafts") -> list[bytes]:
    with elsewhere(resident, mailbox) as client:
        return [told[b"RFC822"] for told in client.fetch(client.search(), ["RFC822"]).values()]


def texts(resident: Resident, mailbox: str = "Drafts") -> list[str]:
    """What is written in the messages of a mailbox."""
    words = (re.search(rb"mine|theirs|third|more of it", each) for each in lying(resident, mailbox))
    return sorted(found[0].decode() for found in words if found)


@pytest.fixture
def tabs(visitor: Visitor) -> tuple[Tab, Tab]:
    """Two tabs with the same stored draft; the second saved it meanwhile."""
    first = Tab(visitor, fields(visitor.get("/compose")))
    first.save("begun")
    _, uidvalidity, uid = first.of("draft").split(".")
    second = Tab(visitor, fields(visitor.get(f"/drafts/{uidvalidity}/{uid}")))
    second.save(THEIRS, "Other plans")
    return first, second


def test_a_save_tells_that_the_draft_was_changed_and_shows_both(tabs: tuple[Tab, Tab], resident: Resident) -> None:
    answer = tabs[0].save(MINE)
    page = unescape(answer.text)
    assert "changed elsewhere" in page and "theirs &amp; &lt;more&gt;" in answer.text
    assert re.findall(r"<mark>.*?</mark>", page)[-1].endswith("theirs & <more></mark>")
    assert "Plans" in page and "Other plans" in page and "bob@" not in page.partition("data-conflict")[2]
    assert texts(resident) == ["mine", "theirs"]
    assert tabs[0].of("conflict") == tabs[1].of("draft")


def test_saving_goes_on_beside_the_other_and_is_not_told_again(tabs: tuple[Tab, Tab], resident: Resident) -> None:
    tabs[0].save(MINE)
    answer = tabs[0].save("more of it")
    assert "data-conflict" not in answer.text and texts(resident) == ["more of it", "theirs"]
    page = tabs[0].post("save", "more of it")  # without a script: the page, on which both still stand
    assert page.status == 200 and 'data-testid="compose-conflict"' in page.text and "theirs" in page.text


def test_keep_mine_puts_the_other_into_the_trash(tabs: tuple[Tab, Tab], resident: Resident, visitor: Visitor) -> None:
    tabs[0].save(MINE)
    page = visitor.follow(tabs[0].post("keep-mine", MINE))
    assert "mine" in page.text and "undo-button" in page.text and 'data-testid="compose-conflict"' not in page.text
    assert texts(resident) == ["mine"] and texts(resident, "Trash") == ["theirs"]


def test_take_the_other_opens_it_and_mine_is_in_the_trash(
    tabs: tuple[Tab, Tab], resident: Resident, visitor: Visitor
) -> None:
    tabs[0].save(MINE)
    page = visitor.follow(tabs[0].post("take-other", "third"))  # typed after the last save
    assert "theirs &amp; &lt;more&gt;" in page.text and "Other plans" in page.text
    assert texts(resident) == ["theirs"] and texts(resident, "Trash") == ["third"]


def test_keep_both_leaves_two_drafts_that_know_nothing_of_each_other(
    tabs: tuple[Tab, Tab], resident: Resident, visitor: Visitor
) -> None:
    tabs[0].save(MINE)
    tabs[0].take(visitor.follow(tabs[0].post("keep-both", MINE)))
    assert texts(resident) == ["mine", "theirs"]
    assert tabs[0].of("message_id") != tabs[1].of("message_id")
    assert "data-conflict" not in tabs[0].save("third").text and "data-conflict" not in tabs[1].save(THEIRS).text
    assert texts(resident) == ["theirs", "third"]


def test_what_changed_once_more_is_not_thrown_away_unseen(tabs: tuple[Tab, Tab], resident: Resident) -> None:
    tabs[0].save(MINE)
    tabs[1].save("third")
    answer = tabs[0].post("keep-mine", MINE)
    assert answer.status == 409 and "changed once more" in answer.text and "third" in answer.text
    assert texts(resident) == ["mine", "third"] and texts(resident, "Trash") == []


def test_nothing_is_sent_while_nobody_has_seen_the_other_text(tabs: tuple[Tab, Tab], resident: Resident) -> None:
    answer = tabs[0].post("send", MINE)
    assert answer.status == 409 and "choose" in answer.text and "theirs" in answer.text
    tabs[0].take(answer)
    asked = tabs[0].post("send", MINE)
    assert asked.status == 422 and "stays in your drafts" in asked.text and "theirs" in asked.text
    tabs[0].take(asked)
    assert tabs[0].post("send-anyway", MINE).status == 303
    assert "theirs" in texts(resident)


def test_another_program_s_version_is_found_by_its_message_id(visitor: Visitor, resident: Resident) -> None:
    tab = Tab(visitor, fields(visitor.get("/compose")))
    tab.save("begun")
    (stored,) = lying(resident)
    with elsewhere(resident) as client:
        client.append("Drafts", stored.replace(b"begun", b"theirs"), ["\\Draft"])
        client.delete_messages([int(tab.of("draft").split(".")[2])])
        client.expunge()
    answer = tab.save(MINE)
    assert "theirs" in answer.text and texts(resident) == ["mine", "theirs"]


def test_a_draft_that_was_removed_elsewhere_is_kept_and_that_is_told(visitor: Visitor, resident: Resident) -> None:
    tab = Tab(visitor, fields(visitor.get("/compose")))
    tab.save("begun")
    with elsewhere(resident) as client:
        client.delete_messages(client.search())
        client.expunge()
    answer = tab.save(MINE)
    assert "sent or removed elsewhere" in answer.text and "data-conflict" not in answer.text
    assert texts(resident) == ["mine"]


def test_a_save_whose_answer_was_lost_leaves_one_draft(visitor: Visitor, resident: Resident) -> None:
    tab = Tab(visitor, fields(visitor.get("/compose")))
    tab.save("begun")
    tab.post("save", "mine", headers=BRIEF)  # nobody reads the answer
    tab.kept = [(name, re.sub(r"\d+$", "1", value) if name == "turn" else value) for name, value in tab.kept]
    assert "data-conflict" not in tab.save("more of it").text
    assert texts(resident) == ["more of it"]


def test_the_same_words_twice_are_no_conflict(tabs: tuple[Tab, Tab], resident: Resident) -> None:
    assert "data-conflict" not in tabs[0].save(THEIRS, "Other plans").text
    assert len(lying(resident)) == 1


def test_a_choice_without_a_conflict_throws_nothing_away(visitor: Visitor, resident: Resident) -> None:
    tab = Tab(visitor, fields(visitor.get("/compose")))
    for action in ("keep-mine", "take-other", "keep-both"):
        tab.take(visitor.follow(tab.post(action, MINE)))
    assert texts(resident) == ["mine"] and texts(resident, "Trash") == []
