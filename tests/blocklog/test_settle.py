"""Whatever lines come, in whatever pieces: the same rows, and no recipient that no line named."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.blocklog.classify import classify
from app.blocklog.codes import Fate, Outcome, Policy, Stage
from app.blocklog.entry import Batch, Rows
from app.blocklog.event import Delivery, Ended, Event, Peer, Refused, Told
from app.blocklog.join import Join
from app.blocklog.message import opened, squeezed
from app.blocklog.recipients import Recipients
from app.blocklog.settle import due, settle
from tests.blocklog.followed import SITE, logins, owners

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
PEOPLE = ["alice@isp.example", "Bob@isp.example", "team@isp.example", "x@far.example"]
IDS = ["4A1B2", "5B2C3"]
INSTANCES = ["postfix", "postfix/submission", "rspamd", "exim"]
PEERS = [Peer("203.0.113.7", "mx.b.example", "mx.b.example"), Peer("127.0.0.1", "localhost", ""), Peer()]
SENDERS = ["a@b.example", "", None]
RELAYS = ["127.0.0.1[127.0.0.1]:10025", "mx.far.example[198.51.100.1]:25", "", "none", "[999.1.1.1]"]

some = st.sampled_from
maybe_id = some([None, "", "NOQUEUE", *IDS])
refusals = st.builds(
    Refused,
    at=st.just(START),
    instance=some(INSTANCES),
    queue_id=maybe_id,
    stage=some(list(Stage)),
    outcome=some(list(Outcome)),
    text=some(["Greylisted", "5.7.1 spam", "nonsense", "quota"]),
    recipients=st.lists(some(PEOPLE), max_size=3).map(tuple),
    whole=st.booleans(),
    sender=some(SENDERS),
    peer=some(PEERS),
    code=some([None, 450, 550]),
    dsn=some([None, "5.7.1"]),
    policy=some([None, Policy.spam, Policy.virus]),
    score=some([None, 17.5, 1e12]),
    subject=some([None, "hi"]),
    partner=some([None, None, *IDS]),
    pid=some([None, 7]),
)
facts = st.builds(
    Told,
    at=st.just(START),
    instance=some(INSTANCES),
    queue_id=some(["", *IDS]),
    pid=some([None, 7]),
    sender=some(SENDERS),
    recipient=some([None, *PEOPLE]),
    peer=some([None, *PEERS]),
    user=some([None, "box1"]),
    message_id=some([None, "<m@b.example>"]),
    count=some([None, 2]),
)
deliveries = st.builds(
    Delivery,
    at=st.just(START),
    instance=some(INSTANCES),
    queue_id=some(IDS),
    recipient=some(PEOPLE),
    fate=some(list(Fate)),
    original=some([None, *PEOPLE]),
    relay=some(RELAYS),
    reply=some(["250 ok", "452 4.2.2 mailbox full"]),
    next_id=some([None, *IDS]),
    discarded=st.booleans(),
    local=st.booleans(),
)
ends = st.builds(Ended, at=st.just(START), instance=some(INSTANCES), queue_id=some(IDS))
steps = st.lists(st.tuples(refusals | facts | deliveries | ends, some([0, 1, 4, 400, 4000])), max_size=25)


def timed(given_steps: Sequence[tuple[Event, int]]) -> list[Event]:
    """The events, each some seconds after the one before."""
    at, found = START, []
    for event, later in given_steps:
        at += timedelta(seconds=later)
        found.append(type(event)(**{**{name: getattr(event, name) for name in event.__dataclass_fields__}, "at": at}))
    return found


class Store:
    """What batches would have written."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[Any, Any]] = {"blocks": {}, "recents": {}, "fates": {}}
        self.numbers = count(1)
        self.recipients = Recipients(owners, logins)

    def write(self, join: Join, *, everything: bool) -> None:
        batch: Batch = settle(join, due(join, everything=everything), self.recipients, lambda _: next(self.numbers))
        for name, rows in (("blocks", batch.blocks), ("recents", batch.recents)):
            self._put(self.tables[name], rows)
        fates = self.tables["fates"]
        for place, fate in batch.undone:
            if fates.get(place) == fate:
                del fates[place]
        for place, fate in batch.fates.items():
            if place not in fates or fate.beats(fates[place]):
                fates[place] = fate
        join.tally = type(join.tally)()

    def _put(self, table: dict[Any, Any], rows: Rows) -> None:
        for key, values in rows.new:
            assert tuple(key) not in table
            table[tuple(key)] = values
        for key, values in rows.changed:
            assert tuple(key) in table
            table[tuple(key)] = values
        for key in rows.gone:
            del table[tuple(key)]

    def told(self) -> dict[str, list[str]]:
        return {
            name: sorted(
                json.dumps([key[:2] if name != "fates" else key, values], default=str) for key, values in table.items()
            )
            for name, table in self.tables.items()
        }


def followed(events: Sequence[Event], pieces: set[int]) -> Store:
    """Rows of some events; after those of `pieces` all is written down, and another follower goes on."""
    store, join = Store(), Join(classify)
    for number, event in enumerate(events):
        join.take(event, number % 2 + 1, "mx1")
        join.clock = event.at.timestamp()
        if number in pieces:
            store.write(join, everything=False)
            state = opened(squeezed(join.state()))
            assert json.dumps(state)
            join = Join(classify, state=state)
    store.write(join, everything=True)
    return store


@given(steps, st.sets(st.integers(0, 24)))
def test_in_whatever_pieces_lines_are_read_they_make_the_same_rows(
    given_steps: list[tuple[Event, int]], pieces: set[int]
) -> None:
    events = timed(given_steps)
    assert followed(events, pieces).told() == followed(events, set()).told()


SENT = Told(START, "postfix", "4A1B2", message_id="<m@b.example>", user="box1", recipient="x@far.example")
PASSED_ON = Delivery(START, "postfix", "4A1B2", "x@far.example", Fate.delivered, relay=RELAYS[0], next_id="5B2C3")
WAITS = Delivery(START, "postfix", "5B2C3", "x@far.example", Fate.deferred, relay=RELAYS[1], reply="450 later")


def test_a_hop_that_was_written_as_the_end_of_a_mail_gives_way_to_its_own_lines() -> None:
    store = followed([SENT, *timed([(PASSED_ON, 1), (SENT, 4), (WAITS, 4)])], {2})
    (fate,) = store.tables["fates"].values()
    assert (fate.fate, fate.reply) == (Fate.deferred, "450 later")
    assert [row["queue_id"] for row in store.tables["recents"].values()] == ["5B2C3"]


def test_what_a_hop_had_displaced_of_a_mail_of_the_same_name_is_told_again() -> None:
    twin = Told(
        START, "postfix/submission", "6C3D4", message_id="<m@b.example>", user="box1", recipient="x@far.example"
    )
    ended = Delivery(START, "postfix", "6C3D4", "x@far.example", Fate.deferred, reply="450 much later")
    new = Told(START, "postfix", "5B2C3", message_id="<m@b.example>")
    store = followed(timed([(SENT, 0), (twin, 0), (ended, 0), (PASSED_ON, 1), (twin, 4), (new, 4)]), {4})
    assert [fate.reply for fate in store.tables["fates"].values()] == ["450 much later"]


def test_a_bounce_is_still_from_nobody_after_a_restart() -> None:
    stops = Refused(START, "rspamd", None, Stage.data, Outcome.refused, "spam", ("alice@isp.example",), partner="4A1B2")
    bounce = Told(START, "postfix", "4A1B2", sender="", recipient="alice@isp.example")
    (row,) = followed(timed([(bounce, 0), (stops, 0), (SENT, 4)]), {1}).tables["blocks"].values()
    assert (row["sender_local"], row["sender_domain"]) == ("", "")
    named = Refused(START, "rspamd", None, Stage.data, Outcome.refused, "spam", (), sender="", partner="4A1B2")
    later = Told(START, "postfix", "4A1B2", sender="a@b.example")
    told = [followed(timed([(named, 0), (later, 0)]), pieces).told() for pieces in ({0}, set())]
    assert told[0] == told[1]


RULES = {5: (0, ""), 6: (1, SITE), 7: (1, "8"), 8: (2, "1"), 9: (2, "2")}


@pytest.mark.parametrize(
    ("rule", "alice", "bob", "team"),
    [(5, 5, 5, 5), (6, 6, 6, 6), (7, None, None, None), (8, 8, None, None), (9, None, 9, None), (10, None, None, None)],
)
def test_a_rule_that_refused_a_whole_message_stands_at_whose_it_is(
    rule: int, alice: int | None, bob: int | None, team: int | None
) -> None:
    to = [f"{name}@isp.example" for name in ("alice", "bob", "team")]
    stops = Refused(
        START, "rspamd", None, Stage.end_of_message, Outcome.refused, "no", tuple(to), partner="4A1B2", rule=rule
    )
    join, asked = Join(classify), list[int]()
    join.take(stops, 1, "mx1")
    numbers = count(1)
    rows = settle(
        join,
        due(join, everything=True),
        Recipients(owners, logins),
        lambda _: next(numbers),
        lambda some: asked.extend(some) or RULES,  # type: ignore[func-returns-value]
    )
    assert asked == [rule]
    found = {values["rcpt"]: values["rule_id"] for _, values in rows.blocks.new}
    assert found == dict(zip(to, (alice, bob, team), strict=True))
    assert sorted(rows.rules) == sorted([each for each in (alice, bob) if each] + [team] * (2 if team else 0))


@given(steps)
def test_no_row_has_a_recipient_that_no_line_named(given_steps: list[tuple[Event, int]]) -> None:
    events = timed(given_steps)
    named = {""}
    for event in events:
        for name in ("recipient", "original"):
            named.add((getattr(event, name, None) or "").lower())
        named |= {each.lower() for each in getattr(event, "recipients", ())}
    tables = followed(events, set(range(0, 25, 3))).tables
    assert {each["rcpt"] for each in tables["blocks"].values()} <= named
    assert {each["rcpt"] for each in tables["recents"].values()} <= named
    assert {place[2] for place in tables["fates"]} <= named
