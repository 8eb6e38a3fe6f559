"""A lent connection: `ask`, the selected mailbox, what must never be handed back, imapclient through our door."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from app.directory.account import Endpoint
from app.mail import stream
from app.mail.connection import Connection, Literal
from app.mail.direct import close_direct, open_direct
from app.mail.errors import (
    BadArgument,
    CannotDo,
    ConnectionLost,
    MailboxGone,
    MailError,
    OverQuota,
    Refused,
    Renumbered,
    ServerSilent,
)
from app.mail.login import Credentials
from app.mail.wire import Streamed
from tests.conftest import MailAccount
from tests.scripted import SELECTED, Answer, Peer, Scripted

pytestmark = pytest.mark.servers

Meet = Callable[..., tuple[Connection, Scripted]]


@pytest.fixture
def meet() -> Iterator[Meet]:
    """A function (answers by command) -> (connection, scripted server); it waits so many `seconds` for each answer."""
    open_: list[tuple[Connection, Scripted]] = []

    def make(
        answers: dict[str, Answer] | None = None, *, seconds: float = 20.0, **options: object
    ) -> tuple[Connection, Scripted]:
        server = Scripted(answers, **options).__enter__()  # type: ignore[arg-type]
        where = Endpoint("127.0.0.1", server.port, "plain")
        client = open_direct(where, Credentials("alice", "secret"), first_byte=seconds, silence=seconds)
        open_.append((client, server))
        return client, server

    yield make
    for client, server in open_:
        close_direct(client)
        server.__exit__()


@pytest.fixture
def client(mail_account: MailAccount) -> Iterator[Connection]:
    where = Endpoint("127.0.0.1", mail_account.server.imap_port, "plain")
    connection = open_direct(where, Credentials(mail_account.login, mail_account.password))
    yield connection
    close_direct(connection)


def test_untagged_data_comes_in_order_with_its_literals(meet: Meet) -> None:
    client, _ = meet(
        {"X": b"* 1 EXISTS\r\n* 1 FETCH (BODY[] {4}\r\na\r\nb UID 3)\r\n* 1 EXPUNGE\r\n%t OK [CODE] done\r\n"}
    )
    answer = client.ask(b"X")
    assert answer.untagged == ((b"* 1 EXISTS",), (b"* 1 FETCH (BODY[] {4}", b"a\r\nb", b" UID 3)"), (b"* 1 EXPUNGE",))
    assert isinstance(answer.untagged[1][1], Literal)
    assert (answer.text, client.note.exists) == (b"[CODE] done", 0)
    assert client.io.reusable


def test_a_selected_mailbox_is_not_selected_again(meet: Meet) -> None:
    client, server = meet()
    for name in ("INBOX", "inbox", "INBOX"):
        assert client.select(name, uidvalidity=9).exists == 2
    assert server.names().count("SELECT") == 1
    client.select("Other")
    assert server.names().count("SELECT") == 2


def test_a_renumbered_mailbox_is_told_from_the_one_that_was_meant(meet: Meet) -> None:
    client, _ = meet()
    with pytest.raises(Renumbered):
        client.select("INBOX", uidvalidity=8)
    assert client.io.reusable


def test_a_failed_select_leaves_nothing_selected(meet: Meet) -> None:
    replies = iter([SELECTED, b"%t NO no such\r\n", SELECTED])
    client, server = meet({"SELECT": lambda peer, tag: peer.send(next(replies).replace(b"%t", tag))})
    client.select("INBOX")
    with pytest.raises(MailboxGone):
        client.select("Nowhere")
    assert (client.note.selected, client.note.uidvalidity) == (None, None)
    client.select("INBOX")
    assert server.names().count("SELECT") == 3


@pytest.mark.parametrize("command", [(b"DELETE", b"x"), (b"RENAME", b"x", b"y"), (b"UNSELECT",), (b"EXAMINE", b"x")])
def test_the_selection_is_forgotten_before_commands_that_may_take_it_away(meet: Meet, command: tuple[bytes]) -> None:
    client, _ = meet({command[0].decode(): b"%t NO no\r\n"})
    client.select("INBOX")
    with pytest.raises(Refused):
        client.ask(*command)
    assert client.note.selected is None


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (b"%t BAD what\r\n", CannotDo),
        (b"* BYE bye\r\n%t OK\r\n", ConnectionLost),
        (b"* NO Internal error\r\n%t OK Expunge completed\r\n", ConnectionLost),
        (b"* BAD what\r\n%t OK\r\n", ConnectionLost),
        (b"* 1 FETCH (UID 1)\r\n* BYE FETCH failed\r\n", ConnectionLost),
        (b"+ go on\r\n%t OK\r\n", ConnectionLost),
        (b"X99 OK of another\r\n%t OK\r\n", ConnectionLost),
        (b"garbage\r\n", ConnectionLost),
        (b"%t WHAT\r\n", ConnectionLost),
        (b"* 1 FETCH (BODY[] {10}\r\nabc", ConnectionLost),
        (b"* 1 EX", ConnectionLost),
        (None, ConnectionLost),
    ],
)
def test_whatever_leaves_doubt_raises_and_is_never_handed_back(
    meet: Meet, reply: Answer, error: type[MailError]
) -> None:
    whole = not isinstance(reply, bytes) or reply.endswith(b"\r\n")
    client, _ = meet({"X": reply}, seconds=20.0 if whole else 0.5)
    with pytest.raises(error):
        client.ask(b"X")
    assert not client.io.reusable
    with pytest.raises(ConnectionLost):
        client.noop()


def test_a_plain_refusal_leaves_the_connection_usable(meet: Meet) -> None:
    client, _ = meet({"X": b"%t NO [OVERQUOTA] full\r\n", "Y": b"%t NO [INUSE] busy\r\n"})
    with pytest.raises(OverQuota):
        client.ask(b"X")
    with pytest.raises(Refused) as error:
        client.ask(b"Y")
    assert (error.value.code, client.io.reusable) == ("INUSE", True)
    client.noop()


def test_a_mailbox_that_may_be_seen_and_not_counted_breaks_no_list(meet: Meet):
    refused = b'* LIST () "/" Hidden\r\n* NO [NOPERM] Permission denied\r\n%t OK\r\n'
    client, _ = meet({"LIST": refused, "STORE": b"* NO [NOPERM] Permission denied\r\n%t OK\r\n"})
    answer = client.ask(b"LIST", b'""', b'"*"', b"RETURN (STATUS (MESSAGES))")
    assert len(answer.untagged) == 2 and client.io.reusable
    with pytest.raises(ConnectionLost):
        client.ask(b"STORE", b"1", b"+FLAGS", b"(x)")


def test_a_warning_for_the_user_is_no_failure(meet: Meet) -> None:
    client, _ = meet({"X": b"* NO [ALERT] 98 % full\r\n%t OK\r\n"})
    client.ask(b"X")
    assert client.io.reusable


def test_silence_ends_a_command_after_its_deadline(meet: Meet) -> None:
    client, _ = meet({"X": lambda peer, tag: None, "Y": lambda peer, tag: peer.send(b"* 1 EX")})
    with pytest.raises(ConnectionLost, match="silent"):
        client.ask(b"X", timeout=0.1)
    client, _ = meet({"Y": lambda peer, tag: peer.send(b"* 1 EX")}, seconds=0.5)
    with pytest.raises(ConnectionLost, match="silent"):
        client.ask(b"Y")


def test_a_server_that_drips_is_a_silent_one(meet: Meet) -> None:
    def drip(peer: Peer, tag: bytes) -> None:
        while True:
            peer.send(b"x")
            time.sleep(0.1)

    client, _ = meet({"X": drip}, seconds=0.5)
    began = time.monotonic()
    with pytest.raises(ServerSilent):
        client.ask(b"X")
    assert 0.4 < time.monotonic() - began < 10


@pytest.mark.parametrize(("bound", "least", "pause"), [("LONGEST", 0.3, 0.05), ("ANSWER_LIMIT", 10_000, 0.0)])
def test_a_server_that_never_comes_to_its_answer_is_left(
    meet: Meet, monkeypatch: pytest.MonkeyPatch, bound: str, least: float, pause: float
) -> None:
    def chatter(peer: Peer, tag: bytes) -> None:
        for _ in range(2000 if pause == 0 else 40):
            peer.send(b"* OK still here, one moment please\r\n")
            time.sleep(pause)
        peer.send(tag + b" OK done\r\n")

    client, _ = meet({"X": chatter})
    monkeypatch.setattr(stream, bound, least)
    with pytest.raises(ConnectionLost):
        client.ask(b"X")
    assert not client.io.reusable


def test_a_server_that_is_slow_but_goes_on_is_heard_to_the_end(meet: Meet) -> None:
    def slowly(peer: Peer, tag: bytes) -> None:
        for _ in range(14):
            peer.send(b"* OK " + b"x" * 300 + b"\r\n")
            time.sleep(0.1)
        peer.send(tag + b" OK done\r\n")

    client, _ = meet({"X": slowly}, seconds=1.2)
    assert len(client.ask(b"X").untagged) == 14


def test_what_was_read_ahead_is_in_the_note_and_is_read_first_by_the_next_holder(meet: Meet) -> None:
    client, _ = meet({"X": b"%t OK\r\n* 5 EXIS"})
    client.ask(b"X")
    assert client.io.reusable
    note = client.io.release()
    assert note.rest == b"* 5 EXIS"
    here, there = socket.socketpair()
    with here, there:
        there.sendall(b"TS\r\nL2x0 OK\r\n")
        again = Connection.adopt(here, note, tag_prefix="L2x", timeout=20)
        again.noop()
        assert again.note.exists == 5
        again.io.release()


def test_a_streamed_literal_goes_up_as_it_is_read(meet: Meet) -> None:
    client, server = meet()
    client.ask(b"APPEND", b"INBOX", (b"TEXT", Streamed(6, iter([b"ab", b"", b"cd\r\n"])), b"URL", b"x"))
    assert server.lines[-1].endswith(b" APPEND INBOX (TEXT {6}\r\nabcd\r\n URL x)")
    client.noop()


def test_an_upload_keeps_its_lease_however_fast_the_system_takes_it(
    meet: Meet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "RENEW_AFTER", 0.0)
    client, _ = meet()
    renewed: list[bool] = []
    chunks = [b"abcd", b"efgh", b"ij\r\n"]

    def renew() -> None:
        renewed.append(True)

    client.io.renew = renew
    client.ask(b"APPEND", b"Drafts", Streamed(12, chunks))
    assert len(renewed) >= len(chunks)


def test_a_streamed_literal_is_not_read_where_the_server_refuses_it(meet: Meet) -> None:
    client, _ = meet()
    here, there = socket.socketpair()
    with here, there:
        there.sendall(b"T0 NO [OVERQUOTA] full\r\n")
        refused = Connection.adopt(here, client.note, tag_prefix="T", timeout=20)
        chunks = iter([b"abc"])
        with pytest.raises(OverQuota):
            refused.ask(b"APPEND", b"INBOX", Streamed(3, chunks))
        assert there.recv(100) == b"T0 APPEND INBOX {3}\r\n"
        assert list(chunks) == [b"abc"] and refused.io.reusable


@pytest.mark.parametrize("chunks", [[b"ab"], [b"abcd"], [b"abc", b"d"], []])
def test_a_literal_of_another_size_than_promised_ends_the_connection(meet: Meet, chunks: list[bytes]) -> None:
    client, server = meet()
    with pytest.raises(ConnectionLost):
        client.ask(b"APPEND", b"INBOX", Streamed(3, chunks))
    assert client.broken and not [line for line in server.lines if b"APPEND" in line]
    with pytest.raises(ConnectionLost):
        client.noop()


def test_what_reading_a_literal_raises_comes_through_and_ends_the_connection(meet: Meet) -> None:
    def broken() -> Iterator[bytes]:
        yield b"a"
        raise OSError("the file is gone")

    client, _ = meet()
    with pytest.raises(OSError, match="gone"):
        client.ask(b"APPEND", b"INBOX", Streamed(3, broken()))
    assert client.broken and not client.io.reusable


def test_a_refused_literal_is_read_as_the_answer(meet: Meet) -> None:
    def full(peer: Peer) -> None:
        while True:
            tag = peer.line().split(b" ")[0]
            peer.send(tag + b" NO [OVERQUOTA] full\r\n")

    def no_room(peer: Peer, tag: bytes) -> None:
        peer.send(tag + b" OK\r\n")

    client, _ = meet({"X": no_room}, capabilities=b"IMAP4rev1 AUTH=PLAIN SASL-IR")
    here, there = socket.socketpair()
    with here, there:
        there.sendall(b"T0 NO [OVERQUOTA] full\r\n")
        refused = Connection.adopt(here, client.note, tag_prefix="T", timeout=20)
        with pytest.raises(OverQuota):
            refused.ask(b"APPEND", b"x", Literal(b"message"))
        assert there.recv(100) == b"T0 APPEND x {7}\r\n"
        assert refused.io.reusable


@pytest.mark.parametrize(
    "line",
    [
        (b"CLOSE",), (b"LOGOUT",), (b"IDLE",), (b"COMPRESS", b"DEFLATE"), (b"NOTIFY", b"NONE"), (b"STARTTLS",),
        (b"ENABLE", b"QRESYNC"), (b"enable", b"UTF8=ACCEPT"), (b"SEARCH", b"RETURN (SAVE)", b"ALL"),
        (b"UID SEARCH RETURN (COUNT SAVE) ALL",), (b"UID FETCH", b"$", b"(UID)"),
    ],
)  # fmt: skip
def test_commands_that_are_not_for_a_kept_connection_never_leave(meet: Meet, line: tuple[bytes, ...]) -> None:
    client, server = meet()
    before = list(server.lines)
    with pytest.raises(BadArgument):
        client.ask(*line)
    assert server.lines == before
    client.noop()


def test_a_refused_argument_leaves_the_connection_usable(meet: Meet) -> None:
    client, server = meet()
    client.select("INBOX")
    with pytest.raises(BadArgument):
        client.ask(b"SEARCH", b"SUBJECT", "a\r\nA1 DELETE x")
    client.noop()
    assert "DELETE" not in server.names()


INJECTION = 'x"\r\nZ1 CREATE evil\r\n'
CALLS: list[Callable[[Connection], object]] = [
    lambda c: c.search(INJECTION),
    lambda c: c.search(["SUBJECT", INJECTION]),
    lambda c: c.search(["HEADER", INJECTION, "x"]),
    lambda c: c.sort(INJECTION),
    lambda c: c.sort("ARRIVAL", INJECTION),
    lambda c: c.sort("ARRIVAL", ["SUBJECT", INJECTION]),
    lambda c: c.thread("REFERENCES", INJECTION),
    lambda c: c.fetch([1], [INJECTION]),
    lambda c: c.fetch(INJECTION, ["FLAGS"]),
    lambda c: c.fetch([1], ["FLAGS"], [INJECTION]),
    lambda c: c.add_flags([1], [INJECTION]),
    lambda c: c.add_flags(INJECTION, ["\\Seen"]),
    lambda c: c.remove_flags([1], INJECTION),
    lambda c: c.set_flags([1], [INJECTION]),
    lambda c: c.append("INBOX", b"x", [INJECTION]),
    lambda c: c.append(INJECTION, b"x"),
    lambda c: c.copy(INJECTION, "INBOX"),
    lambda c: c.move(INJECTION, "INBOX"),
    lambda c: c.expunge(INJECTION),
    lambda c: c.id_({"name": INJECTION}),
    lambda c: c.setacl("INBOX", INJECTION, "lr"),
    lambda c: c.setacl("INBOX", "x", INJECTION),
    lambda c: c.get_quota_root(INJECTION),
    lambda c: c.folder_status("INBOX", [INJECTION]),
    lambda c: c.list_folders(INJECTION, INJECTION),
    lambda c: c.create_folder(INJECTION),
    lambda c: c.multiappend("INBOX", [{"msg": b"x", "flags": [INJECTION]}]),
    lambda c: c.login("a\r\nb", "x"),
    lambda c: c.fetch("1 (FLAGS)", ["UID"]),
    lambda c: c.search("{5}"),
    lambda c: c.search("ALL {5+}"),
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_no_call_of_imapclient_can_be_made_to_send_a_second_command(
    meet: Meet, call: Callable[[Connection], object]
) -> None:
    capabilities = b"IMAP4rev1 AUTH=PLAIN SASL-IR SORT THREAD=REFERENCES MOVE UIDPLUS ID ACL QUOTA MULTIAPPEND"
    client, server = meet(capabilities=capabilities)
    client.select("INBOX")
    with contextlib.suppress(MailError, ValueError, TypeError, AttributeError):
        call(client)
    if client.io.reusable:
        client.noop()
    assert not any(line.startswith(b"Z1") for line in server.lines)


def test_what_is_not_for_borrowers_is_refused(meet: Meet) -> None:
    client, _ = meet()
    for call in (client.logout, client.shutdown, client.close_folder, client.idle, client.starttls):
        with pytest.raises(BadArgument):
            call()
    with pytest.raises((BadArgument, AttributeError)), client:
        pass
    client.noop()


def test_no_line_stays_in_memory(meet: Meet) -> None:
    client, _ = meet()
    client.append("INBOX", b"x")
    client.list_folders()
    assert (client._imap.debug, client._imap._cmd_log) == (0, {})


def test_imapclients_methods_and_ask_work_side_by_side(client: Connection, mail_account: MailAccount) -> None:
    mail_account.append(b"Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <a@b>\r\n\r\nbody\r\n", flags=["\\Seen"])
    assert client.select("INBOX").exists == 1
    assert client.fetch([1], ["FLAGS", "INTERNALDATE"])[1][b"FLAGS"] == (b"\\Seen", b"\\Recent")
    assert client.search(["SUBJECT", "grüße"], "UTF-8") == [1]
    assert client.ask(b"UID SEARCH", b"CHARSET UTF-8 SUBJECT", "grüße").untagged == ((b"* SEARCH 1",),)
    client.add_flags([1], ["\\Flagged", "$Label"])
    client.create_folder('Grüße & "Küsse"')
    client.copy([1], 'Grüße & "Küsse"')
    client.append("INBOX", b"Subject: y\r\n\r\n\r\n", ["\\Seen"], datetime(2024, 1, 2, tzinfo=UTC))
    client.noop()
    assert client.note.exists == 2
    assert client.select('Grüße & "Küsse"').exists == 1
    assert client.io.reusable
    assert client.traffic.by_name["UID SEARCH"][0] == 2


def test_a_mailbox_that_was_deleted_elsewhere_is_gone(client: Connection) -> None:
    with pytest.raises(MailboxGone):
        client.select("No such mailbox")
    assert client.io.reusable
