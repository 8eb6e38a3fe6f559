"""What the keeper asks of Linux for itself."""

from __future__ import annotations

import asyncio
import re
import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from app.keeper.process import cancel, raise_descriptors
from app.mail.direct import close_direct, open_direct
from app.mail.login import Credentials
from tests.conftest import MailAccount
from tests.keeper.places import ROOT, KeeperProcess, place


def test_its_memory_is_not_to_be_read_by_others_of_its_user() -> None:
    script = (
        "import ctypes; from app.keeper.process import hide_memory; hide_memory(); print(ctypes.CDLL(None).prctl(3))"
    )
    found = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout == "0\n"


def test_it_does_not_outlive_a_parent_that_is_gone_already() -> None:
    script = "from app.keeper.process import end_with_parent; end_with_parent(999999); input()"
    found = subprocess.run([sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.DEVNULL, timeout=20, check=False)
    assert found.returncode == -15


def test_a_task_that_swallows_its_cancellation_ends_all_the_same() -> None:
    async def stubborn() -> None:
        for _ in range(2):
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                continue

    async def run() -> None:
        task = asyncio.create_task(stubborn())
        await asyncio.sleep(0)
        await asyncio.wait_for(cancel([task]), 5)
        assert task.done()

    asyncio.run(run())


def test_it_may_open_as_many_files_as_the_hard_limit_says() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, hard - 1), hard))
        assert raise_descriptors() == hard
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.servers
def test_the_keeper_may_open_as_many_files_as_is_allowed(keeper: KeeperProcess) -> None:
    limits = Path(f"/proc/{keeper.pid}/limits").read_text()
    found = re.search(r"Max open files\s+(\d+)\s+(\d+)", limits)
    assert found is not None and found[1] == found[2]


@pytest.mark.servers
def test_a_peer_that_is_gone_is_noticed(mail_account: MailAccount) -> None:
    client = open_direct(place(mail_account.server.imap_port), Credentials(mail_account.login, mail_account.password))
    sock = client.io.sock
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000
    close_direct(client)
