"""The copy in Sent where something stands in its way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis import Redis

from app.courier.filing import bring_back
from app.demo.dovecot import Dovecot
from app.mail.flags import OUTGOING
from app.mail.syntax import numbers
from app.outbox.mail import State
from tests.conftest import MakeAccount
from tests.courier.world import World, text
from tests.mail.boxes import opened
from tests.smtpsink import Sink

pytestmark = pytest.mark.servers


@pytest.fixture
def full(server_folder: Path, make_account: MakeAccount, redis: Redis) -> Iterator[World]:
    """An account with place for one mail of 23 KB, and not for two."""
    server = Dovecot(server_folder, quota="40K").start()
    account = make_account(server)
    with Sink({account.login: account.password}) as sink:
        world = World(server_folder, redis, account, sink)
        yield world
        world.close()
    server.stop()


def test_a_full_mailbox_leaves_the_sent_mail_where_it_is_to_be_seen(full: World) -> None:
    letter = full.letter(lines=300, draft=False, bcc="Bcc: dan@one.example\r\n")
    number = full.enqueue(letter)
    full.run()
    mail = full.state(number)
    assert (mail.state, mail.reason) == (State.DONE, "quota")
    assert full.taken() == {letter.message_id: 1} and full.ids("Sent") == []
    ((_, flags),) = full.box("Drafts").values()
    assert "\\seen" in flags and not flags & {"\\draft", "$posternoutgoing"}


def test_a_missing_sent_is_made_once_and_another_may_be_named(world: World) -> None:
    with opened(world.mail.server.imap_port, world.mail.login, world.mail.password) as client:
        client.ask(b"DELETE", b"Sent")
    letters = [world.letter(), world.letter(), world.letter(sent="Projects")]
    numbers = [world.enqueue(each) for each in letters]
    world.run()
    assert {world.state(each).state for each in numbers} == {State.DONE}
    assert len(world.ids("Sent")) == 2 and world.ids("Projects") == [letters[2].message_id]


def test_brought_back_twice_is_brought_back_once(world: World) -> None:
    letter = world.letter()
    assert letter.draft is not None
    for _ in range(2):
        with opened(world.mail.server.imap_port, world.mail.login, world.mail.password) as client:
            bring_back(client, letter)
        assert list(world.box("Drafts")) == [letter.draft.uid]


def test_where_the_draft_is_gone_the_final_bytes_become_the_draft(
    make_world: Callable[..., World],
) -> None:
    world = make_world()
    letter = world.letter()
    with opened(world.mail.server.imap_port, world.mail.login, world.mail.password) as client:
        client.select("Drafts", write=True)
        assert letter.draft is not None
        client.ask(b"UID STORE", b"%d" % letter.draft.uid, b"+FLAGS", b"(\\Deleted)")
        client.ask(b"UID EXPUNGE", b"%d" % letter.draft.uid)
        bring_back(client, letter)
    ((uid, (_, flags)),) = world.box("Drafts").items()
    assert uid == letter.place.uid and "\\draft" in flags and "$posternoutgoing" not in flags


def test_what_a_dead_request_left_behind_goes_with_the_mail_and_what_waits_to_be_sent_on_stays(world: World) -> None:
    letter = world.letter()
    final = text(letter.message_id)
    hidden = ("\\Seen", OUTGOING)
    world.mail.append(final, mailbox="Drafts", flags=hidden)
    world.mail.append(b"Resent-Message-ID: <2@one.example>\r\n" + final, mailbox="Drafts", flags=hidden)
    number = world.enqueue(letter)
    world.run()
    assert world.state(number).state == State.DONE and world.ids("Sent") == [letter.message_id]
    assert len(world.box("Drafts")) == 1
    with opened(world.mail.server.imap_port, world.mail.login, world.mail.password) as client:
        client.select("Drafts")
        assert numbers(client.ask(b'UID SEARCH HEADER Resent-Message-ID ""').untagged, b"SEARCH")


def test_final_bytes_that_no_mail_names_any_more_are_shown_as_drafts(world: World) -> None:
    forgotten, waiting = world.letter(), world.letter()
    world.enqueue(waiting)
    tomorrow = datetime.now(UTC).date() + timedelta(days=2)
    with opened(world.mail.server.imap_port, world.mail.login, world.mail.password) as client:
        assert world.post.uncover(client, world.account.id, "Drafts", before=tomorrow - timedelta(days=30)) == 0
        assert world.post.uncover(client, world.account.id, "Drafts", before=tomorrow) == 1
        assert world.post.uncover(client, world.account.id, "Drafts", before=tomorrow) == 0
    box = world.box("Drafts")
    assert "\\draft" in box[forgotten.place.uid][1] and "$posternoutgoing" not in box[forgotten.place.uid][1]
    assert "$posternoutgoing" in box[waiting.place.uid][1]
