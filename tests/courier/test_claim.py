"""A courier with a real Dovecot and a real SMTP server: once, filed, and the draft gone."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text, update

from app.demo import directory
from app.directory.resolve import resolve
from app.directory.tables import ServerRow
from app.mail.login import MasterUser
from app.outbox import queue
from app.outbox.mail import Place, State
from app.store.notices import epoch_key, parse_epoch, read_notice
from app.store.session import end_everywhere
from tests.courier.world import World
from tests.mail.boxes import opened
from tests.smtpsink import Script, Sink

pytestmark = pytest.mark.servers


def test_a_mail_is_sent_once_filed_once_and_its_drafts_are_gone(world: World) -> None:
    letter = world.letter()
    number = world.enqueue(letter)
    world.run()
    mail = world.state(number)
    assert (mail.state, mail.reason, mail.last_reply) == (State.DONE, "", "250 2.0.0 Ok: taken")
    assert world.taken() == {letter.message_id: 1}
    assert world.ids("Drafts") == []
    ((identity, flags),) = world.box("Sent").values()
    assert identity == letter.message_id and "\\seen" in flags
    assert not flags & {"\\draft", "$posternoutgoing"}
    assert isinstance(world.smtp, Sink)
    (taken,) = world.smtp.taken
    assert (taken.sender, taken.recipients) == (letter.sender, list(letter.recipients))
    assert len(taken.content) == letter.size and taken.login == world.mail.login
    assert world.redis.keys("outbox:*") == []


def test_what_was_answered_is_marked(world: World) -> None:
    world.mail.append(b"Message-ID: <q@one.example>\r\n\r\nq\r\n", mailbox="INBOX")
    with opened(world.mail.server.imap_port, world.mail.login, world.mail.password) as client:
        validity = client.select("INBOX").uidvalidity or 0
    number = world.enqueue(world.letter(original=Place("INBOX", validity, 1), flag="\\Answered"))
    gone = world.enqueue(world.letter(original=Place("INBOX", validity + 1, 1), flag="$Forwarded"))
    world.run()
    assert world.state(number).state == world.state(gone).state == State.DONE
    ((_, flags),) = world.box("INBOX").values()
    assert "\\answered" in flags and "$forwarded" not in flags


@pytest.mark.parametrize("missing", [(), ("CATENATE",), ("CATENATE", "UIDPLUS", "MOVE", "LIST-STATUS", "SPECIAL-USE")])
def test_the_copy_in_sent_has_its_bcc_and_what_was_sent_has_not(world: World, missing: tuple[str, ...]) -> None:
    world.borrower.missing = frozenset(missing)
    letter = world.letter(bcc="Bcc: dan@one.example\r\n", recipients=("dan@one.example",))
    world.enqueue(letter)
    world.run()
    assert isinstance(world.smtp, Sink) and b"Bcc" not in world.smtp.taken[0].content
    with opened(world.mail.server.imap_port, world.mail.login, world.mail.password) as client:
        client.select("Sent")
        (answer,) = client.ask(b"FETCH", b"1:*", b"(BODY.PEEK[])").untagged
    assert bytes(answer[1]) == b"Bcc: dan@one.example\r\n" + world.smtp.taken[0].content
    assert world.ids("Sent") == [letter.message_id] and world.ids("Drafts") == []


@pytest.mark.parametrize("state", ["moving", "down"])
def test_mails_of_a_server_that_moves_or_is_out_of_service_wait(world: World, state: str) -> None:
    world.pauses = (0.2,)
    with world.engine.begin() as rows:
        ports = {"imap": world.imap, "submission": world.submission}
        directory.put_account(rows, "listed@two.example", world.mail.login, directory.put_server(rows, "one", ports))
        rows.execute(update(ServerRow).values(state=state))
    account = resolve(world.accounts.directory, "listed@two.example")
    assert account is not None and account.server is not None
    login = replace(world.login(), server=account.server, account_id=account.id)
    number, _ = world.post.enqueue("window", account, login, world.letter(), wait=0)
    before = world.mail.logins()
    world.run(seconds=1)
    mail = queue.one(world.engine, account.id, number)
    assert mail is not None and (mail.state, mail.reason) == (State.QUEUED, "away")
    assert world.mail.logins() == before and world.taken() == {}
    with world.engine.begin() as rows:
        rows.execute(update(ServerRow).values(state="up"))
    world.run(until_empty=True)
    mail = queue.one(world.engine, account.id, number)
    assert mail is not None and mail.state == State.DONE and sum(world.taken().values()) == 1


def test_undo_takes_it_out_and_the_draft_stands_as_before(world: World) -> None:
    letter = world.letter()
    number = world.enqueue(letter, wait=30)
    world.run()
    assert world.state(number).state == State.QUEUED
    undone = world.post.undo(world.account.id, number, world.login())
    assert undone is not None and undone == world.post.undo(world.account.id, number, world.login())
    assert world.redis.keys("outbox:*") == []
    ((uid, (_, flags)),) = world.box("Drafts").items()
    assert letter.draft is not None and uid == letter.draft.uid and "\\draft" in flags
    alone = world.letter(draft=False)
    number = world.enqueue(alone, wait=30)
    world.post.undo(world.account.id, number, world.login())
    assert "$posternoutgoing" not in world.box("Drafts")[alone.place.uid][1]
    assert world.taken() == {}


def test_a_second_press_of_send_is_the_same_mail(world: World) -> None:
    letter = world.letter()
    number = world.enqueue(letter, name="window-1")
    again = world.post.enqueue("window-1", world.account, world.login(), world.letter(), wait=0)
    assert again == (number, False)
    world.run()
    assert world.taken() == {letter.message_id: 1}
    assert world.post.enqueue("window-1", world.account, world.login(), letter, wait=0) == (number, False)
    assert world.post.mails(world.account.id) == () and world.state(number).state == State.DONE


def test_a_refused_recipient_is_told_before_anything_is_sent_to_the_others(world: World) -> None:
    assert isinstance(world.smtp, Sink)
    world.smtp.refuse["cem@one.example"] = "550 5.1.1 nobody of that name"
    letter = world.letter()
    number = world.enqueue(letter, name="w")
    world.run()
    mail = world.state(number)
    assert (mail.state, mail.reason) == (State.REFUSED, "recipients")
    assert [(each.address, each.text) for each in mail.refusals] == [("cem@one.example", "nobody of that name")]
    assert world.taken() == {} and letter.draft is not None
    assert set(world.box("Drafts")) == {letter.draft.uid, letter.place.uid}  # it may still go to the others
    insisting = world.letter(partial=True)
    assert world.enqueue(insisting, name="w") == number
    world.run()
    assert world.state(number).state == State.DONE and world.smtp.taken[0].recipients == ["ann@one.example"]
    assert [each.address for each in world.state(number).refusals] == ["cem@one.example"]


def test_who_was_refused_is_known_also_where_the_filing_had_to_be_repeated(make_world: Callable[..., World]) -> None:
    refused = {"RCPT TO:<ANN": b"450 4.2.0 later\r\n", "RCPT TO:<CEM": b"550 5.1.1 no\r\n"}
    with Script(refused) as script:
        world = make_world(smtp=script)
        number = world.enqueue(world.letter())
        world.run()
        assert (world.state(number).state, world.state(number).last_reply) == (State.REFUSED, "550 5.1.1 no")
        del refused["RCPT TO:<ANN"]
        letter = world.letter(partial=True, sent="No\u0000such")
        number = world.enqueue(letter)
        world.run()
        mail = world.state(number)
        assert mail.state == State.ACCEPTED and len(script.messages) == 1
        assert [each.address for each in mail.refusals] == ["cem@one.example"]


def test_a_temporary_refusal_is_tried_again(world: World) -> None:
    assert isinstance(world.smtp, Sink)
    world.smtp.verdict = "451 4.3.0 come back later"
    number = world.enqueue(world.letter())
    world.run()
    mail = world.state(number)
    assert (mail.state, mail.tries, mail.last_reply) == (State.QUEUED, 1, "451 4.3.0 come back later")
    world.smtp.verdict = None
    world.run(until_empty=True)
    assert world.state(number).state == State.DONE and sum(world.taken().values()) == 1


@pytest.mark.parametrize(
    ("answers", "state", "reason"),
    [
        ({".": b"554 5.7.1 spam\r\n"}, State.REFUSED, "message"),
        ({".": b"552 5.3.4 big\r\n"}, State.REFUSED, "message"),
        ({"MAIL": b"553 5.7.1 not yours\r\n"}, State.REFUSED, "message"),
        ({"RCPT": b"550 5.1.1 no\r\n"}, State.REFUSED, "recipients"),
        ({"RCPT": b"450 4.2.0 greylisted\r\n"}, State.QUEUED, "recipients"),
        ({"AUTH": b"535 5.7.8 no\r\n"}, State.REFUSED, "sign-in"),
        ({"AUTH": b"454 4.7.0 later\r\n"}, State.QUEUED, "away"),
        ({"EHLO": b"421 4.3.2 later\r\n"}, State.QUEUED, "away"),
        ({"DATA": None}, State.QUEUED, "away"),
        ({".": None}, State.UNKNOWN, "silence"),
    ],
)
def test_each_refusal_ends_where_it_should(
    make_world: Callable[..., World], answers: dict[str, Any], state: State, reason: str
) -> None:
    with Script(answers) as script:
        world = make_world(smtp=script)
        letter = world.letter()
        number = world.enqueue(letter)
        world.run()
        mail = world.state(number)
    assert (mail.state, mail.reason) == (state, reason)
    assert letter.draft is not None and world.ids("Sent") == []
    kept = {letter.draft.uid, *({letter.place.uid} if state != State.REFUSED or reason == "sign-in" else ())}
    assert set(world.box("Drafts")) == kept


def test_an_unknown_one_is_sent_again_only_as_its_owner_decides(make_world: Callable[..., World]) -> None:
    with Script({".": None}) as script:
        world = make_world(smtp=script)
        numbers = [world.enqueue(world.letter()) for _ in range(3)]
        world.run()
        assert [world.state(number).state for number in numbers] == [State.UNKNOWN] * 3
        world.run(seconds=1)
        assert len(script.messages) == 3
        script.answers = {}
        for number, state in zip(numbers, (State.QUEUED, State.ACCEPTED, State.CANCELLED), strict=True):
            assert world.post.decide(world.login(), number, state)
            assert not world.post.decide(world.login(), number, state)
        world.run()
        assert len(script.messages) == 4, [world.state(each) for each in numbers]
        assert script.messages[3] in script.messages[:3]
    assert [world.state(number).state for number in numbers] == [State.DONE, State.DONE, State.CANCELLED]
    assert len(world.ids("Sent")) == 2 and len(world.ids("Drafts")) == 1


def test_bytes_that_are_gone_or_others_are_not_sent(world: World) -> None:
    letter, other = world.letter(), world.letter()
    letters = [
        replace(letter, place=replace(letter.place, uid=letter.place.uid + 1000)),
        replace(letter, place=replace(letter.place, uidvalidity=1)),
        replace(other, sha256="0" * 64),
        replace(world.letter(), size=letter.size + 1),
    ]
    numbers = [world.enqueue(each) for each in letters]
    world.run()
    assert [world.state(each).reason for each in numbers] == ["gone", "gone", "changed", "changed"]
    assert {world.state(each).state for each in numbers} == {State.CANCELLED}
    assert world.taken() == {}


def test_a_new_password_or_signing_out_everywhere_takes_the_credential_back(world: World) -> None:
    number = world.enqueue(world.letter())
    end_everywhere(world.redis, world.account.id)
    other = world.enqueue(world.letter())
    world.redis.delete(*world.redis.keys(f"outbox:{other}*"))
    world.run()
    mails = [world.state(each) for each in (number, other)]
    assert {(each.state, each.reason) for each in mails} == {(State.QUEUED, "credential")}
    assert all(each.parked for each in mails) and world.taken() == {}
    assert world.post.standing(world.account.id) == (2, 2, 0)
    world.run()
    assert world.taken() == {}
    epoch = parse_epoch(world.redis.get(epoch_key(world.account.id)))
    assert world.post.reschedule(replace(world.login(), epoch=epoch), number)
    world.run()
    assert world.state(number).state == State.DONE and len(world.taken()) == 1


def test_to_the_others_it_goes_once_and_with_the_same_bytes(world: World) -> None:
    assert isinstance(world.smtp, Sink)
    world.smtp.refuse["cem@one.example"] = "550 5.1.1 nobody of that name"
    letter = world.letter()
    number = world.enqueue(letter)
    world.run()
    assert world.state(number).others and world.post.standing(world.account.id) == (0, 1, 0)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: world.post.to_others(world.login(), number), range(8)))
    assert found.count(True) == 1
    world.run()
    assert world.state(number).state == State.DONE and world.taken() == {letter.message_id: 1}
    assert world.smtp.taken[0].recipients == ["ann@one.example"] and world.ids("Drafts") == []
    assert [each.address for each in world.state(number).refusals] == ["cem@one.example"]
    assert not world.post.to_others(world.login(), number)


def test_where_all_are_refused_there_are_no_others(world: World) -> None:
    assert isinstance(world.smtp, Sink)
    for address in ("ann@one.example", "cem@one.example"):
        world.smtp.refuse[address] = "550 5.1.1 nobody"
    number = world.enqueue(world.letter())
    world.run()
    assert not world.state(number).others and not world.post.to_others(world.login(), number)


def test_a_scheduled_mail_gets_another_time_and_is_sent_at_once_when_its_owner_says_so(
    make_world: Callable[..., World],
) -> None:
    world = make_world(outbox_key=True)
    number = world.enqueue(world.letter(), at=time.time() + 86_400)
    assert world.state(number).scheduled and world.state(number).credential
    later = time.time() + 2 * 86_400
    assert world.post.reschedule(world.login(), number, at=later)
    assert abs(world.state(number).due / 1000 - later) < 1
    world.run()
    assert world.taken() == {}
    assert world.post.reschedule(world.login(), number)
    assert world.state(number).credential is None  # Redis has it for the few seconds
    world.run()
    assert world.state(number).state == State.DONE and len(world.taken()) == 1
    assert not world.post.reschedule(world.login(), number)


def test_a_scheduled_mail_whose_password_was_changed_waits_for_its_owner(make_world: Callable[..., World]) -> None:
    with Script({"AUTH": b"535 5.7.8 no\r\n"}) as script:
        world = make_world(outbox_key=True, smtp=script)
        number = world.enqueue(world.letter(), at=time.time() + 400)
        with world.engine.begin() as rows:
            rows.execute(text("UPDATE outbox SET due = due - 400000, until = 0, created = created - 800000"))
        world.run()
        mail = world.state(number)
        assert mail.parked and mail.reason == "sign-in" and script.messages == []
        script.answers = {}
        assert world.post.reschedule(world.login(), number)
        world.run()
        assert world.state(number).state == State.DONE and len(script.messages) == 1


def test_a_mail_that_is_tried_again_keeps_its_credential_longer_than_redis_does(
    make_world: Callable[..., World],
) -> None:
    world = make_world(outbox_key=True)
    assert isinstance(world.smtp, Sink)
    world.smtp.verdict = "451 4.3.0 come back later"
    number = world.enqueue(world.letter())
    world.run()
    world.redis.flushall()
    world.smtp.verdict = None
    world.run(until_empty=True)
    mail = world.state(number)
    assert (mail.state, mail.credential) == (State.DONE, None) and sum(world.taken().values()) == 1


def test_a_mail_tried_often_is_told_of(make_world: Callable[..., World]) -> None:
    world = make_world(pauses=(0.05,))
    assert isinstance(world.smtp, Sink)
    world.smtp.verdict = "451 4.3.0 come back later"
    number = world.enqueue(world.letter())
    courier, before = world.courier(), read_notice(world.redis, world.account.id)
    while world.state(number).tries < 5:
        courier.once()
        time.sleep(0.05)
    courier.end()
    assert world.post.standing(world.account.id) == (1, 1, 0)
    assert read_notice(world.redis, world.account.id) != before  # open pages look again


def test_bytes_that_are_gone_are_told_of_until_their_owner_has_read_it(world: World) -> None:
    letter = world.letter()
    number = world.enqueue(replace(letter, place=replace(letter.place, uid=letter.place.uid + 1000)))
    world.run()
    assert [each.id for each in world.post.mails(world.account.id)] == [number]
    assert world.post.standing(world.account.id) == (0, 1, 0)
    assert not world.post.read("somebody", number)
    assert world.post.read(world.account.id, number) and not world.post.read(world.account.id, number)
    assert world.post.mails(world.account.id) == () and world.post.standing(world.account.id) == (0, 0, 0)


@pytest.mark.parametrize("offered", [True, False])
def test_a_report_of_delivery_is_asked_for_and_where_there_is_none_that_is_told(
    make_world: Callable[..., World], offered: bool
) -> None:
    with Script() as script:
        script.capabilities = (*(each for each in script.capabilities if each != "DSN"), *(("DSN",) if offered else ()))
        world = make_world(smtp=script)
        number = world.enqueue(world.letter(notify=True))
        world.run()
    assert any(b"NOTIFY=SUCCESS,DELAY,FAILURE" in line for line in script.lines) is offered
    assert (world.state(number).state, world.state(number).reason) == (State.DONE, "" if offered else "no-dsn")
    assert world.post.standing(world.account.id) == (0, 0, 0 if offered else 1)


def test_a_mail_for_later_needs_somewhere_to_keep_its_credential(make_world: Callable[..., World]) -> None:
    from app.courier.post import NoCredential

    with pytest.raises(NoCredential):
        make_world().enqueue(make_world().letter(), at=time.time() + 86_400)
    world = make_world(outbox_key=True)
    number = world.enqueue(world.letter(), at=time.time() + 86_400)
    mail = world.state(number)
    assert mail.credential is not None and world.mail.password.encode() not in mail.credential
    assert world.redis.keys("outbox:*") == []
    world.redis.flushall()
    with world.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE outbox SET until = 1, due = {int(time.time() * 1000)}")
    world.run()
    assert world.state(number).state == State.DONE and world.state(number).credential is None


def test_with_a_master_user_nothing_is_kept(make_world: Callable[..., World]) -> None:
    with Script() as script:
        world = make_world(smtp=script, master=MasterUser("master", "master-password"))
        number = world.enqueue(world.letter(), at=time.time() + 0.2)
        assert world.redis.keys("outbox:*") == [] and world.state(number).credential is None
        world.run(until_empty=True)
        assert world.state(number).state == State.DONE and len(script.messages) == 1


def test_two_couriers_never_send_one_mail_twice(world: World) -> None:
    letters = [world.letter(draft=False) for _ in range(12)]
    numbers = [world.enqueue(letter) for letter in letters]
    couriers = [world.courier(f"courier-{number}") for number in range(2)]
    end = time.monotonic() + 20
    while time.monotonic() < end and any(world.state(each).state != State.DONE for each in numbers):
        for courier in couriers:
            courier.once()
            courier.renew()
        time.sleep(0.02)
    for courier in couriers:
        courier.end()
    assert world.taken() == {letter.message_id: 1 for letter in letters}
    assert len(world.ids("Sent")) == 12


def test_on_a_server_without_extensions_all_happens_too(world: World) -> None:
    world.borrower.missing = frozenset({"CATENATE", "UIDPLUS", "MOVE", "LIST-STATUS", "SPECIAL-USE", "LITERAL+"})
    letter = world.letter()
    number = world.enqueue(letter)
    world.run()
    assert world.state(number).state == State.DONE and world.taken() == {letter.message_id: 1}
    ((identity, flags),) = world.box("Sent").values()
    assert identity == letter.message_id and not flags & {"\\draft", "$posternoutgoing"} and "\\seen" in flags
    assert world.ids("Drafts") == []


def test_a_large_mail_goes_through_in_slices(world: World) -> None:
    assert isinstance(world.smtp, Sink)
    letter = world.letter(lines=40_000)
    number = world.enqueue(letter)
    world.run()
    assert world.state(number).state == State.DONE
    assert len(world.smtp.taken[0].content) == letter.size > 3_000_000


def test_a_mail_whose_credential_was_lost_after_the_250_is_filed_at_the_next_sign_in(world: World) -> None:
    letter = world.letter()
    number = world.enqueue(letter)
    with world.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE outbox SET state = 'accepted'")
    world.redis.delete(*world.redis.keys("outbox:*"))
    world.run()
    assert (world.state(number).state, world.state(number).until) == (State.ACCEPTED, None)
    assert world.post.revive(world.login()) == 1
    world.run()
    assert world.state(number).state == State.DONE and world.taken() == {}
    assert world.ids("Sent") == [letter.message_id] and world.ids("Drafts") == []


def test_a_courier_whose_clock_is_ahead_leaves_the_time_for_undo(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    number, right, count = world.enqueue(world.letter(), wait=60), time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: right() + 90)
    monkeypatch.setattr(time, "time_ns", lambda: count() + 90 * 10**9)
    courier = world.courier()
    assert courier.once() == 0 and 50 < courier.until_next() < 61
    courier.end()
    assert world.post.undo(world.account.id, number, world.login())
