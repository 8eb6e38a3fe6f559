"""Two people at once, with everything going wrong that can: nobody ever reads the other's mail, nothing leaks."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import pytest

from app.demo.certificate import Certificate
from app.keeper.lease import Borrower, Login
from app.mail.connection import Connection
from app.mail.errors import MailError
from tests.conftest import MailAccount
from tests.keeper.places import KeeperProcess, login_of, place, until
from tests.proxy import Proxy

pytestmark = pytest.mark.servers

THREADS = 6
SECONDS = 6.0


class Abort(Exception):
    """What a request may die of in the middle."""


def look(client: Connection, own: bytes, foreign: bytes, chance: random.Random) -> None:
    """Read a mailbox as a page would, and die somewhere in it now and then."""
    client.select("INBOX")
    if chance.random() < 0.1:
        client.io.start((b"UID FETCH", b"1:*", b"(BODY.PEEK[])"))
        if chance.random() < 0.5:
            client.io.response()
        raise Abort
    answer = client.ask(b"UID FETCH", b"1:*", b"(UID FLAGS BODY.PEEK[])")
    seen = b"".join(part for response in answer.untagged for part in response)
    assert foreign not in seen, "another's mail"
    assert seen.count(own) >= 3
    if chance.random() < 0.05:
        raise Abort


def live(borrower: Borrower, login: Login, own: bytes, foreign: bytes, seed: int, faults: list[str]) -> None:
    chance = random.Random(seed)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            with borrower.lease(login) as client:
                look(client, own, foreign, chance)
        except (Abort, MailError):
            pass
        except Exception as error:
            faults.append(f"{type(error).__name__}: {error}")
            return


@pytest.mark.parametrize("security", ["plain", "tls"])
def test_nobody_reads_anothers_mail_whatever_is_aborted(
    make_keeper: Callable[..., KeeperProcess],
    make_account: Callable[[], MailAccount],
    certificate: Certificate,
    security: str,
) -> None:
    keeper = make_keeper(park_after=0.05, relogin_after=3)
    borrower = keeper.borrower(first_byte=1.0)
    faults: list[str] = []
    accounts = [make_account(), make_account()]
    canaries = [b"canary-of-one" * 50, b"canary-of-two" * 50]
    for account, canary in zip(accounts, canaries, strict=True):
        account.deliver(*[b"Subject: x\r\n\r\n" + canary + b"\r\n"] * 3)
    server = accounts[0].server
    target = server.imaps_port if security == "tls" else server.imap_port
    with Proxy(target) as proxy:
        where = place(proxy.port, security, host="localhost", ca=certificate.ca)  # type: ignore[arg-type]
        threads = [
            threading.Thread(
                target=live,
                args=(
                    borrower,
                    login_of(accounts[number % 2], endpoint=where),
                    canaries[number % 2],
                    canaries[1 - number % 2],
                    number,
                    faults,
                ),
            )
            for number in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        harm(proxy)
        for thread in threads:
            thread.join()
        assert faults == []
        counters = borrower.counters()
        assert counters.kept > 50, counters
        assert counters.dropped > 5, counters
        until(lambda: keeper.count("lent", "waking") == 0)
    until(lambda: keeper.count("idle", "parked", "parking") == 0)
    until(lambda: keeper.status()["accounts"] == 0)
    assert "failed" not in keeper.log(), keeper.log()


def harm(proxy: Proxy) -> None:
    """Cut, reset and stall single connections, at odd places of what the server says."""
    chance = random.Random(7)
    end = time.monotonic() + SECONDS - 1
    while time.monotonic() < end:
        time.sleep(0.25)
        proxy.fault(chance.choice(["cut", "reset", "stall"]), after=chance.randrange(0, 3000), once=True)  # type: ignore[arg-type]
        time.sleep(0.1)
        proxy.clear()


@pytest.mark.slow
def test_a_keeper_killed_again_and_again_fails_no_read_that_is_repeated_once(
    make_keeper: Callable[..., KeeperProcess], make_account: Callable[[], MailAccount]
) -> None:
    keeper = make_keeper()
    accounts = [make_account(), make_account()]
    borrower = keeper.borrower()
    failures: list[str] = []
    done = threading.Event()

    def read(account: MailAccount) -> None:
        while not done.is_set():
            try:
                with borrower.lease(login_of(account)) as client:
                    client.select("INBOX")
                    client.noop()
            except MailError as error:
                failures.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=read, args=(account,)) for account in accounts]
    for thread in threads:
        thread.start()
    for _ in range(3):
        time.sleep(0.7)
        keeper.kill()
        time.sleep(0.2)
        keeper.start()
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert borrower.counters().direct > 0
