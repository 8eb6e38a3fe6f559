"""A mail that one of our servers hands to another is one mail; what a stranger's server says leads nowhere."""

from __future__ import annotations

import pytest

from app.blocklog.codes import Fate
from app.blocklog.hops import LATE, Hops
from app.blocklog.message import Arrived, Message

INSIDE, OUTSIDE = "amavis[127.0.0.1]:10024", "mx.far.example[8.8.8.8]:25"


@pytest.mark.parametrize(
    ("relay", "inside"),
    [
        (INSIDE, True),
        ("[::1]:25", True),
        ("box[10.1.2.3]:24", True),
        ("MX2.isp.example[9.9.9.9]:25", True),
        ("other.example[9.9.9.10]:25", True),
        ("local", True),
        (OUTSIDE, False),
        ("mx2.isp.example.far.example[8.8.8.8]:25", False),
        ("x[999.1.1.1]", False),
        ("", False),
    ],
)
def test_relays_are_ours_by_a_private_address_or_by_their_name(relay: str, inside: bool) -> None:
    assert Hops(["mx2.isp.example", "9.9.9.10"]).inside(relay) is inside


def handed_on(hops: Hops, relay: str = INSIDE, at: float = 100.0) -> tuple[Message, Arrived]:
    first = hops.message("mx1", "postfix", "4A1B2", at)
    first.sender, first.ip, first.user = "a@b.example", "203.0.113.7", "box1"
    arrival = Arrived(at, 1, "x@isp.example", "x@isp.example", Fate.delivered, relay, next_id="5B2C3", last=at)
    arrival.message = first
    first.arrivals.append(arrival)
    return first, arrival


@pytest.mark.parametrize("before", [False, True])
def test_its_second_lines_are_of_the_same_mail_whether_they_stand_before_or_behind(before: bool) -> None:
    hops = Hops()
    if before:
        hops.message("mx2", "postfix", "5B2C3", 99.0)
    _, arrival = handed_on(hops)
    hops.follow_hop(arrival)
    assert arrival.hop is before and arrival.awaits is not before
    second = hops.message("mx2", "postfix", "5B2C3", 101.0)
    assert arrival.hop and (second.ip, second.user) == ("203.0.113.7", "box1")


def test_a_stranger_s_server_names_no_mail_of_ours() -> None:
    hops = Hops()
    second = hops.message("mx2", "postfix", "5B2C3", 99.0)
    _, arrival = handed_on(hops, OUTSIDE)
    hops.follow_hop(arrival)
    assert not arrival.hop and not arrival.awaits and second.user is None


def test_an_id_that_is_used_again_later_or_by_another_sender_s_mail_is_another_mail() -> None:
    hops = Hops()
    _, arrival = handed_on(hops)
    hops.follow_hop(arrival)
    assert hops.message("mx2", "postfix", "5B2C3", 101.0 + LATE).user is None and not arrival.hop
    hops = Hops()
    second = hops.message("mx2", "postfix", "5B2C3", 99.0)
    second.sender, second.message_id = "other@b.example", "<m>"
    _, arrival = handed_on(hops)
    hops.follow_hop(arrival)
    assert not arrival.hop and second.user is None
