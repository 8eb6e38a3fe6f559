"""What Postfix' delivery agents tell."""

from datetime import UTC, datetime

import pytest

from app.blocklog.codes import Fate, Outcome, Stage
from app.blocklog.event import Delivery, Event, Line, Refused
from app.blocklog.formats.postfix import Reader

AT = datetime(2026, 11, 22, 6, 47, 20, tzinfo=UTC)


def read(text: str, program: str = "smtpd", instance: str = "postfix") -> tuple[Event, ...]:
    return tuple(Reader().read(Line(AT, "mx1", program, instance, 10902, text)))


def delivered(
    status: str, program: str = "smtp", relay: str = "127.0.0.1[127.0.0.1]:10024", dsn: str = "2.0.0"
) -> Delivery:
    event, *_ = read(
        f"5787B220358: to=<box@box1.internal>, orig_to=<alice@isp.example>, relay={relay}, delay=0.1, "
        f"delays=0/0/0/0.1, dsn={dsn}, status={status}",
        program,
    )
    assert isinstance(event, Delivery)
    return event


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        ("sent (250 2.0.0 Ok)", Fate.delivered),
        ("deferred (connect to mx: timed out)", Fate.deferred),
        ("SOFTBOUNCE (host mx said: 550 no)", Fate.deferred),
        ("bounced (host mx said: 550 no)", Fate.bounced),
        ("expired (after five days)", Fate.bounced),
    ],
)
def test_a_delivery_tells_how_far_a_message_has_come(status: str, fate: Fate) -> None:
    done = delivered(status)
    assert (done.fate, done.recipient, done.original) == (fate, "box@box1.internal", "alice@isp.example")


def test_a_probe_of_an_address_is_no_mail() -> None:
    for status in ("deliverable (250 2.1.5 Ok)", "undeliverable (550 5.1.1 no)"):
        text = f"5787B220358: to=<a@b.example>, relay=mx[192.0.2.1]:25, delay=1, dsn=2.0.0, status={status}"
        assert read(text, "smtp") == ()


def test_a_hop_of_ours_is_followed_by_the_name_that_it_gave_the_message() -> None:
    amavis = "sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 4jXKbc6kvNzdxHg)"
    assert delivered(amavis).next_id == "4jXKbc6kvNzdxHg"
    assert delivered("sent (forwarded as 52A51220356)", "local", "local").next_id == "52A51220356"


@pytest.mark.parametrize(
    "status", ["sent (250 2.7.0 Ok, discarded, id=1-2 - INFECTED: x)", "sent (250 Virus Detected; Discarded Email)"]
)
def test_a_filter_that_threw_a_message_away_delivered_nothing(status: str) -> None:
    assert delivered(status).discarded


def test_what_ended_in_a_mailbox_is_told_apart() -> None:
    saved = "sent (250 2.0.0 <alice> 9xJxK Saved)"
    assert delivered(saved, "lmtp", "isp.example[/run/dovecot/lmtp]").local
    assert delivered("sent (delivered to maildir)", "virtual", "virtual").local
    assert delivered("sent (delivered via dovecot service)", "pipe", "dovecot").local
    assert not delivered("sent (delivered via spamfilter service)", "pipe", "spamfilter").local
    assert not delivered("sent (250 2.0.0 Ok)").local


@pytest.mark.parametrize(
    ("status", "dsn", "outcome", "code"),
    [("bounced", "5.2.2", Outcome.refused, 552), ("deferred", "4.2.2", Outcome.delayed, 452)],
)
def test_a_full_mailbox_stops_a_message_behind_its_acceptance(
    status: str, dsn: str, outcome: Outcome, code: int
) -> None:
    _, event = read(
        f"5787B220358: to=<alice@isp.example>, relay=box1[127.0.0.1]:24, delay=0.1, delays=0/0/0/0, dsn={dsn}, "
        f"status={status} (host box1[127.0.0.1] said: {code} {dsn} <alice@isp.example> Quota exceeded "
        "(mailbox for user is full) (in reply to end of DATA command))",
        "lmtp",
    )
    assert isinstance(event, Refused)
    assert (event.stage, event.outcome, event.code, event.dsn) == (Stage.after_acceptance, outcome, code, dsn)
    assert event.text == "<alice@isp.example> Quota exceeded (mailbox for user is full)"
    assert event.recipients == ("alice@isp.example",)


def test_a_mailbox_server_that_is_away_stops_nothing_for_good() -> None:
    text = "deferred (connect to box1[127.0.0.1]:24: Connection refused)"
    assert (
        len(
            read(
                f"5787B220358: to=<a@b.example>, relay=none, delay=1, delays=1/0/0/0, dsn=4.4.1, status={text}", "lmtp"
            )
        )
        == 1
    )
