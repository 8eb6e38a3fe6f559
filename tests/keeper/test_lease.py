"""Borrowing and handing back, with a real Dovecot and a keeper in a process of its own."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from app.keeper.lease import SILENCE, Borrower, Login
from app.keeper.protocol import Control
from app.mail.errors import ConnectionLost, MailboxGone, MailError, ServerAway, SignInRefused, TooManyConnections
from tests.conftest import MailAccount
from tests.keeper.places import ROOT, SECRET, Deadlines, KeeperProcess, Limits, login_of, until
from tests.proxy import Proxy

pytestmark = pytest.mark.servers

MAIL = b"Subject: one\r\n\r\nbody\r\n"


def test_the_second_lease_finds_the_same_connection_and_its_selected_mailbox(
    keeper: KeeperProcess, mail_account: MailAccount
) -> None:
    mail_account.deliver(MAIL)
    borrower, login = keeper.borrower(), login_of(mail_account)
    with Proxy(mail_account.server.imap_port) as proxy:
        login = login_of(mail_account, port=proxy.port)
        with borrower.lease(login) as client:
            assert client.select("INBOX").exists == 1
        mail_account.deliver(MAIL)
        with proxy.counting() as counts, borrower.lease(login) as client:
            note = client.select("INBOX")
            assert (note.exists, note.uidvalidity is not None) == (2, True)
        assert (counts.commands, counts.connections) == (["NOOP"], 0)
    assert (borrower.counters().fresh, borrower.counters().kept) == (1, 1)


def test_a_fresh_login_is_not_followed_by_a_noop(keeper: KeeperProcess, mail_account: MailAccount) -> None:
    with Proxy(mail_account.server.imap_port) as proxy:
        with keeper.borrower().lease(login_of(mail_account, port=proxy.port)):
            pass
        assert proxy.counts.commands == ["ID", "AUTHENTICATE"]


def test_a_wrong_password_never_finds_a_kept_connection(keeper: KeeperProcess, mail_account: MailAccount) -> None:
    borrower = keeper.borrower()
    with borrower.lease(login_of(mail_account)):
        pass
    with pytest.raises(SignInRefused), borrower.lease(login_of(mail_account, password="wrong")):
        raise AssertionError("lent")
    assert borrower.counters().kept == 0


def test_after_a_changed_password_the_old_one_signs_nobody_in_and_its_connections_end(
    keeper: KeeperProcess, mail_account: MailAccount
) -> None:
    borrower, old = keeper.borrower(), login_of(mail_account)
    with borrower.lease(old):
        pass
    mail_account.server.add_user(mail_account.login, "another")
    time.sleep(1.1)  # Dovecot rereads the file once a second
    with pytest.raises(SignInRefused):
        borrower.sign_in(old)
    assert keeper.count("idle") == 1
    borrower.sign_in(login_of(mail_account, password="another"))
    assert keeper.count("idle") == 1  # the new one; the old one ended
    with pytest.raises(SignInRefused), borrower.lease(old):
        raise AssertionError("lent")


def test_a_sign_in_leaves_its_connection_to_the_next_lease(keeper: KeeperProcess, mail_account: MailAccount) -> None:
    borrower = keeper.borrower()
    borrower.sign_in(login_of(mail_account))
    with borrower.lease(login_of(mail_account)) as client:
        client.select("INBOX")
    assert mail_account.logins() == 1


def test_a_sign_in_never_uses_a_kept_connection(keeper: KeeperProcess, mail_account: MailAccount) -> None:
    borrower = keeper.borrower()
    for _ in range(2):
        borrower.sign_in(login_of(mail_account))
    assert mail_account.logins() == 2


def test_a_sign_in_that_waits_for_a_place_does_not_take_the_connection_that_comes_back(
    make_keeper: Callable[..., KeeperProcess], mail_account: MailAccount
) -> None:
    keeper = make_keeper(account_per_node=1)
    borrower, login = keeper.borrower(), login_of(mail_account)
    with borrower.lease(login):
        thread = threading.Thread(target=borrower.sign_in, args=(login,))
        thread.start()
        until(lambda: keeper.status()["waiting"] == 1)
    thread.join()
    assert mail_account.logins() == 2


def test_an_exception_inside_a_lease_ends_the_connection(keeper: KeeperProcess, mail_account: MailAccount) -> None:
    borrower, login = keeper.borrower(), login_of(mail_account)
    with pytest.raises(ZeroDivisionError), borrower.lease(login) as client:
        client.select("INBOX")
        raise ZeroDivisionError
    until(lambda: keeper.count("idle", "lent") == 0)
    with pytest.raises(MailboxGone), borrower.lease(login) as client:
        client.select("No such mailbox")
    assert borrower.counters().dropped == 2


def test_exceptions_leak_no_lease_and_no_descriptor(keeper: KeeperProcess, mail_account: MailAccount) -> None:
    borrower, login = keeper.borrower(), login_of(mail_account)
    with borrower.lease(login):
        pass
    mine, its = len(os.listdir("/proc/self/fd")), keeper.descriptors()
    for _ in range(12):
        with pytest.raises(ZeroDivisionError), borrower.lease(login):
            raise ZeroDivisionError
        with borrower.lease(login):
            pass
    assert len(os.listdir("/proc/self/fd")) == mine
    until(lambda: keeper.descriptors() <= its)


def test_a_worker_killed_inside_a_lease_takes_its_connection_with_it(
    keeper: KeeperProcess, mail_account: MailAccount
) -> None:
    login = login_of(mail_account)
    script = f"""
        import sys, time
        sys.path.insert(0, {str(ROOT)!r})
        from tests.keeper.places import *
        from app.directory.account import Server
        server = Server("1", place({login.server.imap.port}))
        login = Login(server, {login.account_id!r}, {login.login!r}, {login.password!r})
        with Borrower({str(keeper.path)!r}, SECRET, Limits(), Deadlines(), silence=PATIENCE).lease(login) as client:
            client.select("INBOX")
            print("lent", flush=True)
            time.sleep(60)
    """
    worker = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE)
    assert worker.stdout is not None and worker.stdout.readline() == b"lent\n"
    assert keeper.count("lent") == 1
    worker.kill()
    worker.wait()
    worker.stdout.close()
    until(lambda: keeper.count("lent", "idle") == 0)
    until(lambda: f"user=<{mail_account.login}>" in mail_account.server.log() and _disconnects(mail_account) == 1)


def _disconnects(account: MailAccount) -> int:
    lines = [line for line in account.server.log().splitlines() if f"imap({account.login})" in line]
    return sum("isconnected" in line or "closed" in line for line in lines)


def test_what_the_worker_read_ahead_reaches_the_next_lease(keeper: KeeperProcess, mail_account: MailAccount) -> None:
    borrower, login = keeper.borrower(), login_of(mail_account)
    with borrower.lease(login) as client:
        client.select("INBOX")
        client.io.responses.feed(b"* 7 EXI")  # as if it had come in the packet of the tagged OK
    with pytest.raises(MailError), borrower.lease(login) as client:
        # "* 7 EXI" + the server's next line is one garbled line; it was seen, so nothing was lost on the way.
        assert client.note.exists == 0
        raise ConnectionLost("seen")


def test_a_worker_makes_no_socket_of_the_keepers_blocking(keeper: KeeperProcess, mail_account: MailAccount) -> None:
    borrower, login = keeper.borrower(), login_of(mail_account)
    with borrower.lease(login) as client:
        client.select("INBOX")
        client.io.sock.setblocking(True)  # what no code of ours does: imapclient's idle_check did
    assert keeper.status()  # a keeper that waits for the mail server would say nothing
    with borrower.lease(login) as client:
        client.select("INBOX")


def test_a_lease_that_is_never_handed_back_ends(
    make_keeper: Callable[..., KeeperProcess], mail_account: MailAccount
) -> None:
    keeper = make_keeper(lease_timeout=1)
    with pytest.raises(ConnectionLost), keeper.borrower().lease(login_of(mail_account)) as client:
        until(lambda: keeper.count("lent") == 0)
        client.noop()


def test_at_the_limit_a_borrower_waits_and_gets_what_comes_back(
    make_keeper: Callable[..., KeeperProcess], mail_account: MailAccount
) -> None:
    keeper = make_keeper(queue_seconds=20)
    borrower, login = keeper.borrower(first_byte=20), login_of(mail_account)
    served: list[float] = []
    go_on = threading.Event()

    def borrow() -> None:
        with borrower.lease(login):
            served.append(time.monotonic())
            go_on.wait(20)

    threads = [threading.Thread(target=borrow) for _ in range(6)]
    for thread in threads:
        thread.start()
    until(lambda: len(served) >= 3 and keeper.status()["waiting"])
    go_on.set()
    for thread in threads:
        thread.join()
    direct = borrower.counters().direct  # on a busy machine one whose password came too late for the keeper
    assert len(served) == 6
    assert direct <= 1 and mail_account.logins() <= 3 + direct


def test_a_borrower_that_waits_for_a_place_hears_so_and_does_not_log_in_by_itself(
    make_keeper: Callable[..., KeeperProcess], mail_account: MailAccount
) -> None:
    keeper = make_keeper(account_per_node=1, queue_seconds=20)
    directly = []
    while 0 not in directly and len(directly) < 3:  # on a busy machine a keeper may be silent for so long, now and then
        borrower, login = keeper.borrower(silence=1.5, first_byte=20), login_of(mail_account)
        with borrower.lease(login):
            thread = threading.Thread(target=borrow_once, args=(borrower, login))
            thread.start()
            time.sleep(1.7)
        thread.join()
        directly.append(borrower.counters().direct)
    assert directly[-1] == 0
    assert mail_account.logins() == 1 + sum(directly)


def borrow_once(borrower: Borrower, login: Login) -> None:
    with borrower.lease(login):
        pass


def crowd(borrower: Borrower, login: Login, count: int, seconds: float) -> list[type[MailError] | None]:
    """So many borrowers at once, each for so many seconds: what each was told, None where it got a connection."""
    told: list[type[MailError] | None] = []

    def borrow() -> None:
        started = time.monotonic()
        try:
            with borrower.lease(login):
                time.sleep(seconds)
            told.append(None)
        except MailError as error:
            assert time.monotonic() - started > 1.5
            told.append(type(error))

    threads = [threading.Thread(target=borrow) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


def test_an_unused_connection_makes_room_for_another_account_of_the_same_server(
    make_keeper: Callable[..., KeeperProcess], make_account: Callable[[], MailAccount]
) -> None:
    keeper = make_keeper(server_total=2)
    borrower = keeper.borrower()
    for account in (make_account(), make_account(), make_account()):
        with borrower.lease(login_of(account)):
            pass
    until(lambda: keeper.count("idle") == 2)


def test_a_connection_older_than_its_time_signs_in_anew(
    make_keeper: Callable[..., KeeperProcess], mail_account: MailAccount
) -> None:
    keeper = make_keeper(relogin_after=1)
    borrower = keeper.borrower()
    with borrower.lease(login_of(mail_account)):
        pass
    time.sleep(1.2)
    with borrower.lease(login_of(mail_account)):
        pass
    assert (borrower.counters().fresh, borrower.counters().kept) == (2, 0) and mail_account.logins() >= 2


def test_a_kept_connection_that_died_is_replaced_once_without_a_word(
    keeper: KeeperProcess, mail_account: MailAccount
) -> None:
    borrower = keeper.borrower()
    with Proxy(mail_account.server.imap_port) as proxy:
        login = login_of(mail_account, port=proxy.port)
        with borrower.lease(login) as client:
            client.select("INBOX")
        proxy.fault("reset", once=True)  # at the next byte of the server's
        with borrower.lease(login) as client:
            assert client.select("INBOX").exists == 0
    assert borrower.counters().repeated == 1


def test_without_a_keeper_the_worker_signs_in_by_itself(mail_account: MailAccount) -> None:
    borrower = Borrower("/nonexistent/socket", SECRET, Limits(), Deadlines())
    with borrower.lease(login_of(mail_account)) as client:
        client.select("INBOX")
    borrower.sign_in(login_of(mail_account))
    with pytest.raises(SignInRefused):
        borrower.sign_in(login_of(mail_account, password="wrong"))
    assert borrower.counters().direct == 3


def test_a_stopped_keeper_costs_a_quarter_of_a_second_and_no_request(
    keeper: KeeperProcess, mail_account: MailAccount
) -> None:
    borrower, login = keeper.borrower(silence=SILENCE), login_of(mail_account)
    took = []
    keeper.signal(signal.SIGSTOP)
    try:
        for _ in range(3):
            started = time.monotonic()
            with borrower.lease(login) as client:
                client.select("INBOX")
            took.append(time.monotonic() - started)
    finally:
        keeper.signal(signal.SIGCONT)
    assert min(took) < 1  # and a login; on a busy machine the others may take longer
    assert borrower.counters().direct == 3


def test_a_keeper_killed_inside_a_lease_breaks_nothing(keeper: KeeperProcess, mail_account: MailAccount) -> None:
    borrower, login = keeper.borrower(), login_of(mail_account)
    with borrower.lease(login) as client:
        client.select("INBOX")
        keeper.kill()
        client.noop()
    with borrower.lease(login) as client:
        client.select("INBOX")
    assert borrower.counters().direct == 1


def test_a_forked_worker_begins_anew_whatever_its_parent_was_in_the_middle_of(mail_account: MailAccount) -> None:
    borrower, login = Borrower(None, SECRET, Limits(), Deadlines()), login_of(mail_account)
    with borrower.lease(login):
        pass
    with borrower._lock:  # as another thread holds it while a worker is forked
        pid = os.fork()
        if pid == 0:
            signal.alarm(10)
            with contextlib.suppress(BaseException), borrower.lease(login):
                os._exit(borrower.counters().direct)
            os._exit(99)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1


def test_direct_logins_are_two_at_a_time(mail_account: MailAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    borrower, login = Borrower(None, SECRET, Limits(), Deadlines(first_byte=20)), login_of(mail_account)
    with borrower.lease(login), borrower.lease(login), pytest.raises(ServerAway), borrower.lease(login):
        raise AssertionError("a third")
    with borrower.lease(login):
        pass
    monkeypatch.setattr("app.keeper.direct.HANGING", 10.0)  # half a second may be longer on a busy machine
    assert set(crowd(borrower, login, 16, 0.5)) == {None, TooManyConnections}


def test_a_dead_server_costs_a_connect_only_until_the_breaker_opens(
    keeper: KeeperProcess, mail_account: MailAccount
) -> None:
    borrower = keeper.borrower()
    with Proxy(mail_account.server.imap_port) as proxy:
        proxy.refusing = True
        login = login_of(mail_account, port=proxy.port)
        for _ in range(5):
            with pytest.raises(ServerAway), borrower.lease(login):
                raise AssertionError("lent")
        connections = proxy.counts.connections
        with pytest.raises(ServerAway) as error, borrower.lease(login):
            raise AssertionError("lent")
        assert error.value.retry_after >= 1
        assert proxy.counts.connections == connections
    states = [place["breaker"] for place in keeper.status()["servers"].values()]
    assert states == ["open"]


@contextlib.contextmanager
def descriptors_left(count: int) -> Iterator[None]:
    """This process can open so many files more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    filled = [os.open("/dev/null", os.O_RDONLY)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(int(name) for name in os.listdir("/proc/self/fd")) + 20, hard))
    try:
        with contextlib.suppress(OSError):
            while True:
                filled.append(os.open("/dev/null", os.O_RDONLY))
        for _ in range(count):
            os.close(filled.pop())
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for number in filled:
            os.close(number)


@pytest.mark.parametrize(("left", "direct"), [(1, 1), (2, 0)])  # for the control connection; for what it brings too
def test_a_worker_out_of_descriptors_logs_in_with_its_last_one(
    keeper: KeeperProcess, mail_account: MailAccount, left: int, direct: int
) -> None:
    borrower, login = keeper.borrower(), login_of(mail_account)
    with borrower.lease(login):
        pass
    with descriptors_left(left), borrower.lease(login):
        pass
    assert borrower.counters().direct == direct
    until(lambda: keeper.count("lent") == 0)
    with borrower.lease(login) as client:
        client.select("INBOX")


def test_an_exhausted_keeper_neither_spins_nor_dies(
    make_keeper: Callable[..., KeeperProcess], mail_account: MailAccount
) -> None:
    keeper = make_keeper()
    borrower, login = keeper.borrower(silence=SILENCE), login_of(mail_account)
    with borrower.lease(login):
        pass
    _, hard = resource.prlimit(keeper.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(keeper.pid, resource.RLIMIT_NOFILE, (keeper.descriptors() + 2, hard))
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(contextlib.closing(Control(str(keeper.path), timeout=1)))
        with borrower.lease(login) as client:  # nobody answers: a direct login
            client.noop()
    resource.prlimit(keeper.pid, resource.RLIMIT_NOFILE, (hard, hard))
    until(lambda: keeper.status())
    patient = keeper.borrower()
    with patient.lease(login):
        pass
    assert patient.counters().direct == 0


def test_another_protocol_is_answered_by_a_direct_login(
    keeper: KeeperProcess, mail_account: MailAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.keeper.protocol.VERSION", 99)
    borrower = keeper.borrower()
    with borrower.lease(login_of(mail_account)) as client:
        client.noop()
    assert borrower.counters().direct == 1


@pytest.mark.parametrize(
    "line", [b"\n", b"[]\n", b'{"v": 1}\n', b'{"v": 1, "op": "lease"}\n', b"\xff\xfe\n", b"x" * 300_000]
)
def test_nonsense_on_the_socket_harms_nobody(keeper: KeeperProcess, mail_account: MailAccount, line: bytes) -> None:
    with contextlib.closing(Control(str(keeper.path), timeout=1)) as control:
        with contextlib.suppress(OSError):
            control.sock.sendall(line)
        with pytest.raises(OSError):
            control.receive(3)
    with keeper.borrower().lease(login_of(mail_account)):
        pass
    assert "failed" not in keeper.log()
