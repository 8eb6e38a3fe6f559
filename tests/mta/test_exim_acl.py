"""The ready ACLs of config/exim: each refusal names its policy and all of its recipients in the mainlog alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.blocklog.codes import Policy, Stage
from app.blocklog.event import Event, Odd, Refused
from tests.mta.client import Attempt, message
from tests.mta.dns import Nameserver, listed, reverse
from tests.mta.exim import ROOT, Exim, missing
from tests.mta.namespace import Namespace
from tests.mta.reading import EXE, of, of_exim, told
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
    "relaying": (attempt("a@sender.example", "x@other.example"), Policy.relay, RCPT, None),
    "odd characters": (attempt("a@sender.example", "a|b@isp.example"), Policy.protocol, RCPT, None),
    "our name as HELO": (attempt("b@sender.example", ALICE, helo="mx.isp.example"), Policy.helo, RCPT, None),
    "a list": (attempt("a@spam.example", *SEVEN[:2], source=LISTED), Policy.rbl, RCPT, "zen.example"),
    "no name": (attempt("a@bare.example", ALICE, source=NAMELESS), Policy.client, RCPT, None),
    "SPF": (attempt("c@sender.example", ALICE, source=OTHER), Policy.spf, RCPT, None),
    "no such sender's domain": (attempt("a@nowhere.example", ALICE), Policy.sender, RCPT, None),
    "an attachment": (attempt("a@sender.example", *SEVEN, subject="exe"), Policy.mime, END, "exe"),
    "a virus": (attempt("a@sender.example", *SEVEN, subject="v", body="virus-EICAR"), Policy.virus, END, "virus-EICAR"),
    "spam": (attempt("a@sender.example", *SEVEN, subject="viagra"), Policy.spam, END, None),
}
TAKEN = attempt("d@sender.example", *SEVEN, subject="good")


@pytest.fixture(scope="module")
def events(servers_folder: Path) -> Iterator[list[Event]]:
    """What the logs tell after all attempts."""
    if reason := missing() or Namespace.missing():
        pytest.skip(reason)
    folder = servers_folder / "exim-tagged"
    folder.mkdir()
    head, rcpt, acls = (ROOT / "config/exim/blocklog-acl.conf").read_text().partition("blocklog_rcpt:")
    (folder / "acl.conf").write_text(head + rcpt + re.sub(r"(?m)^# (?=deny|   )", "  ", acls))
    config = (Path(__file__).parent / "tagged.conf").read_text().format(acl=folder / "acl.conf")
    everything = [*(each[0] for each in REFUSED.values()), TAKEN]
    with (
        Namespace(folder, [GOOD, OTHER, LISTED, NAMELESS]) as network,
        Nameserver(network.listen(53, udp=True), ZONE),
        Spamd(network.listen(783)),
        Exim(folder / "exim", config, inside=network.words([])) as exim,
    ):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda each: each.make(exim.port, network=network), everything))
        exim.settled(completed=1)
        yield of_exim(exim)


@pytest.mark.parametrize("name", REFUSED)
def test_a_tagged_refusal_is_read_as_the_client_was_told(events: list[Event], name: str) -> None:
    tried, policy, stage, detail = REFUSED[name]
    found = of(events, tried)
    assert told(tried) and {(rcpt, each.code, each.dsn) for each in found for rcpt in each.recipients} == told(tried)
    assert {(each.policy, each.stage, each.detail, each.peer.ip) for each in found} == {
        (policy, stage, detail, tried.source)
    }
    assert {each.score for each in found} == {17.2 if policy is Policy.spam else None}
    assert [each.whole for each in found if not each.subject] == [True] * len(tried.refused if stage is RCPT else "1")


def test_good_mail_is_taken_and_nothing_is_left_unread(events: list[Event]) -> None:
    assert not TAKEN.refused and not of(events, TAKEN)
    assert [each for each in events if isinstance(each, Odd)] == []
    assert {each.policy for each in events if isinstance(each, Refused)} == {each[1] for each in REFUSED.values()}
