"""Two real Exims, one behind the other: a mail that both log is one, and one that was delayed has come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.blocklog.codes import Accepted, Outcome, Policy, Resolved
from app.blocklog.source import Source
from tests.mta.client import Attempt, message
from tests.mta.exim import Exim, missing
from tests.mta.reading import Log

pytestmark = pytest.mark.servers
TWO = ("alice@isp.example", "bob@isp.example")
MAIL = Attempt("a@sender.example", TWO, message("hops"))
FIRST, SECOND = (Attempt("grey@list.example", TWO[:1], message("grey")) for _ in range(2))


@pytest.fixture(scope="module")
def log(servers_folder: Path, migrated: Path) -> Iterator[Log]:
    if reason := missing():
        pytest.skip(reason)
    here, folder = Path(__file__).parent, servers_folder / "exim-hops"
    folder.mkdir()
    with Exim(folder / "box", (here / "foreign.conf").read_text().replace("senders = grey@", "senders = no@")) as box:
        config = (here / "edge.conf").read_text().format(box=box.port, passed=folder / "passed")
        with Exim(folder / "edge", config) as edge:
            MAIL.make(edge.port)
            FIRST.make(edge.port)
            (folder / "passed").touch()
            SECOND.make(edge.port)
            edge.settled(completed=2)
            box.settled(completed=2)
            sources = (Source("mx", str(edge.log()), "exim-main"), Source("box", str(box.log()), "exim-main"))
            with Log(migrated, folder, *sources) as log:
                yield log


def test_a_mail_that_two_servers_log_is_one(log: Log) -> None:
    assert not MAIL.refused
    rows = log.recent[MAIL.sender]
    assert sorted((row.rcpt, row.outcome) for row in rows) == [(rcpt, Accepted.inbox) for rcpt in TWO]
    assert {row.client_ip for row in rows} == {"127.0.0.1"} and MAIL.sender not in log.blocks


def test_a_delayed_mail_has_come(log: Log) -> None:
    assert FIRST.refused and not SECOND.refused
    (row,) = log.blocks[FIRST.sender]
    assert (row.rcpt, row.outcome, row.policy) == (TWO[0], Outcome.delayed, Policy.greylist)
    (came,) = log.recent[FIRST.sender]
    assert (row.resolved_how, row.resolved_at) == (Resolved.greylist_passed, came.received_at)
