"""Somebody who can write into Redis, but holds no key of the server: no record of theirs opens a mailbox."""

from __future__ import annotations

import dataclasses
import json

import pytest

from app.directory.account import Account, Endpoint, Server
from app.store import session
from app.store.seal import BrokenSeal, Keyring

RING = Keyring((b"k" * 32,))
SERVER = Server("1", Endpoint("imap.isp.example", 993, "tls"), None, None)
ALICE = Account("7", "alice@isp.example", "isp", login="box7", server=SERVER)


def _record(account: Account, sealed: str | None) -> session.Record:
    return session.Record(
        account_id=account.id, account=account.to_json(), created=0, until=1, idle=1800, epoch="0", checked=0,
        network="192.0.2.7", agent="", key=RING.current_id, sealed=sealed,
    )  # fmt: skip


@pytest.mark.parametrize(
    "forged",
    [
        {"server": {**json.loads(ALICE.to_json())["server"], "imap": {"host": "imap.evil.example", "port": 993}}},
        {"login": "box8"},
        {"role": "isp_admin"},
        {"id": "8"},
    ],
)
def test_a_record_whose_account_was_changed_does_not_open(forged: dict[str, object]) -> None:
    secret = session.new_secret()
    good = _record(ALICE, session.seal_password(RING, secret, ALICE.to_json(), "secret"))
    assert session.unseal_password(RING, secret, good) == "secret"
    changed = json.dumps({**json.loads(good.account), **forged})
    with pytest.raises(BrokenSeal):
        session.unseal_password(RING, secret, dataclasses.replace(good, account=changed))


def test_a_record_without_any_seal_does_not_open_even_where_no_password_is_needed() -> None:
    secret = session.new_secret()
    with pytest.raises(BrokenSeal):
        session.unseal_password(RING, secret, _record(ALICE, None))


def test_a_newer_copy_of_the_account_is_sealed_anew_from_a_good_one_only() -> None:
    secret = session.new_secret()
    good = _record(ALICE, session.seal_password(RING, secret, ALICE.to_json(), "secret"))
    moved = dataclasses.replace(ALICE, login="box9").to_json()
    newer = session.resealed(RING, secret, good, moved, checked=5)
    assert (newer.account, newer.checked) == (moved, 5)
    assert session.unseal_password(RING, secret, newer) == "secret"
    with pytest.raises(BrokenSeal):
        session.resealed(RING, secret, dataclasses.replace(good, account=moved), ALICE.to_json(), checked=5)
