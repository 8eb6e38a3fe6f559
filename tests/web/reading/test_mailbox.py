"""The list page, actions with their undo, and the poll: on a real node, without a script."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape

import pytest

from app.demo.node import Node
from app.mail.flags import flags_of
from tests.conftest import Resident
from tests.mail.boxes import letter, opened
from tests.visitor import Answer, Visitor

pytestmark = pytest.mark.servers

INBOX = "/mail/INBOX/"


class Reader:
    """A resident with a browser, and what their pages show."""

    def __init__(self, resident: Resident, node: Node) -> None:
        self.resident, self.mail = resident, resident.mail
        self.visitor: Visitor = resident.sign_in(node.url)

    def page(self, path: str = INBOX, status: int = 200) -> str:
        answer = self.visitor.get(path)
        assert answer.status == status, f"{answer.status}: {answer.text[:1500]}"
        return answer.text

    def uids(self, path: str = INBOX) -> list[int]:
        return [int(uid) for uid in re.findall(r'data-uid="(\d+)"', self.page(path))]

    def send(self, path: str, *fields: tuple[str, str], page: str = INBOX) -> Answer:
        return self.visitor.post(path, [("csrf_token", self.visitor.token(page)), *fields])

    def act(self, action: str, *uids: int, mailbox: str = "INBOX", **fields: str) -> str:
        """Do something with messages and follow to the next page; its text."""
        page = self.page(f"/mail/{mailbox}/")
        validity = field(page, "uidvalidity")
        chosen = [("uid", str(uid)) for uid in uids]
        form = {"uidvalidity": validity, "action": action, **fields}
        answer = self.send(f"/mail/{mailbox}/actions", *form.items(), *chosen)
        assert answer.status == 303, f"{answer.status}: {answer.text[:1500]}"
        return self.visitor.follow(answer).text

    def undo(self, page: str) -> str:
        """Press Undo on a page; the text of the next one."""
        form = re.search(r'<form class="toast"[^>]*action="([^"]+)".*?name="token" value="([^"]+)"', page, re.DOTALL)
        assert form, "nothing to undo on this page"
        return self.visitor.follow(self.send(unescape(form[1]), ("token", unescape(form[2])))).text

    def exists(self, mailbox: str) -> int:
        with opened(self.mail.server.imap_port, self.mail.login, self.mail.password) as client:
            return client.select(mailbox).exists


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"no field {name}"
    return unescape(found[1])


def said(page: str) -> str:
    """The words of the toasts."""
    return unescape(" ".join(re.findall(r'class="toast[^"]*".*?<p>(.*?)</p>', page, re.DOTALL)))


def unread(page: str, mailbox: str = "INBOX") -> int:
    found = re.search(rf'data-mailbox="{mailbox}".*?</a>', page, re.DOTALL)
    count = re.search(r'data-testid="unread-count">(\d+)', found[0]) if found else None
    return int(count[1]) if count else 0


@pytest.fixture
def reader(resident: Resident, node: Node) -> Reader:
    resident.mail.server.fill(resident.mail.login, [letter(f"Letter {n}", day=n + 1) for n in range(8)])
    return Reader(resident, node)


def test_the_list_shows_what_came_last_first_with_folders_and_counts(reader):
    page = reader.page()
    assert reader.uids() == list(range(8, 0, -1))
    assert unread(page) == 8
    assert re.search(r'title="[^"]+ · \d+ B" data-testid="message-date"', page), "the size stands beside the full date"
    for mailbox in ("Drafts", "Sent", "Junk", "Trash", "Archive"):
        assert f'data-mailbox="{mailbox}"' in page
    assert reader.uids(f"{INBOX}?sort=-arrival") == list(range(1, 9))
    assert reader.uids(f"{INBOX}?q=%22Letter+3%22") == [4]


@pytest.mark.parametrize(
    "query",
    ["page=0", "page=-1", "page=99999999999999999999", "page=%C2%B2", "page=x", "sort=--date", "view=nonsense"],
)
def test_absurd_parameters_show_the_usual_list(reader, query):
    assert reader.uids(f"{INBOX}?{query}") == list(range(8, 0, -1))


def test_a_mailbox_that_is_not_there_has_its_page(reader):
    assert "no longer exists" in reader.page("/mail/Nothing~20here/", status=404)
    assert reader.uids() == list(range(8, 0, -1)), "the connection is still good"


def test_a_folder_deleted_elsewhere_leaves_the_pane_at_once(reader):
    reader.mail.append(letter("x"), mailbox="Shortlived")
    reader.act("read", 1)
    assert 'data-mailbox="Shortlived"' in reader.page()
    with opened(reader.mail.server.imap_port, reader.mail.login, reader.mail.password) as client:
        client.ask(b"DELETE", b'"Shortlived"')
    assert "no longer exists" in reader.page("/mail/Shortlived/", status=404)
    assert 'data-mailbox="Shortlived"' not in reader.page()


def test_flags_are_set_and_undone_only_where_they_changed(reader):
    reader.act("read", 3)
    page = reader.act("read", 3, 4, 5)
    assert "3 messages marked as read." in said(page) and unread(page) == 5
    page = reader.undo(page)
    assert "2 messages are as before." in said(page) and unread(page) == 7
    assert 'data-uid="3" data-seen="true"' in page and 'data-uid="4" data-seen="false"' in page
    page = reader.act("flag", 7)
    assert "1 message flagged." in said(page) and reader.uids(f"{INBOX}?view=flagged") == [7]
    page = reader.act("unflag", 7)
    assert "no longer flagged" in said(page) and reader.uids(f"{INBOX}?view=flagged") == []


@pytest.mark.parametrize(("action", "target"), [("archive", "Archive"), ("trash", "Trash"), ("junk", "Junk")])
def test_messages_are_filed_and_brought_back(reader, action, target):
    page = reader.act(action, 2, 6)
    assert f"2 messages moved to {target}." in said(page)
    assert reader.uids() == [8, 7, 5, 4, 3, 1] and reader.exists(target) == 2
    page = reader.undo(reader.page())  # the offer stands on the pages of the next seconds
    assert "2 messages are back in Inbox." in said(page)
    assert len(reader.uids()) == 8 and reader.exists(target) == 0


def keywords(reader: Reader, mailbox: str) -> list[set[str]]:
    with opened(reader.mail.server.imap_port, reader.mail.login, reader.mail.password) as client:
        client.select(mailbox)
        found = flags_of(client, range(1, 30)).values()
        return [{flag for flag in each if flag.startswith("$")} for each in found]


def test_what_is_said_about_spam_goes_along_as_keywords_and_undo_takes_it_back(reader):
    page = reader.act("junk", *reader.uids()[:2])
    assert keywords(reader, "Junk") == [{"$junk"}] * 2
    reader.undo(page)
    assert keywords(reader, "Junk") == [] and keywords(reader, "INBOX") == [set()] * 8
    reader.act("junk", reader.uids()[0])
    page = reader.act("notjunk", *reader.uids("/mail/Junk/"), mailbox="Junk")
    assert sorted(keywords(reader, "INBOX"), key=len) == [set()] * 7 + [{"$notjunk"}]
    reader.undo(page)
    assert keywords(reader, "Junk") == [{"$junk"}] and keywords(reader, "INBOX") == [set()] * 7


def test_what_is_no_spam_goes_back_to_the_inbox(reader):
    reader.act("junk", 1)
    page = reader.act("notjunk", 1, mailbox="Junk")
    assert "moved to Inbox" in said(page) and len(reader.uids()) == 8


def test_messages_move_to_any_folder_whatever_its_name(reader):
    name = 'Grüße/50% "x" & #y'
    reader.mail.append(letter("there"), mailbox=name)
    page = reader.act("move", 1, target=name)
    assert '1 message moved to 50% "x" & #y.' in said(page) and reader.exists(name) == 2
    assert "No folder was chosen" in said(reader.act("move", 2))
    assert "already in Inbox" in said(reader.act("move", 2, target="INBOX"))
    assert len(reader.uids()) == 7


def test_a_move_to_a_folder_that_is_not_there_does_nothing(reader):
    validity = field(reader.page(), "uidvalidity")
    form = [("uidvalidity", validity), ("uid", "1"), ("action", "move"), ("target", "Nowhere")]
    assert reader.send(f"{INBOX}actions", *form).status == 404
    assert len(reader.uids()) == 8


def test_a_missing_archive_is_made(reader):
    with opened(reader.mail.server.imap_port, reader.mail.login, reader.mail.password) as client:
        client.ask(b"DELETE", b'"Archive"')
    assert "moved to Archive" in said(reader.act("archive", 1)) and reader.exists("Archive") == 1


def test_deleting_for_good_is_not_undone(reader):
    reader.act("trash", 1, 2)
    page = reader.act("delete", 1, mailbox="Trash")
    assert "1 message deleted for good." in said(page) and reader.exists("Trash") == 1


def test_only_the_chosen_messages_are_touched_and_what_was_gone_is_told(reader):
    reader.page()
    with opened(reader.mail.server.imap_port, reader.mail.login, reader.mail.password) as client:
        client.select("INBOX", write=True)
        client.ask(b"UID STORE", b"2,3", b"+FLAGS", b"(\\Deleted)")
        client.ask(b"UID EXPUNGE", b"2,3")
    page = reader.act("archive", 1, 2, 3, 4)
    assert "2 of 4 messages moved to Archive; 2 were already gone." in said(page)
    assert "were already gone" in said(reader.act("archive", 1, 4))
    assert reader.uids() == [8, 7, 6, 5] and reader.exists("Archive") == 2
    assert "No message was chosen." in said(reader.act("trash"))


def test_an_undo_serves_once_and_only_its_owner(reader, make_resident: Callable[..., Resident], node: Node):
    page = reader.act("archive", 1)
    token = re.search(r'name="token" value="([^"]+)"', page)[1]
    stranger = Reader(make_resident("bob"), node)
    answer = stranger.visitor.follow(stranger.send(f"{INBOX}undo", ("token", token), page="/settings/sessions"))
    assert "no longer be undone" in answer.text
    assert reader.exists("Archive") == 1
    assert "1 message is back" in said(reader.undo(page))
    again = reader.visitor.follow(reader.send(f"{INBOX}undo", ("token", token)))
    assert "no longer be undone" in again.text and reader.exists("Archive") == 0
    for nonsense in ("", "x" * 5000, "../x", "\r\n"):
        assert reader.send(f"{INBOX}undo", ("token", nonsense)).status == 303


def test_an_action_on_a_renumbered_mailbox_is_refused(reader):
    validity = int(field(reader.page(), "uidvalidity"))
    form = [("uidvalidity", str(validity + 1)), ("uid", "1"), ("action", "trash")]
    answer = reader.send(f"{INBOX}actions", *form)
    assert answer.status == 409 and reader.uids() == list(range(8, 0, -1))


@pytest.mark.parametrize(
    "form",
    [
        {"action": "explode"}, {"uid": "0"}, {"uid": "-1"}, {"uid": "1:*"}, {"uid": "x"}, {"uid": "4294967296"},
        {"uidvalidity": ""}, {"uidvalidity": "1 2"}, {"uid": "\u0661"}, {"uid": "1\r\nA LOGOUT"},
        {"target": "x", "action": ""},
    ],
)  # fmt: skip
def test_forms_that_make_no_sense_are_refused(reader, form):
    validity = field(reader.page(), "uidvalidity")
    fields = {"uidvalidity": validity, "uid": "1", "action": "trash", **form}
    assert reader.send(f"{INBOX}actions", *fields.items()).status == 400
    assert len(reader.uids()) == 8


def test_too_many_messages_at_once_are_refused(reader):
    validity = field(reader.page(), "uidvalidity")
    many = [("uid", str(uid)) for uid in range(1, 502)]
    assert reader.send(f"{INBOX}actions", ("uidvalidity", validity), ("action", "read"), *many).status == 400


def test_actions_need_their_token_and_post(reader):
    validity = field(reader.page(), "uidvalidity")
    form = {"uidvalidity": validity, "uid": "1", "action": "trash"}
    assert reader.visitor.post(f"{INBOX}actions", form).status == 400
    assert reader.visitor.post(f"{INBOX}actions", {**form, "csrf_token": "0" * 64}).status == 400
    assert reader.visitor.get(f"{INBOX}actions?uidvalidity={validity}&uid=1&action=trash").status == 405
    assert len(reader.uids()) == 8


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x"])
def test_an_action_never_leads_to_another_site(reader, target):
    validity = field(reader.page(), "uidvalidity")
    form = [("uidvalidity", validity), ("uid", "1"), ("action", "read"), ("next", target)]
    assert reader.send(f"{INBOX}actions", *form).location.endswith("/mail/INBOX/")


def test_own_writes_raise_the_token_of_the_poll(reader):
    reader.act("read", 1)
    first = reader.visitor.get("/changes?since=")
    token = json.loads(first.body)["token"]
    same = reader.visitor.get(f"/changes?since={token}")
    reader.act("unread", 1)
    after = reader.visitor.get(f"/changes?since={token}")
    assert first.status == after.status == 200 and json.loads(after.body)["token"] != token
    assert same.status in (200, 204)


def test_the_poll_of_somebody_signed_out_is_401(node: Node):
    assert Visitor(node.url).get("/changes?since=1").status == 401


def test_a_fragment_is_the_list_alone(reader):
    answer = reader.visitor.get(INBOX, {"X-Postern-Fragment": "1"})
    assert answer.status == 200 and "<html" not in answer.text and 'data-uid="8"' in answer.text


def link(page: str, test_id: str) -> str:
    found = re.search(rf'<a [^>]*?href="([^"]*)"[^>]*data-testid="{test_id}"', page)
    assert found, f"no {test_id}"
    return unescape(found[1])


@pytest.mark.parametrize("query", ["q=letter", "view=unread", "sort=subject"])
def test_next_leads_on_past_the_end_of_a_page_and_back_to_the_page_it_came_to(reader, query):
    for number in range(60):
        reader.resident.mail.append(f"Subject: letter {number:02}\r\n\r\nx\r\n".encode())
    links = re.findall(r'class="row-subject"[^>]* href="([^"]*)"', reader.page(f"{INBOX}?{query}"))
    over = reader.page(link(reader.page(unescape(links[-1])), "message-next"))
    assert link(over, "back-to-list") == f"{INBOX}?page=2&{query}"
    assert link(over, "message-previous") == unescape(links[-1])
    further = link(over, "message-next")
    assert further.endswith(f"?page=2&{query}")
    assert link(reader.page(further), "message-next").endswith(f"?page=2&{query}")


@pytest.mark.parametrize("query", ["page=2", "page=2&q=letter+%26+%C3%A4&sort=-arrival&view=unread"])
def test_a_message_leads_back_to_the_page_of_the_list_it_was_opened_from(reader, query):
    for number in range(60):
        reader.resident.mail.append(f"Subject: letter & ä {number}\r\n\r\nx\r\n".encode())
    place = f"{INBOX}?{query}"
    links = [unescape(each) for each in re.findall(r'class="row-subject"[^>]* href="([^"]*)"', reader.page(place))]
    assert len(links) >= 10 and all(each.endswith(f"?{query}") for each in links)
    page = reader.page(links[4])
    assert link(page, "back-to-list") == place
    assert (link(page, "message-previous"), link(page, "message-next")) == (links[3], links[5])
    assert link(reader.page(link(page, "show-source")), "back-to-message") == links[4]
    nexts = [unescape(each) for each in re.findall(r'name="next" value="([^"]*)"', page)]
    assert nexts[:2] == [place, links[4]]
    uid = links[4].split("?")[0].rsplit("/", 1)[1]
    form = (("uidvalidity", field(page, "uidvalidity")), ("uid", uid), ("action", "archive"), ("next", nexts[0]))
    answer = reader.send(f"{INBOX}actions", *form)
    assert answer.status == 303 and answer.location.removeprefix(reader.visitor.base) == place
