"""The outbox's queue: who may change what, when, and that two never have one mail."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from app.directory.engine import open_engine
from app.outbox import queue
from app.outbox.errors import ClaimLost, OutboxAway
from app.outbox.mail import ENDED, Letter, Mail, Place, Refusal, State, mail_id

LETTER = Letter(
    Place("Entw\u00fcrfe", 4294967295, 4294967290),
    25_000_000,
    "a" * 64,
    "<1@one.example>",
    "bob@one.example",
    ("ann@one.example", "j\u00f6rg@one.example"),
    bcc="Bcc: cem@one.example\r\n",
    draft=Place("Drafts", 7, 8),
    original=Place("INBOX", 5, 6),
    flag="\\Answered",
    partial=True,
)
T = 1_800_000_000_000


def put(engine: Engine, name: str = "a", account: str = "7", **options: Any) -> str:
    number = mail_id(account, name)
    assert queue.put(engine, number, account, "{}", LETTER, **{"due": T, "now": T - 10_000, **options})
    return number


def claim(engine: Engine, owner: str = "node-1", now: int = T, seconds: float = 60) -> Mail:
    mail = queue.claim(engine, owner, now, seconds=seconds)
    assert mail is not None
    return mail


def now_of(engine: Engine, number: str, account: str = "7") -> Mail:
    mail = queue.one(engine, account, number)
    assert mail is not None
    return mail


def test_a_mail_comes_out_as_it_was_put_in_and_not_before_it_is_due(engine: Engine) -> None:
    number = put(engine, credential=b"sealed\x00\xff")
    assert queue.claim(engine, "node-1", T - 1, seconds=60) is None
    assert queue.next_look(engine) == T
    mail = claim(engine)
    assert (mail.id, mail.letter, mail.state, mail.credential) == (number, LETTER, State.CLAIMED, b"sealed\x00\xff")
    assert (mail.owner, mail.fence, mail.until) == ("node-1", 1, T + 60_000)
    assert now_of(engine, number) == replace(mail, changed=T)
    assert queue.claim(engine, "node-2", T + 59_999, seconds=60) is None


def test_a_mail_that_is_sent_twice_is_in_once_but_one_that_was_refused_may_be_sent_again(engine: Engine) -> None:
    number = put(engine)
    again = {"due": T + 5, "now": T + 5, "credential": b"new"}
    changed = replace(LETTER, sha256="b" * 64)
    for state in State:
        with engine.begin() as connection:
            connection.execute(text("UPDATE outbox SET state = :s"), {"s": str(state)})
        done = queue.put(engine, number, "7", "{}", changed, **again)
        assert done is (state in (State.CANCELLED, State.REFUSED)), state
    assert now_of(engine, number).letter == LETTER or now_of(engine, number).state == State.UNKNOWN
    assert queue.put(engine, number, "8", "{}", changed, **again) is False  # another account never meets this id


def test_ids_of_two_accounts_never_meet() -> None:
    assert mail_id("7", "1a") != mail_id("71", "a") and len(mail_id("7", "x" * 500)) == 32


def test_after_its_time_a_claim_is_somebody_elses_and_the_first_owner_can_write_no_more(engine: Engine) -> None:
    number = put(engine)
    first = claim(engine)
    second = claim(engine, "node-2", T + 60_000)
    assert (second.fence, second.state) == (2, State.CLAIMED)
    for change in (
        lambda: queue.step(engine, first, State.IN_DATA, now=T),
        lambda: queue.renew(engine, first, until=T + 100_000),
        lambda: queue.put_back(engine, first, State.QUEUED, now=T, at=T, reason="away"),
    ):
        with pytest.raises(ClaimLost):
            change()
    queue.renew(engine, second, until=T + 200_000)
    assert queue.step(engine, second, State.IN_DATA, now=T + 60_001).state == State.IN_DATA
    assert now_of(engine, number).state == State.IN_DATA


def test_the_same_owner_too_is_another_one_with_its_next_claim(engine: Engine) -> None:
    put(engine)
    first = claim(engine)
    claim(engine, now=T + 60_000)
    with pytest.raises(ClaimLost):
        queue.step(engine, first, State.IN_DATA, now=T)


def test_what_was_begun_is_found_as_it_was_left(engine: Engine) -> None:
    put(engine)
    mail = claim(engine)
    for turn, state in enumerate((State.IN_DATA, State.ACCEPTED, State.FILED), 1):
        mail = queue.step(engine, mail, state, now=T, reply="250 ok")
        mail = claim(engine, f"node-{turn}", T + turn * 60_000)
        assert (mail.state, mail.last_reply) == (state, "250 ok")


@pytest.mark.parametrize("state", [*ENDED, State.UNKNOWN])
def test_an_end_takes_the_credential_away_and_nobody_looks_at_it_again(engine: Engine, state: State) -> None:
    number = put(engine, credential=b"sealed")
    refused = (Refusal("ann@one.example", 550, "5.1.1", "no"),)
    queue.step(engine, claim(engine), state, now=T, reason="recipients", reply="550 no", refusals=refused)
    mail = now_of(engine, number)
    assert (mail.state, mail.reason, mail.refusals) == (state, "recipients", refused)
    assert mail.credential is None and mail.owner is None
    assert queue.next_look(engine) is None and queue.claim(engine, "n", T * 2, seconds=1) is None


def test_a_mail_put_back_is_tried_later_and_can_be_undone_until_then(engine: Engine) -> None:
    number = put(engine)
    queue.put_back(engine, claim(engine), State.QUEUED, now=T, at=T + 30_000, reason="away", reply="451 later")
    assert queue.claim(engine, "n", T + 29_999, seconds=60) is None
    mail = claim(engine, now=T + 30_000)
    assert (mail.tries, mail.reason, mail.last_reply) == (1, "away", "451 later")
    assert queue.undo(engine, "7", number, now=T) is None
    queue.put_back(engine, mail, State.QUEUED, now=T, at=T + 90_000, reason="away")
    undone = queue.undo(engine, "7", number, now=T)
    assert undone is not None and (undone.state, undone.reason, undone.letter) == (State.CANCELLED, "undone", LETTER)


def test_undo_is_the_owners_alone_and_only_before_anybody_began(engine: Engine) -> None:
    number = put(engine, credential=b"sealed")
    assert queue.undo(engine, "8", number, now=T) is None and queue.one(engine, "8", number) is None
    undone = queue.undo(engine, "7", number, now=T)
    assert undone is not None and undone.credential is None
    assert queue.undo(engine, "7", number, now=T + 1) == undone, "asked for again, as the first answer may be lost"
    assert queue.undo(engine, "8", number, now=T) is None
    assert queue.claim(engine, "n", T * 2, seconds=60) is None


def test_what_was_accepted_stays_so_when_it_is_put_back(engine: Engine) -> None:
    number = put(engine)
    mail = queue.step(engine, claim(engine), State.ACCEPTED, now=T)
    queue.put_back(engine, mail, State.ACCEPTED, now=T, at=None, reason="credential")
    assert now_of(engine, number).state == State.ACCEPTED and queue.next_look(engine) is None
    assert queue.revive(engine, "8", now=T) == ()
    assert queue.revive(engine, "7", now=T) == (number,) and queue.next_look(engine) == T


def test_a_late_250_counts_whoever_has_the_mail_meanwhile(engine: Engine) -> None:
    number = put(engine)
    first = queue.step(engine, claim(engine), State.IN_DATA, now=T)
    second = queue.step(engine, claim(engine, "node-2", T + 60_000), State.UNKNOWN, now=T + 60_000)
    assert queue.known_accepted(engine, first, now=T + 70_000, reply="250 late")
    assert now_of(engine, number).state == State.ACCEPTED and queue.next_look(engine) == T + 70_000
    with pytest.raises(ClaimLost):
        queue.step(engine, second, State.UNKNOWN, now=T)
    assert not queue.known_accepted(engine, first, now=T, reply="250 late")


@pytest.mark.parametrize("state", [State.QUEUED, State.ACCEPTED, State.CANCELLED])
def test_of_an_unknown_one_its_owner_decides_once(engine: Engine, state: State) -> None:
    number = put(engine)
    assert not queue.decide(engine, "7", number, state, now=T)
    queue.step(engine, claim(engine), State.UNKNOWN, now=T)
    assert not queue.decide(engine, "8", number, state, now=T)
    assert queue.decide(engine, "7", number, state, now=T, credential=b"new")
    assert not queue.decide(engine, "7", number, state, now=T)
    assert now_of(engine, number).state == state
    assert (queue.next_look(engine) is None) is (state == State.CANCELLED)
    with pytest.raises(ValueError, match="decision"):
        queue.decide(engine, "7", number, State.DONE, now=T)


def test_an_account_sees_its_own_the_newest_first(engine: Engine) -> None:
    older, newer = put(engine, "a", now=T - 20), put(engine, "b", now=T - 10)
    put(engine, "c", account="8")
    assert [mail.id for mail in queue.of_account(engine, "7")] == [newer, older]
    assert len(queue.of_account(engine, "7", limit=1)) == 1


def test_credentials_are_wiped_at_once(engine: Engine) -> None:
    number = put(engine, credential=b"x")
    other = put(engine, "b", account="8", credential=b"y")
    assert queue.wipe_credentials(engine, "7", now=T) == 1
    assert now_of(engine, number).credential is None and now_of(engine, other, "8").credential == b"y"


def test_only_what_ended_is_forgotten(engine: Engine) -> None:
    for name in "abc":
        put(engine, name)
    queue.step(engine, claim(engine), State.DONE, now=T)
    queue.step(engine, claim(engine), State.UNKNOWN, now=T)
    assert queue.counts(engine, now=T + 300_001) == {"done": 1, "unknown": 1, "queued": 1, "late": 1}
    assert queue.forget(engine, before=T) == 0 and queue.forget(engine, before=T + 1) == 1
    assert len(queue.of_account(engine, "7")) == 2


@pytest.mark.parametrize("left", [False, True], ids=["queued", "left by a courier that died"])
def test_couriers_that_claim_at_once_never_get_the_same_mail(engine: Engine, left: bool) -> None:
    numbers = {put(engine, str(name)) for name in range(30)}
    if left:
        with engine.begin() as connection:
            connection.execute(text("UPDATE outbox SET state = 'in_data', owner = 'dead', fence = 1"))
    taken: list[str] = []
    lock = threading.Lock()

    def run(owner: str) -> None:
        misses = 0
        while misses < 5:
            try:
                mail = queue.claim(engine, owner, T, seconds=60)
            except OutboxAway:  # SQLite was locked, or MariaDB found two of them waiting for each other
                continue
            misses += mail is None
            with lock:
                taken.extend([mail.id] if mail else [])

    with ThreadPoolExecutor(4) as couriers:
        for each in [couriers.submit(run, f"node-{number}") for number in range(4)]:
            each.result(60)
    assert len(taken) == 30 and set(taken) == numbers


def test_a_database_without_the_table_is_away(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/none.db")
    for ask in (queue.next_look, lambda engine: queue.claim(engine, "n", T, seconds=1)):
        with pytest.raises(OutboxAway):
            ask(engine)
    engine.dispose()


def test_neither_the_account_nor_the_credential_stands_in_a_mails_repr(engine: Engine) -> None:
    put(engine, credential=b"canary")
    assert "canary" not in repr(claim(engine))


def test_another_time_is_given_only_to_one_s_own_mail_that_nobody_has_in_hand(engine: Engine) -> None:
    number = put(engine, credential=b"old")
    later = {"due": T + 5000, "now": T, "credential": b"new"}
    assert not queue.reschedule(engine, "8", number, **later)
    assert queue.reschedule(engine, "7", number, **later)
    mail = now_of(engine, number)
    assert (mail.due, mail.until, mail.credential, mail.tries) == (T + 5000, T + 5000, b"new", 0)
    assert queue.claim(engine, "c", T + 5000, seconds=60)
    assert not queue.reschedule(engine, "7", number, **later)


def test_what_its_owner_decided_is_remembered_over_another_time(engine: Engine) -> None:
    number = put(engine)
    queue.step(engine, claim(engine), State.UNKNOWN, now=T)
    assert queue.decide(engine, "7", number, State.QUEUED, now=T)
    assert queue.reschedule(engine, "7", number, due=T + 1, now=T)
    assert now_of(engine, number).reason == "decided"


def test_a_mail_goes_to_the_others_once_and_only_as_it_was_refused(engine: Engine) -> None:
    number = put(engine)
    refusals = (Refusal("cem@one.example", 550, "5.1.1", "no"),)
    queue.step(engine, claim(engine), State.REFUSED, now=T, reason="recipients", refusals=refusals)
    mail = now_of(engine, number)
    assert not queue.to_others(engine, replace(mail, account_id="8"), now=T)
    assert not queue.to_others(engine, replace(mail, letter=replace(mail.letter, sha256="0" * 64)), now=T)
    assert queue.to_others(engine, mail, now=T) and not queue.to_others(engine, mail, now=T)
    assert now_of(engine, number).letter == replace(mail.letter, partial=True)


def test_what_waits_what_is_stopped_and_what_is_to_be_told_is_counted(engine: Engine) -> None:
    assert queue.standing(engine, "7", tries=5) == (0, 0, 0)
    for name, state, reason in (
        ("a", State.DONE, ""), ("b", State.DONE, "quota"),
        ("c", State.CANCELLED, "gone"), ("d", State.REFUSED, "message"),
    ):  # fmt: skip
        put(engine, name)
        queue.step(engine, claim(engine), state, now=T, reason=reason)
    put(engine, "e")
    queue.put_back(engine, claim(engine), State.QUEUED, now=T, at=None, reason="credential")
    put(engine, "f")
    put(engine, "g", account="8")
    assert queue.standing(engine, "7", tries=5) == (2, 3, 1)
    shown = {mail.reason for mail in queue.of_account(engine, "7")}
    assert shown == {"", "quota", "gone", "message", "credential"} and len(queue.of_account(engine, "7")) == 5


def test_a_mail_put_back_takes_a_new_credential_and_else_keeps_its_own(engine: Engine) -> None:
    number = put(engine, credential=b"old")
    queue.put_back(engine, claim(engine), State.QUEUED, now=T, at=T, reason="away")
    assert now_of(engine, number).credential == b"old"
    queue.put_back(engine, claim(engine), State.QUEUED, now=T, at=T, reason="away", credential=b"new")
    assert now_of(engine, number).credential == b"new"


def test_of_undo_another_time_and_a_claim_at_once_one_wins(engine: Engine) -> None:
    for round_ in range(8):
        number = put(engine, f"r{round_}")
        with ThreadPoolExecutor(3) as pool:
            taken = pool.submit(lambda: queue.claim(engine, "c", T, seconds=60))
            undone = pool.submit(lambda number=number: queue.undo(engine, "7", number, now=T))
            moved = pool.submit(lambda number=number: queue.reschedule(engine, "7", number, due=T + 10**9, now=T))
            outcome = (bool(taken.result()), bool(undone.result()), moved.result())
        claimed, cancelled, _ = outcome
        assert not (claimed and cancelled), outcome
        wanted = State.CLAIMED if claimed else State.CANCELLED if cancelled else State.QUEUED
        assert now_of(engine, number).state == wanted, outcome
