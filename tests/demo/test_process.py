"""Whatever happens to the process that started servers, nothing is left behind."""

from __future__ import annotations

import os
import signal
import smtplib
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from imapclient import IMAPClient

from app.demo.certificate import Authority
from app.demo.mail import RESIDENTS, MailServers, Resident, mail_folder
from app.demo.process import StartError, end, spawn, wait_until
from app.demo.pymap import Pymap
from app.sieve.managesieve import Login, opened
from app.sieve.script import Script
from app.sieve.vacation import Vacation

pytestmark = pytest.mark.servers
ROOT = Path(__file__).resolve().parents[2]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


def gone(pid: int, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not alive(pid)


def test_a_killed_parent_takes_its_servers_with_it(server_folder: Path):
    code = (
        "import sys, time; from pathlib import Path; from app.demo.dovecot import Dovecot; "
        "from app.demo.redis import RedisServer; folder = Path(sys.argv[1]); "
        "one = Dovecot(folder / 'd', {'a': 'b'}).start(); two = RedisServer(folder / 'r').start(); "
        "print(one.process.pid, two.process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(server_folder)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert parent.stdout
    pids = [int(word) for word in parent.stdout.readline().split()]
    assert len(pids) == 2 and all(map(alive, pids))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert all(map(gone, pids))


def test_a_server_that_does_not_start_says_why(tmp_path: Path):
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = spawn(["sh", "-c", "echo no such thing; exit 3"], output=output)
    with pytest.raises(StartError, match="no such thing"):
        wait_until(lambda: False, process, "Nothing", log)


def test_a_server_that_ignores_term_is_killed():
    process = spawn(["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"], output=subprocess.PIPE)
    assert process.stdout and process.stdout.readline() == b"ready\n"
    end(process, seconds=0.3)
    process.stdout.close()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_a_second_start_of_the_demo_keeps_ports_and_mail(server_folder: Path):
    def ports(servers: MailServers) -> tuple[int, ...]:
        return *(server.imap_port for server in servers.servers), servers.submission_port

    first = MailServers(server_folder)
    first.start()
    count = first.fill()
    before = ports(first)
    first.stop()
    second = MailServers(server_folder)
    second.start()
    try:
        assert count > 400
        assert second.fill() == 0
        assert ports(second) == before
    finally:
        second.stop()


def test_messages_of_a_first_start_that_was_ended_midway_are_not_there_twice(server_folder: Path):
    first = MailServers(server_folder)
    first.start()
    first._deliver(RESIDENTS[1].person.address, b"Subject: one of hundreds\r\n\r\n.\r\n")
    first.stop()
    second = MailServers(server_folder)
    second.start()
    try:
        with IMAPClient("127.0.0.1", second.servers[1].imap_port, ssl=False) as client:
            client.login(RESIDENTS[1].login, RESIDENTS[1].password)
            assert client.select_folder("INBOX")[b"EXISTS"] == 0
    finally:
        second.stop()


def test_where_dovecot_cannot_be_had_both_servers_start_and_listen_on_loopback_only(server_folder: Path):
    servers = [Pymap(server_folder / name, {name: "secret"}) for name in ("one", "two")]
    try:
        for server in servers:
            server.start()
        told = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
        for server in servers:
            assert server.process
            of_it = [line.split()[3] for line in told.splitlines() if f"pid={server.process.pid}," in line]
            assert of_it == [f"127.0.0.1:{server.imap_port}"]
    finally:
        for server in servers:
            server.stop()


def away(port: int, resident: Resident) -> None:
    """Their script answers from now on."""
    script = Script.read(b"").put(None, Vacation("Away", subject="Bob is away", addresses=(resident.person.address,)))
    sock = socket.create_connection(("127.0.0.1", port), 2)
    with closing(opened(sock, Login(resident.login, resident.password))) as client:
        client.store("webmail", bytes(script))
        client.activate("webmail")


@pytest.mark.slow
def test_what_an_account_sends_arrives_at_the_other_and_nowhere_else(server_folder: Path):
    servers = MailServers(server_folder)
    servers.start()
    try:
        alice, bob = RESIDENTS
        away(servers.servers[1].ports["sieve"], bob)
        with smtplib.SMTP("127.0.0.1", servers.submission_port) as client:
            with pytest.raises(smtplib.SMTPException):
                client.sendmail(alice.person.address, [bob.person.address], b"Subject: unsigned\r\n\r\n.\r\n")
            client.login(alice.login, alice.password)
            mail = f"To: {bob.person.address}\r\nSubject: hello bob\r\n\r\n.\r\n".encode()
            client.sendmail(alice.person.address, [bob.person.address], mail)
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                client.sendmail(alice.person.address, ["someone@example.com"], b"Subject: x\r\n\r\n.\r\n")
        with IMAPClient("127.0.0.1", servers.servers[1].imap_port, ssl=False) as client:
            client.login(bob.login, bob.password)
            client.select_folder("INBOX")
            assert len(client.search(["SUBJECT", "hello bob"])) == 1
        with IMAPClient("127.0.0.1", servers.servers[0].imap_port, ssl=False) as client:
            client.login(alice.login, alice.password)
            client.select_folder("INBOX")
            assert len(client.search(["SUBJECT", "Bob is away"])) == 1
    finally:
        servers.stop()


def test_a_folder_closed_to_others_is_replaced_for_root(server_folder: Path):
    closed = server_folder / "closed"
    closed.mkdir(mode=0o700)
    chosen = mail_folder(closed / "mail")
    try:
        assert (chosen == closed / "mail") == (os.getuid() != 0)
    finally:
        if chosen != closed / "mail":
            chosen.rmdir()


def test_certificates_name_what_they_were_issued_for(tmp_path: Path):
    certificate = Authority(tmp_path).issue("mail.example.org", "127.0.0.1")
    assert certificate.ca.startswith("-----BEGIN CERTIFICATE-----")
    assert len(certificate.pin) == 64
    assert certificate.key.stat().st_mode & 0o077 == 0
