"""A message that the mail server cannot read costs its own row, and no list."""

from __future__ import annotations

import os
import time
from contextlib import suppress

import pytest
from redis import Redis

from app.mail import unreadable
from app.mail.errors import ConnectionLost, ServerSilent
from app.mail.listing import Page, page
from app.store.cache import open_cache
from tests.conftest import MailAccount
from tests.mail.boxes import Remembered, letter, opened, scripted

pytestmark = pytest.mark.servers


def shown(mail: MailAccount, cache: Remembered, **how: object) -> Page:
    with opened(mail.server.imap_port, mail.login, mail.password) as client:
        client.noop()
        return page(client, "INBOX", cache=cache, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("how", [{}, {"view": "unread"}])
def test_a_file_that_cannot_be_opened_costs_its_own_row(mail_account: MailAccount, how: dict[str, str]):
    mail_account.server.fill(mail_account.login, [letter(f"Number {number}") for number in range(6)])
    folder = mail_account.server.maildir(mail_account.login) / "cur"
    (folder / sorted(os.listdir(folder))[3]).chmod(0)
    cache, rows = Remembered(), None
    for _ in range(4):  # a page asks twice, so the second page has it
        with suppress(ConnectionLost):
            rows = shown(mail_account, cache, **how).rows
            break
    assert rows, "the list never came"
    assert [row.summary.subject for row in rows] == ["Number 5", "Number 4", "", "Number 2", "Number 1", "Number 0"]


def test_one_break_blames_nobody_and_silence_never_does():
    cache = Remembered()
    with scripted({}, selected="INBOX") as (client, _):
        error = ConnectionLost("untagged BYE")
        error.told = ((b"* 1 FETCH (UID 3)",),)
        unreadable.broke_off(client, cache, [7, 3, 5], error)
        assert unreadable.avoided(client, cache, [3, 5, 7]) == frozenset()
        unreadable.broke_off(client, cache, [7, 3, 5], ServerSilent("silent"))
        assert unreadable.avoided(client, cache, [3, 5, 7]) == frozenset()
        unreadable.broke_off(client, cache, [7, 3, 5], error)
        assert unreadable.avoided(client, cache, [3, 5, 7]) == {5}
        for key in cache:
            cache[key] = b"2 %d" % (time.time() - unreadable.SECONDS - 1)
        assert unreadable.avoided(client, cache, [3, 5, 7]) == frozenset()


def test_what_one_process_knows_of_a_message_others_know_at_once(redis: Redis):
    one, other = (open_cache(redis, b"k" * 32, account_id="7", server="1", login="box7") for _ in range(2))
    with scripted({}, selected="INBOX") as (client, _):
        unreadable.broke_off(client, one, [5], ConnectionLost("untagged BYE"))
        assert unreadable.avoided(client, other, [5]) == frozenset()
        unreadable.broke_off(client, other, [5], ConnectionLost("untagged BYE"))
        assert unreadable.avoided(client, one, [5]) == {5}
