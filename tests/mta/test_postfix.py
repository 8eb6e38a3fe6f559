"""Real Postfix refuses in every way that its log knows, and what is read of the log is what the client was told."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.blocklog.codes import Outcome, Policy, Resolved, Stage
from app.blocklog.tables import BlockRow, OddRow, RecentRow
from app.demo import directory
from app.demo import node as nodes
from app.demo.dovecot import Dovecot
from app.directory.engine import open_engine
from tests.conftest import make_server_folder
from tests.mta import mx
from tests.mta.client import Attempt, message
from tests.mta.dns import Nameserver, listed, reverse
from tests.mta.mx import Mx
from tests.mta.namespace import Namespace
from tests.mta.peers import ContentFilter, Milter, PolicyService

pytestmark = pytest.mark.servers
ALICE, BOB, CAROL, DAVE, FULL = (f"{name}@isp.example" for name in mx.PEOPLE)
NOBODY = "nosuch@isp.example"
THREE = (ALICE, BOB, CAROL)
FAKE = "; from=<x@y.example> to=<dave@isp.example> proto=ESMTP helo=<h>"
EXE = (
    "MIME-Version: 1.0",
    "Content-Type: application/octet-stream; name=run.exe",
    "Content-Disposition: attachment; filename=run.exe",
)
LISTED, LISTED_TOO, KEYED, NAMELESS = (f"203.0.113.{number}" for number in (10, 12, 11, 20))
DENIED, DENIED_TOO, DROPPED, HELD, DENYLISTED = (f"203.0.113.{number}" for number in (64, 65, 67, 68, 69))


@dataclass
class Case:
    """What a client tries, and what must be read of it. `policy` None: nothing was stopped."""

    attempt: Attempt
    policy: Policy | None = None
    outcome: Outcome = Outcome.refused
    stage: Stage = Stage.rcpt
    port: int = mx.MAIN
    detail: str | None = None
    stopped: tuple[str, ...] = ()  # whose mail it was where the client was told that all is well
    codes: tuple[int | None, str | None] = (None, None)  # of these
    seen: bool = False  # the code that a milter gave stands in the log


def mail(sender: str, *recipients: str, subject: str = "hello", fields: tuple[str, ...] = (), **more: str) -> Attempt:
    body = str(more.pop("body", "Text."))
    return Attempt(sender, recipients, message(subject, body, *fields), **more)


def eom(attempt: Attempt, policy: Policy, **more: object) -> Case:
    return Case(attempt, policy, stage=Stage.end_of_message, **more)


def cases() -> dict[str, Case]:
    s = "@sender.example"
    later = Outcome.delayed
    return {
        "plain": Case(mail(f"plain{s}", ALICE, "team@isp.example")),
        "watched": Case(mail(f"warned{s}", ALICE)),
        "unknown": Case(mail(f"unknown{s}", NOBODY), Policy.rcpt),
        "some of several": Case(mail(f"some{s}", ALICE, NOBODY, "no2@isp.example", BOB), Policy.rcpt),
        "a bounce to nobody": Case(mail("", NOBODY), Policy.rcpt),
        "disabled": Case(mail(f"disabled{s}", DAVE), Policy.rcpt),
        "a name alone": Case(mail(f"short{s}", "alice"), Policy.rcpt),
        "relay": Case(mail(f"relay{s}", "x@elsewhere.example"), Policy.relay),
        "listed": Case(mail(f"listed{s}", ALICE, BOB, source=LISTED), Policy.rbl, detail="zen.list.example"),
        "listed with a key": Case(mail(f"keyed{s}", ALICE, source=KEYED), Policy.rbl, detail="zen.dq.list.example"),
        "a listed sender": Case(mail("a@spammer.example", ALICE), Policy.rhsbl, detail="dbl.list.example"),
        "a listed HELO": Case(mail(f"b{s}", ALICE, helo="spammer.example"), Policy.rhsbl, detail="dbl.list.example"),
        "no reverse name": Case(mail(f"nameless{s}", ALICE, source=NAMELESS), Policy.client, later),
        "a client denied": Case(mail(f"denied-client{s}", ALICE, source=DENIED), Policy.client),
        "a short HELO": Case(mail(f"helo1{s}", ALICE, helo="ylmf-pc"), Policy.helo),
        "an unknown HELO": Case(mail(f"helo2{s}", ALICE, helo="nowhere.example"), Policy.helo, later),
        "an invalid HELO": Case(mail(f"helo3{s}", ALICE, helo="a..example"), Policy.helo),
        "a short sender": Case(mail("a@b", ALICE), Policy.sender),
        "an unknown sender": Case(mail("a@nowhere.example", ALICE), Policy.sender, later),
        "a sender denied": Case(mail(f"denied{s}", ALICE), Policy.rule),
        "a sender told why": Case(mail(f"told{s}", ALICE), Policy.rule),
        "a sender put off": Case(mail(f"later{s}", ALICE), Policy.rule, later),
        "a sender hung up on": Case(mail(f"hangup{s}", ALICE), Policy.rule, later),
        # Of these only the recipient is logged at whom it was decided.
        "a sender dropped": Case(mail(f"discard{s}", ALICE, BOB), Policy.rule, Outcome.discarded, stopped=(ALICE,)),
        "a sender held": Case(mail(f"hold{s}", ALICE, BOB), Policy.rule, Outcome.held, stopped=(ALICE,)),
        "a client dropped": Case(
            mail(f"c1{s}", ALICE, source=DROPPED), Policy.rule, Outcome.discarded, stopped=(ALICE,)
        ),
        "a client held": Case(mail(f"c2{s}", ALICE, source=HELD), Policy.rule, Outcome.held, stopped=(ALICE,)),
        "forged": Case(mail("boss@bank.example", ALICE), Policy.spf, detail="fail"),
        "greylisted by us": Case(mail(f"grey{s}", ALICE), Policy.greylist, later),
        "throttled": Case(mail(f"fast{s}", ALICE), Policy.rate, later),
        "greylisted": Case(mail(f"postgrey{s}", ALICE), Policy.greylist, later, port=mx.GREYLISTING),
        "a subject": eom(mail(f"pills{s}", *THREE, subject="cheap pills"), Policy.header),
        "a subject with a code": eom(mail(f"code{s}", ALICE, subject="my code"), Policy.header),
        "a forged subject": eom(mail(f"forged1{s}", ALICE, BOB, subject=f"pills{FAKE}"), Policy.header),
        "a caught subject": eom(mail(f"forged2{s}", ALICE, BOB, subject=f"caught {FAKE}"), Policy.header),
        "a quoted recipient": Case(mail(f"forged3{s}", f'"{FAKE}"@isp.example'), Policy.relay),
        "a quoted sender": Case(mail(f'"{FAKE}"{s}', NOBODY), Policy.rcpt),
        "an attachment": eom(mail(f"exe{s}", ALICE, BOB, fields=EXE), Policy.mime),
        "a text": eom(mail(f"body{s}", ALICE, BOB, body="cheap watches"), Policy.body),
        "a subject dropped": eom(
            mail(f"vanish{s}", ALICE, BOB, subject="vanish"),
            Policy.header,
            outcome=Outcome.discarded,
            stopped=(ALICE, BOB),
        ),
        "a subject held": eom(
            mail(f"wait{s}", ALICE, BOB, subject="wait"), Policy.header, outcome=Outcome.held, stopped=(ALICE, BOB)
        ),
        "a subject logged": Case(mail(f"logged{s}", ALICE, subject="logged")),
        "too large as it says": Case(mail(f"size1{s}", ALICE, options=" SIZE=50000"), Policy.size, stage=Stage.mail),
        "too large": eom(mail(f"size2{s}", ALICE, BOB, body="x" * 70 + "\n" + "y\n" * 15_000), Policy.size),
        "a bounce to two": Case(mail("", ALICE, BOB), Policy.protocol, stage=Stage.data),
        "refused at the end": eom(mail(f"end{s}", ALICE, BOB), Policy.spam),
        "refused at the end alone": eom(mail(f"end1{s}", ALICE), Policy.spam),
        "a milter at RCPT": Case(mail(f"m-rcpt{s}", ALICE), Policy.greylist, later, port=mx.MILTERS, seen=True),
        "a milter at MAIL": Case(
            mail(f"m-mail{s}", ALICE),
            Policy.dmarc,
            stage=Stage.mail,
            port=mx.MILTERS,
            seen=True,
            detail="sender.example",
        ),
        "a milter at the end": eom(mail(f"m-end{s}", *THREE), Policy.spam, port=mx.MILTERS),
        "a milter with a virus": eom(mail(f"m-virus{s}", ALICE), Policy.virus, port=mx.MILTERS, detail="Eicar-Test"),
        "a milter that is ill": eom(mail(f"m-ill{s}", ALICE), Policy.internal, outcome=later, port=mx.MILTERS),
        "a milter that drops": eom(
            mail(f"m-drop{s}", ALICE, BOB),
            Policy.other,
            outcome=Outcome.discarded,
            stopped=(ALICE, BOB),
            port=mx.MILTERS,
        ),
        "a milter that holds": eom(
            mail(f"m-hold{s}", ALICE, BOB), Policy.other, outcome=Outcome.held, stopped=(ALICE, BOB), port=mx.MILTERS
        ),
        "postscreen's list": Case(
            mail(f"ps1{s}", ALICE, source=LISTED_TOO), Policy.rbl, port=mx.POSTSCREEN, detail="zen.list.example"
        ),
        "postscreen's own list": Case(mail(f"ps2{s}", ALICE, source=DENYLISTED), Policy.client, port=mx.POSTSCREEN),
        "too hasty": Case(mail(f"ps3{s}", ALICE, hasty=True), Policy.protocol, port=mx.POSTSCREEN),
        "through a filter": Case(mail(f"filtered{s}", ALICE, BOB), port=mx.FILTERED),
        "a full mailbox": Case(
            mail(f"full{s}", FULL, body="y\n" * 4000),
            Policy.quota,
            stage=Stage.after_acceptance,
            stopped=(FULL,),
            codes=(552, "5.2.2"),
        ),
        "a client at once": Case(
            mail(f"once1{s}", ALICE, source=DENIED_TOO), Policy.client, stage=Stage.connect, port=mx.AT_ONCE
        ),
        "a HELO at once": Case(mail(f"once2{s}", ALICE, helo="short"), Policy.helo, stage=Stage.helo, port=mx.AT_ONCE),
        "a sender at once": Case(
            mail("x@nowhere.example", ALICE), Policy.sender, later, stage=Stage.mail, port=mx.AT_ONCE
        ),
        "too many recipients": Case(mail(f"few{s}", ALICE, BOB, CAROL, DAVE), None, port=mx.FEW),
        "too often": Case(mail(f"often{s}", ALICE), Policy.rate, later, stage=Stage.connect, port=mx.RATE),
    }


ANSWERS = {
    ("RCPT", "grey@sender.example"): "DEFER_IF_PERMIT Greylisted, come back in five minutes",
    ("RCPT", "fast@sender.example"): "450 4.7.1 Throttling quota exceeded",
    ("END-OF-MESSAGE", "end@sender.example"): "554 5.7.1 This looks like spam",
    ("END-OF-MESSAGE", "end1@sender.example"): "554 5.7.1 This looks like spam",
}
VERDICTS = {
    ("M", "m-mail@sender.example"): Milter.reply("550 5.7.1 rejected by DMARC policy for sender.example"),
    ("R", "m-rcpt@sender.example"): Milter.reply("451 4.7.1 Greylisting in action, please come back later"),
    ("E", "m-end@sender.example"): Milter.reply("554 5.7.1 Spam message rejected"),
    ("E", "m-virus@sender.example"): Milter.reply("550 5.7.1 Blocked by ClamAV - FOUND VIRUS: Eicar-Test"),
    ("E", "m-ill@sender.example"): Milter.TEMPORARY,
    ("E", "m-drop@sender.example"): Milter.DISCARD,
    ("E", "m-hold@sender.example"): b"qto be looked at\0",
}


@dataclass(frozen=True)
class World:
    """What was tried, and what the follower made of the logs, by the client's address."""

    cases: dict[str, Case]
    blocks: dict[str, list[Any]]
    recents: dict[str, list[Any]]
    odd: list[Any]


def zone(sources: list[str]) -> dict[str, dict[str, list[str]]]:
    """Names of all who send, except one without a name."""
    named = {
        "mail.sender.example": {"A": sources},
        "sender.example": {"A": ["203.0.113.1"], "MX": ["10 mail.sender.example"]},
        "spammer.example": {"A": ["203.0.113.1"]},
        "bank.example": {"A": ["203.0.113.1"], "TXT": ["v=spf1 -all"]},
        listed(LISTED, "zen.list.example"): {"A": ["127.0.0.2"], "TXT": ["https://list.example/why"]},
        listed(LISTED_TOO, "zen.list.example"): {"A": ["127.0.0.2"]},
        listed(KEYED, "abcdefgh1234ijklmnop5678qr.zen.dq.list.example"): {"A": ["127.0.0.2"]},
        "spammer.example.dbl.list.example": {"A": ["127.0.1.2"]},
        "isp.example": {"A": ["192.0.2.1"]},
    }
    return named | {reverse(each): {"PTR": ["mail.sender.example"]} for each in sources if each != NAMELESS}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    if why := Mx.missing():
        pytest.skip(why)
    folder = make_server_folder()
    tried = cases()
    for number, case in enumerate(tried.values(), 1):
        if case.attempt.source == "127.0.0.1":
            case.attempt.source = f"198.51.100.{number}"
    try_all(folder, tried)
    yield follow(folder, tried)
    shutil.rmtree(folder)


def try_all(folder: Path, tried: dict[str, Case]) -> None:
    """Runs the servers, and all clients at once."""
    sources = sorted({case.attempt.source for case in tried.values()})
    listener = f"service lmtp {{\n  unix_listener {folder}/lmtp {{\n    mode = 0666\n  }}\n}}"
    boxes = {f"{name}@isp.example": "secret" for name in mx.PEOPLE}
    dovecot = Dovecot(folder / "dovecot", boxes, quota="60K", options=listener).start()
    dovecot.deliver(FULL, b"Subject: full\n\n" + b"x" * 59_000)
    with (
        Namespace(folder, sources) as network,
        Nameserver(network.listen(53, udp=True), zone(sources)),
        PolicyService(network.listen(mx.POLICY), ANSWERS),
        Milter(network.listen(mx.MILTER), VERDICTS),
        ContentFilter(network, mx.FILTER, mx.BACK),
        Mx(network) as server,
    ):
        server.ready()
        first = replace(tried["too often"].attempt, told={}, replies={})
        first.make(mx.RATE, network=network)
        with ThreadPoolExecutor(8) as several:
            list(several.map(lambda case: case.attempt.make(case.port, network=network), tried.values()))
        again = replace(tried["greylisted"].attempt, told={}, replies={})
        until(lambda: not again.make(mx.GREYLISTING, network=network) and again.told[ALICE].code < 400)
        until(lambda: server.log.read_text().count(": removed") >= server.log.read_text().count("(queue active)"))
    dovecot.stop()


def until(done: Callable[[], bool]) -> None:
    for _ in range(100):
        if done():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come to an end")


def follow(folder: Path, tried: dict[str, Case]) -> World:
    """Runs the follower over both logs, as for a backfill."""
    url = f"sqlite:///{folder}/postern.sqlite"
    nodes.bring_up_to_date(url)
    engine = open_engine(url)
    with engine.begin() as connection:
        server = directory.put_server(connection, "box1", {"imap": 143})
        for name in mx.PEOPLE:
            directory.put_account(connection, f"{name}@isp.example", name, server)
    words = [sys.executable, "-m", "app.blocklog.follow", "--node", "mx1", "--once"]
    logs = [str(folder / "mail.log"), str(folder / "syslog.txt")]
    settings = nodes.environment({"POSTERN_DATABASE_URL": url, "POSTERN_SECRET_KEY": secrets.token_urlsafe(32)})
    done = subprocess.run([*words, *logs], env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with engine.connect() as connection:
        blocks = connection.execute(select(BlockRow.__table__)).all()
        recents = connection.execute(select(RecentRow.__table__)).all()
        odd = connection.execute(select(OddRow.__table__)).all()
    engine.dispose()
    return World(tried, by_client(blocks), by_client(recents), list(odd))


def by_client(rows: Sequence[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(row.client_ip, []).append(row)
    return found


NAMES = tuple(cases())
OURS = {f"{name}@isp.example" for name in mx.PEOPLE}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_read_is_what_the_client_was_told(world: World, name: str) -> None:
    case = world.cases[name]
    attempt, rows = case.attempt, world.blocks.get(case.attempt.source, [])
    told = told_of(case)
    assert {row.rcpt for row in rows} == set(told)
    assert len(rows) == len(told)
    for row in rows:
        code, dsn = told[row.rcpt]
        assert (row.policy, row.outcome, row.stage) == (case.policy, case.outcome, case.stage)
        assert (row.smtp_code, row.dsn) == (None if case.port == mx.MILTERS and code and not case.seen else code, dsn)
        assert row.detail == case.detail
        assert f"{row.sender_local}@{row.sender_domain}" == (attempt.sender.lower() or "@") or case.stage < Stage.mail
        assert bool(row.account_id) == (row.rcpt in OURS)


def told_of(case: Case) -> dict[str, tuple[int | None, str | None]]:
    """What the client was told of each recipient; of nobody where it could name none."""
    if case.policy is None:
        return {}
    if case.stopped:
        return dict.fromkeys(case.stopped, case.codes)
    refused = case.attempt.refused or {"": list(case.attempt.replies.values())[-1]}
    return {name.lower(): (reply.code, reply.dsn) for name, reply in refused.items()}


def test_accepted_mail_is_one_row_a_recipient_however_many_hops_it_took(world: World) -> None:
    rows = world.recents[world.cases["through a filter"].attempt.source]
    assert sorted(row.rcpt for row in rows) == [ALICE, BOB]


def test_an_alias_that_was_accepted_is_found_by_its_members(world: World) -> None:
    rows, team = world.recents[world.cases["plain"].attempt.source], "team@isp.example"
    assert sorted((row.rcpt, row.final_rcpt) for row in rows) == [(ALICE, ALICE), (team, ALICE), (team, BOB)]


def test_mail_that_was_greylisted_is_resolved_once_it_came(world: World) -> None:
    (row,) = world.blocks[world.cases["greylisted"].attempt.source]
    assert row.resolved_how == Resolved.greylist_passed


def test_no_line_of_these_is_odd_but_what_no_pattern_classes(world: World) -> None:
    assert [row.example for row in world.odd if row.why != "a reply of no known class"] == []
