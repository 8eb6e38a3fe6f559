"""How many lines and rows a second the follower takes in, on one core, and how much memory it needs for it."""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

PEOPLE = 5000


def lines(count: int, refused: float, seed: int = 1) -> Iterator[str]:
    """A mail log as an edge server writes it: a share of its mails refused at RCPT, the others accepted and delivered,
    and connections without any mail between."""
    chance = random.Random(seed)
    done = number = 0
    while done < count:
        number += 1
        clock = f"{number // 2500 % 24:02}:{number // 41 % 60:02}:{number % 60:02}"
        stamp = f"Nov {20 + number // 60_000 % 7:2} {clock} mx1 "
        ip = f"198.51.{chance.randrange(100)}.{chance.randrange(256)}"
        host, who = f"host{number % 997}.example", f"user{chance.randrange(PEOPLE)}@site{chance.randrange(40)}.example"
        tail = f"from=<s{number % 3001}@{host}> to=<{who}> proto=ESMTP helo=<{host}>"
        smtpd = f"{stamp}postfix/smtpd[{number % 90 + 1000}]: "
        made = [f"{smtpd}connect from {host}[{ip}]"]
        if chance.random() < refused:
            reply = f"554 5.7.1 Service unavailable; Client host [{ip}] blocked using zen.spamhaus.org"
            made.append(f"{smtpd}NOQUEUE: reject: RCPT from {host}[{ip}]: {reply}; {tail}")
        else:
            made += _accepted(stamp, smtpd, f"{number:010X}", f"{host}[{ip}]", tail, who)
        made.append(f"{smtpd}disconnect from {host}[{ip}] ehlo=1 mail=1 rcpt=1 quit=1 commands=4")
        done += len(made)
        yield from made


def _accepted(stamp: str, smtpd: str, queue_id: str, client: str, tail: str, who: str) -> list[str]:
    agent = f"{stamp}postfix/lmtp[811]: {queue_id}: to=<{who}>, relay=127.0.0.1[127.0.0.1]:24, delay=0.2"
    return [
        f"{smtpd}{queue_id}: client={client}",
        f"{smtpd}{queue_id}: info: RCPT from {client}: rcpt accepted; {tail}",
        f"{stamp}postfix/cleanup[801]: {queue_id}: message-id=<{queue_id}@sender.example>",
        f"{stamp}postfix/qmgr[777]: {queue_id}: from=<s@sender.example>, size=4321, nrcpt=1 (queue active)",
        f"{agent}, delays=0/0/0/0.2, dsn=2.0.0, status=sent (250 2.0.0 <{who}> {queue_id} Saved)",
        f"{stamp}postfix/qmgr[777]: {queue_id}: removed",
    ]


def measure(count: int, refused: float) -> list[float]:
    """Lines and rows a second of processor time, lines a second by the clock, rows, and megabytes at most; in a process
    of its own."""
    command = [sys.executable, "-m", "tests.bench.follower", str(count), str(refused)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return [float(each) for each in told]


def table(quick: bool) -> str:
    """The figures of three mixes, as a table."""
    from tests.bench.table import markdown

    rows = []
    for name, refused in (("accepted mail only", 0.0), ("17 % refused", 0.17), ("refused only", 1.0)):
        rows.append([name, "", *(f"{each:,.0f}" for each in measure(30_000 if quick else 300_000, refused))])
    head = ["follower, SQLite, one core", "", "lines/s", "rows/s", "lines/s by the clock", "rows", "MB at most"]
    return markdown(head, rows)


def _run(count: int, refused: float) -> None:
    import time

    from app.blocklog.follow import collect_seldom
    from app.blocklog.source import Source
    from app.directory.engine import open_engine
    from app.migrations.change import upgrade
    from tests.blocklog.followed import follower

    with tempfile.TemporaryDirectory(prefix="postern-bench-") as folder:
        log = Path(folder) / "mail.log"
        log.write_text("".join(f"{line}\n" for line in lines(count, refused)))
        engine = open_engine(f"sqlite:///{folder}/log.db", timeout=None)
        upgrade(engine)
        reader = follower(engine, [Source("mx1", str(log))])
        reader.recipients.look_up = lambda some: {each: ((each, each.partition("@")[2]),) for each in some}
        collect_seldom()  # as the process does
        began, since = time.process_time(), time.monotonic()  # of one core, whoever else is at work; by the clock
        reader.run()
        spent, passed = time.process_time() - began, time.monotonic() - since
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(count / spent, reader.rows / spent, count / passed, reader.rows, memory)
        engine.dispose()


if __name__ == "__main__":
    _run(int(sys.argv[1]), float(sys.argv[2]))
