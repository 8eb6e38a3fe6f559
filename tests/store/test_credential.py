"""The credential of a mail on its way: who can open it, for what, and for how long."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis import Redis

from app.store import credential
from app.store.credential import Bound, Credential, open_credential, seal_credential
from app.store.seal import BrokenSeal, Keyring

RING = Keyring((b"k" * 32,))
BOUND = Bound("7", "imap.one.example:993", "<1@one.example>", "a" * 64)
BOB = Credential("pa ss\u00e9-canary", "3")


def test_it_opens_for_the_very_mail_and_server_only() -> None:
    sealed = seal_credential(RING, BOB, BOUND)
    assert open_credential(RING, sealed, BOUND) == BOB
    for change in ({"account_id": "8"}, {"servers": "x"}, {"message_id": "<2@one.example>"}, {"sha256": "b" * 64}):
        with pytest.raises(BrokenSeal):
            open_credential(RING, sealed, replace(BOUND, **change))
    moved = Bound("7i", "map.one.example:993", "<1@one.example>", "a" * 64)
    with pytest.raises(BrokenSeal):
        open_credential(RING, sealed, moved)


def test_who_reads_or_changes_the_store_gets_nothing_out_of_it() -> None:
    sealed = seal_credential(RING, BOB, BOUND)
    assert b"canary" not in sealed and "canary" not in repr(BOB)
    for wrong in (b"", sealed[:8], sealed[:-1], sealed[:-1] + bytes([sealed[-1] ^ 1]), b"\xff" * 60):
        with pytest.raises(BrokenSeal):
            open_credential(RING, wrong, BOUND)
    with pytest.raises(BrokenSeal):
        open_credential(Keyring((b"o" * 32,)), sealed, BOUND)


def test_a_new_key_still_opens_what_the_old_one_sealed() -> None:
    sealed = seal_credential(RING, BOB, BOUND)
    assert open_credential(Keyring((b"n" * 32, b"k" * 32)), sealed, BOUND) == BOB


@pytest.mark.servers
def test_it_stays_ten_minutes_at_most_and_can_be_taken_away(redis: Redis) -> None:
    credential.keep(redis, "m1", b"sealed", seconds=90_000)
    credential.keep(redis, "m2", b"other", seconds=20)
    assert 590 < redis.ttl("outbox:m1") <= 600 and 0 < redis.ttl("outbox:m2") <= 20
    assert credential.kept(redis, "m1") == b"sealed"
    credential.wipe(redis, "m1", "m3")
    credential.wipe(redis)
    assert credential.kept(redis, "m1") is None and credential.kept(redis, "m2") == b"other"
