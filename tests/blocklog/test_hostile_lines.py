"""No line of a log stops the follower: whatever numbers and bytes are in it, what comes behind it is written."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select, update

from app.blocklog import follow as following
from app.blocklog.classify import classify
from app.blocklog.entry import ENOUGH
from app.blocklog.follow import Follower
from app.blocklog.join import Join
from app.blocklog.recipients import Recipients
from app.blocklog.source import Source
from app.blocklog.tables import BlockRow, HostRow, RecentRow
from app.directory.owners import owners, owners_of_logins
from app.directory.resolve import Directory
from app.directory.tables import AccountRow, DomainRow, SiteRow

TIME = b"2026-11-20T10:00:%02dZ mx1 "
HUGE = b"9" * 25
LAST = b"postfix/smtpd[7]: NOQUEUE: reject: RCPT from unknown[192.0.2.4]: 550 5.7.1 no; from=<last@b.example> to=<alice@isp.example> proto=ESMTP helo=<x>"  # noqa: E501
LINES = (
    b"postfix/smtpd[7]: NOQUEUE: reject: RCPT from x\0[192.0.2.5]: 550 5.7.1 \0; from=<a\0@b.example> to=<al\0ice@isp.example> proto=ESMTP helo=<\0>",  # noqa: E501
    b"postfix/smtpd[7]: NOQUEUE: reject: RCPT from x[192.0.2.5]: 550 5.7.1 \xff; from=<\xff@\xc3\xa9.example> to=<\xed\xa0\x80@isp.example> proto=ESMTP helo=<x>",  # noqa: E501
    b"postfix/smtpd[7]: AAAAAAAAAAA: client=x[192.0.2.5], sasl_method=PLAIN, sasl_username=al\0ice\xff",
    b"postfix/qmgr[7]: AAAAAAAAAAA: from=<a@b.example>, size=" + HUGE + b", nrcpt=" + HUGE + b" (queue active)",
    b"postfix/cleanup[7]: AAAAAAAAAAA: message-id=<" + b"m" * 3000 + b"@x>",
    b"postfix/local[7]: AAAAAAAAAAA: to=<alice@isp.example>, relay=local, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (\0)",  # noqa: E501
    b"rspamd[7]: <a1>; task; rspamd_task_write_log: id: <x>, qid: <BBBBBBBBBBB>, ip: fe80::1%" + b"a" * 37 + b", from: <a@x.example>, (default: T (reject): [" + HUGE + b".5/15.0] [X(1.0){};]), len: 9, time: 1ms, dns req: 5, digest: <0123456789abcdef>, rcpts: <alice@isp.example>, mime_rcpts: <>",  # noqa: E501
    b"dovecot: imap-login: Login: user=<al\0ice'\xff>, method=PLAIN, rip=192.0.2.5, lip=192.0.2.1, mpid=1, session=<x>",
    b"postgrey[1]: action=pass, reason=triplet found, client_name=x, client_address=192.0.2.5, sender=a\0@b.example, recipient=alice\0@isp.example",  # noqa: E501
    b"amavis[1]: (1-2) Blocked SPAM {Quarantined}, [127.0.0.1]:4000 [192.0.2.5] <a@b.example> -> <alice@isp.example>, quarantine: " + b"Q" * 500 + b", Queue-ID: CCCCCCCCCCC, Message-ID: <x>, mail_id: Q1, Hits: " + HUGE + b", size: " + HUGE + b", 2 ms",  # noqa: E501
    b"\0" * 5000,
    b"\xff" * 70_000,
    b"\xff\0odd/\x1b[31m[7]: \x1b]0;x\x07",
)  # fmt: skip


@pytest.fixture
def directory(engine: Engine) -> Directory:
    with engine.begin() as rows:
        rows.execute(insert(SiteRow).values(site_id=7, name="isp", primary_domain="isp.example"))
        rows.execute(insert(DomainRow).values(domain_id=1, name="isp.example", site_id=7))
        account = {"account_id": 1, "site_id": 7, "username": "alice", "kind": "forward", "forward_to": "a@b.example"}
        rows.execute(insert(AccountRow).values(account))
    return Directory(engine)


def follow(engine: Engine, directory: Directory, log: Path) -> None:
    """To the end of a log, unless that cannot be."""
    recipients = Recipients(partial(owners, directory), partial(owners_of_logins, directory))
    reader = Follower(
        engine, recipients, [Source("mx1", str(log), "syslog", "UTC")], partial(Join, classify), once=True
    )
    stuck = threading.Timer(10, reader.ending.set)
    stuck.start()
    reader.run()
    assert not reader.ending.is_set(), "it would wait for ever"
    stuck.cancel()


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "AWAY", (20.0,))


def test_what_comes_behind_any_line_is_written(engine: Engine, directory: Directory, tmp_path: Path) -> None:
    log = tmp_path / "mail.log"
    lines = [TIME % number + line for number, line in enumerate(LINES)]
    log.write_bytes(b"\n".join([*lines, b"\0" * 300, TIME % 59 + LAST, b""]))
    follow(engine, directory, log)
    with engine.connect() as rows:
        stopped = rows.execute(
            select(BlockRow.rcpt, BlockRow.client_ip, BlockRow.account_id, BlockRow.sender_local)
        ).all()
        size = rows.scalar(select(RecentRow.size).where(RecentRow.account_id == "1"))
    assert ("alice@isp.example", "192.0.2.4", "1", "last") in stopped
    assert not any("\0" in row.rcpt or "%" in row.client_ip for row in stopped)
    assert size == 2**63 - 1
    assert {row.rcpt for row in stopped if row.account_id} == {"alice@isp.example"}


def test_a_server_that_came_too_often_to_be_counted_stops_nothing(
    engine: Engine, directory: Directory, tmp_path: Path
) -> None:
    line = b"postfix/smtpd[7]: disconnect from x[192.0.2.9] ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4\n"
    log = tmp_path / "mail.log"
    log.write_bytes(TIME % 1 + line)
    follow(engine, directory, log)
    with engine.begin() as rows:
        rows.execute(update(HostRow).values(cnxn_count=2**31 - 1))
    log.write_bytes(TIME % 1 + line + TIME % 2 + line + TIME % 3 + LAST + b"\n")
    follow(engine, directory, log)
    with engine.connect() as rows:
        assert rows.scalar(select(HostRow.cnxn_count)) == 2**31 - 1 > ENOUGH
        assert rows.scalar(select(BlockRow.sender_local)) == "last"
