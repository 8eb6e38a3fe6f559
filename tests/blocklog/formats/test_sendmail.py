"""sendmail's lines, from samples of its logs and of fail2ban's tests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.blocklog.codes import Fate, Outcome, Policy, Stage
from app.blocklog.event import Delivery, Event, Peer, Refused, SignedIn, Told
from app.blocklog.formats.sendmail import Reader
from tests.blocklog.lines import line, recipients

ID = "s1N7vR47006519"
VICTIM = "victim@isp.example"


def read(text: str) -> list[Event]:
    return list(Reader().read(line(text, "sm-mta")))


def refused(text: str) -> Refused:
    (event,) = read(text)
    assert isinstance(event, Refused)
    return event


def test_a_ruleset_names_the_recipient_that_it_refused():
    event = refused(
        f"{ID}: ruleset=check_rcpt, arg1=<camila@x.example>, relay=[203.0.113.27], reject=553 5.1.8 <x>... "
        "Domain of sender address a@b.example does not exist"
    )
    assert (event.queue_id, event.stage, event.outcome) == (ID, Stage.rcpt, Outcome.refused)
    assert (event.code, event.dsn, event.recipients) == (553, "5.1.8", ("camila@x.example",))
    assert event.peer == Peer("203.0.113.27")


@pytest.mark.parametrize(
    ("text", "stage", "outcome", "code", "sender", "peer"),
    [
        (
            f"{ID}: ruleset=check_relay, arg1=h.x.example, arg2=203.0.113.9, relay=h.x.example [203.0.113.9], "
            "reject=421 4.3.2 Connection rate limit exceeded.",
            *(Stage.connect, Outcome.delayed, 421, None, Peer("203.0.113.9", "h.x.example")),
        ),
        (
            f"{ID}: ruleset=check_mail, arg1=<a@b.example>, relay=h.x [203.0.113.9] (may be forged), reject=553 no",
            *(Stage.mail, Outcome.refused, 553, "a@b.example", Peer("203.0.113.9")),
        ),
        (
            "rejecting commands from h.x.example [203.0.113.9] due to pre-greeting traffic after 6 seconds",
            *(Stage.connect, Outcome.refused, 554, None, Peer("203.0.113.9", "h.x.example")),
        ),
        (f"{ID}: Milter: data, reject=550 5.7.1 Spam", Stage.end_of_message, Outcome.refused, 550, None, Peer()),
        (f"{ID}: Milter: data, discard", Stage.end_of_message, Outcome.discarded, None, None, Peer()),
        (f"{ID}: Milter: from=<a@b.example>, reject=451 x", Stage.mail, Outcome.delayed, 451, "a@b.example", Peer()),
    ],
)
def test_what_names_no_recipient_names_none(text: str, stage, outcome, code, sender, peer):
    event = refused(text)
    assert (event.stage, event.outcome, event.code, event.sender, event.peer) == (stage, outcome, code, sender, peer)
    assert event.recipients == ()
    assert (event.policy is Policy.protocol) is ("pre-greeting" in text)


def test_an_unknown_user_is_named():
    event = refused(f"{ID}: <anto@domain.example>... No such user here")
    assert (event.recipients, event.code, event.text) == (("anto@domain.example",), 550, "No such user here")
    assert refused(f"{ID}: Milter: to=<a@b.example>, reject=451 4.7.1 Greylisted").recipients == ("a@b.example",)


def test_two_addresses_in_one_are_none():
    text = f"ruleset=check_rcpt, arg1=<a@b.example,{VICTIM}>, relay=h [203.0.113.9], reject=550 no"
    assert refused(f"{ID}: {text}").recipients == ()


def test_mail_that_was_taken_and_what_became_of_it():
    (told,) = read(
        f"{ID}: from=<a@b.example>, size=1315, class=0, nrcpts=2, msgid=<1@b.example>, proto=ESMTP, daemon=MTA, "
        "relay=h.x.example [203.0.113.9]"
    )
    assert isinstance(told, Told)
    assert (told.sender, told.size, told.count, told.message_id) == ("a@b.example", 1315, 2, "<1@b.example>")
    assert told.peer == Peer("203.0.113.9", "h.x.example")
    sent = read(
        f"{ID}: to=<a@c.example>,<d@c.example>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=120, "
        "relay=mx.c.example. [192.0.2.9], dsn=2.0.0, stat=Sent (Ok: queued)"
    )
    assert [(each.recipient, each.relay, each.local) for each in sent if isinstance(each, Delivery)] == [
        ("a@c.example", "mx.c.example[192.0.2.9]", False),
        ("d@c.example", "mx.c.example[192.0.2.9]", False),
    ]


@pytest.mark.parametrize(
    ("stat", "fate"),
    [("Sent", Fate.delivered), ("Deferred: timed out", Fate.deferred), ("User unknown", Fate.bounced)],
)
def test_a_fate_is_read_of_its_words(stat: str, fate: Fate):
    (event,) = read(f"{ID}: to=<a@c.example>, delay=00:00:01, mailer=local, pri=1, dsn=2.0.0, stat={stat}")
    assert isinstance(event, Delivery)
    assert (event.fate, event.local) == (fate, fate is Fate.delivered)


def test_who_signed_in_is_told():
    signed, told = read(f"{ID}: AUTH=server, relay=h.x.example [203.0.113.9], authid=alice, mech=PLAIN, bits=0")
    assert isinstance(signed, SignedIn) and (signed.service, signed.login) == ("smtp", "alice")
    assert isinstance(told, Told) and told.user == "alice"


PIECES = [*' "\\<>()[]=,.', VICTIM, f"arg1=<{VICTIM}>, relay=[1.1.1.1], reject=550 x", f"to=<{VICTIM}>,"]


@given(st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
def test_nothing_that_a_stranger_writes_names_a_recipient(text: str):
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    for hostile in (
        f'ruleset=check_rcpt, arg1=<"{quoted}"@isp.example>, relay=h [203.0.113.9], reject=550 {text}',
        f'ruleset=check_mail, arg1=<"{quoted}"@isp.example>, relay=h [203.0.113.9], reject=550 {text}',
        f'from=<"{quoted}"@b.example>, size=1, class=0, nrcpts=1, msgid=<{text}>, relay=h [203.0.113.9]',
        f"to=<real@isp.example>, delay=1, mailer=esmtp, relay=h [203.0.113.9], dsn=2.0.0, stat=Sent ({text})",
    ):
        assert VICTIM not in recipients(read(f"{ID}: {hostile}"))


@given(st.text(max_size=100))
def test_no_text_raises(text: str):
    read(text)
    read(f"{ID}: {text}")
