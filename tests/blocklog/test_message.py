"""A message and its rows come back from JSON as they were, and of two words about a mail the same one counts always."""

from __future__ import annotations

import json
import zlib
from itertools import permutations
from typing import Any

from app.blocklog.codes import Fate
from app.blocklog.message import Arrived, Message, Stopped, further, message_of, opened, packed, squeezed

STOP: dict[str, Any] = {"policy": 9, "outcome": 2, "stage": 4, "text": "Greylisted"}


def message() -> Message:
    made = Message("mx1", "postfix", "4A1B2", 1.5, 2.5, sender="", recipients=["a@b.example"], told=True)
    made.stops.append(
        Stopped(1.5, 1, "a@b.example", **STOP, sender="", message=made, kinds=["1:postfix"], waiting=True)
    )
    made.arrivals.append(
        Arrived(
            1.5, 1, "a@b.example", "box@far", Fate.deferred, awaits=True, last=2.5, sent=[["1", 1.5, 7]], message=made
        )
    )
    return made


def test_a_message_is_kept_with_all_that_it_says() -> None:
    made = message()
    again = message_of(json.loads(json.dumps(packed(made))))
    assert packed(again) == packed(made)
    assert (again.sender, again.stops[0].sender, again.message_id) == ("", "", None), "a bounce is from nobody"
    assert again.stops[0].message is again and again.arrivals[0].message is again
    assert again.arrivals[0].awaits and again.stops[0].waiting and again.arrivals[0].sent == [["1", 1.5, 7]]


def test_what_says_nothing_takes_no_room() -> None:
    assert set(packed(message())) == {
        *("node", "instance", "queue_id", "begun", "last", "sender", "recipients", "told", "stops", "arrivals"),
    }


def test_a_state_of_another_version_or_a_broken_one_is_none() -> None:
    state = squeezed({"clock": 1.5})
    assert opened(state)["clock"] == 1.5
    for raw in (None, b"", b"x", state[:-3], zlib.compress(b"[1]"), zlib.compress(b'{"version": 0, "clock": 1.5}')):
        assert opened(raw) == {}


def test_the_furthest_then_the_latest_word_counts_in_whatever_order_they_come() -> None:
    words = [
        Arrived(1.0, 1, "a", "a", fate, relay, reply=reply, last=last)
        for fate, last, relay, reply in (
            (Fate.delivered, 5.0, "", "250 ok"),
            (Fate.deferred, 9.0, "", "450 later"),
            (Fate.deferred, 7.9, "mx2", "450 first"),
            (Fate.deferred, 7.1, "mx1", "450 second"),
        )
    ]
    for some in permutations(words):
        assert sorted(some, key=further, reverse=True) == words


def test_all_recipients_are_known_where_a_line_says_so_or_as_many_as_the_server_counts() -> None:
    made = message()
    assert made.complete
    made.count = 2
    assert not made.complete
    made.add("c@b.example")
    made.add("c@b.example")
    assert made.complete and len(made.recipients) == 2
    made.told = False
    assert not made.complete
    made.whole = True
    assert made.complete
