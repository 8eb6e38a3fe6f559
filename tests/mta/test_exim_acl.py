"""The ready ACLs of config/exim: each refusal names its policy and all of its recipients in the mainlog alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest

from app.blocklog.codes import Known, Policy, Stage
from tests.mta.client import Attempt, message
from tests.mta.dns import Nameserver, listed, reverse
from tests.mta.exim import ROOT, Exim, missing
from tests.mta.namespace import Namespace
from tests.mta.reading import EXE, Log, exim_sources, told
from tests.mta.spamd import Spamd

pytestmark = pytest.mark.servers
GOOD, OTHER, LISTED, NAMELESS = "203.0.113.7", "203.0.113.8", "198.51.100.66", "198.51.100.77"
ZONE = {
    "sender.example": {"MX": ["10 mail.sender.example"], "TXT": [f"v=spf1 ip4:{GOOD} -all"]},
    "mail.sender.example": {"A": [GOOD, OTHER]},
    "spam.example": {"A": [LISTED]},
    "bare.example": {"A": [NAMELESS]},
    reverse(GOOD): {"PTR": ["mail.sender.example"]},
    reverse(OTHER): {"PTR": ["mail.sender.example"]},
    reverse(LISTED): {"PTR": ["spam.example"]},
    listed(LISTED, "zen.example"): {"A": ["127.0.0.2"], "TXT": ["https://zen.example/why"]},
}
SEVEN = tuple(f"{name}@isp.example" for name in ("alice", "bob", "carol", "dave", "erin", "frank", "grace"))
ALICE = SEVEN[0]


def attempt(sender: str, *recipients: str, subject: str = "", body: str = "Text.", **more: str) -> Attempt:
    fields = EXE if subject == "exe" else ()
    return Attempt(sender, recipients, message(subject, body, *fields) if subject else None, **{"source": GOOD, **more})


RCPT, END = Stage.rcpt, Stage.end_of_message
REFUSED = {
    "an unknown recipient": (attempt("a@sender.example", "nosuch@isp.example"), Policy.rcpt, RCPT, None),
    "relaying": (attempt("b@sender.example", "x@other.example"), Policy.relay, RCPT, None),
    "odd characters": (attempt("c@sender.example", "a|b@isp.example"), Policy.protocol, RCPT, None),
    "our name as HELO": (attempt("d@sender.example", ALICE, helo="mx.isp.example"), Policy.helo, RCPT, None),
    "a list": (attempt("a@spam.example", *SEVEN[:2], source=LISTED), Policy.rbl, RCPT, "zen.example"),
    "no name": (attempt("a@bare.example", ALICE, source=NAMELESS), Policy.client, RCPT, None),
    "SPF": (attempt("e@sender.example", ALICE, source=OTHER), Policy.spf, RCPT, None),
    "no such sender's domain": (attempt("a@nowhere.example", ALICE), Policy.sender, RCPT, None),
    "an attachment": (attempt("f@sender.example", *SEVEN, subject="exe"), Policy.mime, END, "exe"),
    "a virus": (attempt("g@sender.example", *SEVEN, subject="v", body="virus-EICAR"), Policy.virus, END, "virus-EICAR"),
    "spam": (attempt("h@sender.example", *SEVEN, subject="viagra"), Policy.spam, END, None),
}
NO_SENDER = "j\ufffd@sender.example"
NO_UTF8 = attempt("j\udcff@sender.example", ALICE, subject="waits")
TAKEN = attempt("i@sender.example", *SEVEN, subject="good")


@pytest.fixture(scope="module")
def log(servers_folder: Path, migrated: Path) -> Iterator[Log]:
    """The block log after a follower has read what Exim logged of all attempts."""
    if reason := missing() or Namespace.missing():
        pytest.skip(reason)
    folder = servers_folder / "exim-tagged"
    folder.mkdir()
    head, rcpt, acls = (ROOT / "config/exim/blocklog-acl.conf").read_text().partition("blocklog_rcpt:")
    (folder / "acl.conf").write_text(head + rcpt + re.sub(r"(?m)^# (?=deny|   )", "  ", acls))
    config = (Path(__file__).parent / "tagged.conf").read_text().format(acl=folder / "acl.conf")
    everything = [*(each[0] for each in REFUSED.values()), NO_UTF8, TAKEN]
    with (
        Namespace(folder, [GOOD, OTHER, LISTED, NAMELESS]) as network,
        Nameserver(network.listen(53, udp=True), ZONE),
        Spamd(network.listen(783)),
        Exim(folder / "exim", config, inside=network.words([])) as exim,
    ):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda each: each.make(exim.port, network=network), everything))
        exim.settled(completed=1)
        with Log(migrated, folder, exim_sources(exim)[0], own=("mx.isp.example", "192.0.2.25")) as log:
            yield log


@pytest.mark.parametrize("name", REFUSED)
def test_the_rows_are_what_the_client_was_told(log: Log, name: str) -> None:
    tried, policy, stage, detail = REFUSED[name]
    rows = log.blocks[tried.sender]
    assert tried.refused and {(row.rcpt, row.smtp_code, row.dsn) for row in rows} == told(tried)
    assert len(rows) == len(tried.refused)
    assert {(row.policy, row.stage, row.detail, row.client_ip) for row in rows} == {
        (policy, stage, detail, tried.source)
    }
    assert {row.rcpts_known for row in rows} == {Known.certain}
    assert {row.score for row in rows} == {Decimal("17.2") if policy is Policy.spam else None}


def test_who_said_that_it_was_one_of_ours_is_known(log: Log) -> None:
    assert {ip: (it.name, it.times) for ip, it in log.pretences.items()} == {GOOD: ("mx.isp.example", 1)}


def test_a_sender_whose_mail_would_stay_in_the_queue_is_refused(log: Log) -> None:
    assert NO_UTF8.told[ALICE].code == 550
    assert [row.policy for row in log.blocks[NO_SENDER]] == [Policy.protocol]


def test_good_mail_is_taken_and_no_policy_is_guessed(log: Log) -> None:
    assert not TAKEN.refused and {row.rcpt for row in log.recent[TAKEN.sender]} == set(SEVEN)
    assert log.blocks.keys() == {*(each[0].sender for each in REFUSED.values()), NO_SENDER}
