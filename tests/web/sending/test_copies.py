"""What somebody marks reaches a filter that learns from mail: in one message from them, which goes with an undo."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage

import pytest
from sqlalchemy import update

from app.demo.node import Node
from app.directory.tables import SiteRow
from tests.conftest import Resident, Site
from tests.faults.world import eventually
from tests.web.reading.test_mailbox import Reader, said
from tests.web.sending.test_outbox import decide, shown

pytestmark = pytest.mark.servers
SPAM, HAM = "spam@filter.example", "ham@filter.example"


@pytest.fixture(autouse=True)
def addressed(site: Site, resident: Resident) -> Iterator[None]:
    set_way(site, learning="address", learn_spam_to=SPAM, learn_ham_to=HAM)
    yield
    set_way(site, learning=None, learn_spam_to=None, learn_ham_to=None)


def set_way(site: Site, **values: str | None) -> None:
    with site.engine.begin() as rows:
        rows.execute(update(SiteRow.__table__).values(values))


def letter(subject: str, length: int = 20) -> bytes:
    head = f"From: a@cheap.example\r\nSubject: {subject}\r\nMessage-ID: <{subject}@cheap.example>\r\nX-Odd:  as  it"
    return f"{head} came\r\n\r\n{'Buy! ' * (length // 5)}\r\n".encode()


def sent_to(site: Site, address: str, resident: Resident) -> list[EmailMessage]:
    mails = [each for each in site.smtp.taken if each.recipients == [address] and each.sender == resident.address]
    return [email.message_from_bytes(each.content, policy=email.policy.default) for each in mails]  # type: ignore[misc]


def test_spam_goes_to_its_address_as_it_came_and_a_copy_lies_in_the_trash(
    resident: Resident, site: Site, node: Node
) -> None:
    reader = Reader(resident, node)
    for subject in ("pills", "watches"):
        resident.mail.append(letter(subject))
    assert "2 messages moved to Junk. Copies go to the filter." in said(reader.act("junk", *reader.uids()))
    assert sent_to(site, SPAM, resident) == [], "it waits as long as the move can be undone"
    decide(reader.visitor, shown(reader.visitor, "queued"), "now")
    eventually(lambda: sent_to(site, SPAM, resident))
    (mail,) = sent_to(site, SPAM, resident)
    assert [part.get_content_type() for part in mail.iter_attachments()] == ["message/rfc822"] * 2
    (octets,) = (each.content for each in site.smtp.taken if each.recipients == [SPAM])
    assert all(letter(each) in octets for each in ("pills", "watches")), "to the byte"
    assert mail["To"] == SPAM and resident.address in mail["From"] and mail["Subject"] == "Spam: 2 messages"
    eventually(lambda: "Spam: 2" in reader.visitor.get("/mail/Trash/").text)
    assert "Spam: 2" not in reader.visitor.get("/mail/Drafts/").text + reader.visitor.get("/mail/Sent/").text


def test_not_spam_goes_to_the_other_address_and_other_moves_go_nowhere(
    resident: Resident, site: Site, node: Node
) -> None:
    reader = Reader(resident, node)
    resident.mail.append(letter("minutes"), mailbox="Junk")
    page = reader.act("notjunk", *reader.uids("/mail/Junk/"), mailbox="Junk")
    assert "moved to Inbox. A copy goes to the filter." in said(page)
    decide(reader.visitor, shown(reader.visitor, "queued"), "now")
    eventually(lambda: sent_to(site, HAM, resident))
    for action in ("archive", "trash"):
        resident.mail.append(letter(action))
        assert "filter" not in said(reader.act(action, reader.uids()[0]))
    assert "empty-outbox" in reader.visitor.get("/outbox").text and not sent_to(site, SPAM, resident)


def test_with_the_undo_of_the_move_nothing_is_sent_and_nothing_left_behind(
    resident: Resident, site: Site, node: Node
) -> None:
    reader = Reader(resident, node)
    resident.mail.append(letter("after all"))
    page = reader.act("junk", *reader.uids())
    assert "A copy goes to the filter." in said(page) and shown(reader.visitor, "queued")
    assert said(reader.undo(page)) == "1 message is back in Inbox."
    assert "empty-outbox" in reader.page("/outbox") and "Spam: 1" not in reader.page("/mail/Drafts/")


def test_what_is_too_long_for_a_filter_is_moved_all_the_same_and_said_so(
    resident: Resident, site: Site, node: Node
) -> None:
    reader = Reader(resident, node)
    resident.mail.append(letter("long", 600_000))
    assert "1 message moved to Junk. It could not be sent to the filter." in said(reader.act("junk", *reader.uids()))
    assert "empty-outbox" in reader.visitor.get("/outbox").text
    for subject in ("long again", "short"):
        resident.mail.append(letter(subject, 600_000 if "long" in subject else 20))
    assert "2 messages moved to Junk. Copies of 1 go to the filter." in said(reader.act("junk", *reader.uids()))


def test_the_page_of_spam_says_that_copies_are_sent(resident: Resident, node: Node) -> None:
    page = resident.sign_in(node.url).get("/filters/spam").text
    assert "a copy of it is sent to the filter of your mail servers" in page and "learnt-list" not in page
