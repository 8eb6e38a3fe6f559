"""The keeper's socket: whose it is, who may speak there, and what becomes of it when others come and go."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.keeper.__main__ import DRAIN_SECONDS
from app.keeper.lease import Borrower
from app.keeper.supervisor import TERM_SECONDS
from tests.conftest import MailAccount
from tests.keeper.places import ROOT, SECRET, Deadlines, KeeperProcess, Limits, folder, login_of, until

pytestmark = pytest.mark.servers

NOBODY = 65534
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


@contextmanager
def as_nobody(work: Callable[[], object]) -> Iterator[Callable[[], str]]:
    """Does the work as another user, in a process of its own; the value is a function that waits for what it says."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        try:
            said = str(work())
        except BaseException as error:
            said = type(error).__name__
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as pipe:
            yield lambda: pipe.read().decode()
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@only_root
def test_another_user_who_reaches_the_socket_is_not_answered(keeper: KeeperProcess) -> None:
    def ask() -> bytes:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(keeper.path))
            sock.sendall(b'{"v": 1, "op": "status"}\n')
            return sock.recv(100)

    for each in (keeper.path.parent.parent, keeper.path.parent):
        each.chmod(0o711)
    assert keeper.path.stat().st_mode & 0o777 == 0o600
    keeper.path.chmod(0o666)
    with as_nobody(ask) as said:
        assert said() in ("b''", "BrokenPipeError", "ConnectionResetError")
    assert keeper.status() is not None


@only_root
def test_a_socket_of_another_user_is_told_nothing(mail_account: MailAccount) -> None:
    path = folder() / "socket"
    path.parent.chmod(0o777)

    def listen() -> bytes:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"{path}.new")
        listener.listen()
        os.rename(f"{path}.new", path)  # from now on somebody listens there
        listener.settimeout(10)
        return listener.accept()[0].recv(100)

    with as_nobody(listen) as said:
        until(path.exists)
        borrower = Borrower(str(path), SECRET, Limits(), Deadlines())
        with borrower.lease(login_of(mail_account)) as client:
            client.noop()
        assert said() == "b''"
    assert borrower.counters().direct == 1
    shutil.rmtree(path.parent)


def test_a_link_in_the_place_of_the_socket_is_replaced_and_not_followed(
    make_keeper: Callable[..., KeeperProcess], tmp_path: Path
) -> None:
    where = folder()
    path = where / "keeper" / "socket"
    path.parent.mkdir(mode=0o700)
    precious = tmp_path / "precious"
    precious.write_text("kept")
    path.symlink_to(precious)
    keeper = make_keeper(folder=where)
    assert path.is_socket() and not path.is_symlink()
    keeper.stop()
    assert precious.read_text() == "kept" and not os.path.lexists(path)


def test_a_keeper_takes_its_name_again_when_another_that_had_it_ends(
    make_keeper: Callable[..., KeeperProcess], mail_account: MailAccount
) -> None:
    where = folder()
    first, second = make_keeper(folder=where), make_keeper(folder=where)
    assert first.status()["pid"] == second.pid
    second.stop()
    until(lambda: (first.status() or {}).get("pid") == first.pid)
    with first.borrower().lease(login_of(mail_account)):
        pass
    assert first.count("idle") == 1
    os.unlink(first.path)  # as cleaners of temporary files do
    until(first.status)


def test_a_keeper_that_is_told_to_end_lets_leases_end_and_keeps_nothing(
    keeper: KeeperProcess, make_account: Callable[[], MailAccount]
) -> None:
    kept, used = make_account(), make_account()
    with keeper.borrower().lease(login_of(kept)):
        pass
    with keeper.borrower().lease(login_of(used)) as client:
        keeper.signal(signal.SIGTERM)
        until(lambda: not keeper.path.exists(), DRAIN_SECONDS / 2)
        until(lambda: _connections(keeper) == 1, DRAIN_SECONDS / 2)  # what nobody uses ends at once
        client.noop()
    assert keeper.process is not None
    keeper.process.wait(DRAIN_SECONDS / 2)  # and the keeper with its last lease


def _connections(keeper: KeeperProcess) -> int:
    """Mail connections that the process has open, by its sockets of TCP."""
    names = [os.readlink(each) for each in Path(f"/proc/{keeper.pid}/fd").iterdir()]
    inodes = {name[8:-1] for name in names if name.startswith("socket:[")}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    redis = int(keeper.options["redis_url"].rpartition(":")[2].partition("/")[0])
    return sum(row[9] in inodes and int(row[2].partition(":")[2], 16) != redis for row in rows)


def test_it_waits_as_long_for_leases_as_gunicorn_does_for_workers() -> None:
    text = (ROOT / "config" / "gunicorn.conf.py").read_text()
    found = re.search(r"^graceful_timeout = (\d+)$", text, re.MULTILINE)
    assert found and int(found[1]) <= DRAIN_SECONDS < TERM_SECONDS
