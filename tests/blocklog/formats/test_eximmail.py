"""Mail that Exim took and what became of it, from lines as Exim 4.96 wrote them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.blocklog.codes import Fate, Outcome, Stage
from app.blocklog.event import Delivery, Ended, Event, Peer, Refused, SignedIn, Told
from app.blocklog.formats.exim import Reader
from tests.blocklog.lines import line, recipients

ID = "1xX24H-0007Qe-0E"
HOST = "H=mx.a.example (helo.a.example) [203.0.113.7]:54242 I=[127.0.0.1]:25"
VICTIM = "victim@isp.example"


def read(text: str) -> list[Event]:
    return list(Reader().read(line(text)))


def told(events: list[Event]) -> Told:
    return next(event for event in events if isinstance(event, Told))


def delivery(text: str) -> Delivery:
    (event,) = read(f"{ID} {text}")
    assert isinstance(event, Delivery)
    return event


@pytest.mark.parametrize("symbol", ["<=", "(="])
def test_mail_that_was_taken_names_all_of_its_recipients(symbol: str):
    """`(=`: its sender was told that it is refused, and it was delivered all the same."""
    events = read(
        f"2026-11-22 06:47:20 {ID} {symbol} a@sender.example {HOST} P=esmtps X=TLS1.3:x:256 S=301 "
        'id=1@sender.example T="A \\"word\\" for x@y.example" from <a@sender.example> '
        "for alice@isp.example bob@isp.example"
    )
    first = told(events)
    assert (first.queue_id, first.sender, first.message_id) == (ID, "a@sender.example", "<1@sender.example>")
    assert (first.size, first.count, first.subject) == (301, 2, 'A "word" for x@y.example')
    assert first.peer == Peer("203.0.113.7", "mx.a.example", "helo.a.example")
    assert recipients(events) == {"alice@isp.example", "bob@isp.example"}


def test_that_a_mail_was_answered_is_no_delivery():
    for symbol, why in (("=>", ""), ("**", ": no"), ("==", " defer (0): no")):
        assert read(f"{ID} {symbol} alice <alice@one.example> R=postern_away T=postern_away{why}") == []
    assert delivery("=> alice <alice@one.example> R=away T=local").recipient == "alice@one.example"


def test_a_new_id_is_an_id():
    assert told(read("1xX24H-00000007QeQ-0EAb <= <> R=1xX24H-0007Qe-0E U=exim P=local S=9")).sender == ""


def test_who_signed_in_to_send_used_smtp():
    events = read(f"{ID} <= a@isp.example {HOST} P=esmtpsa A=plain_login:alice@isp.example S=301 for b@c.example")
    assert told(events).user == "alice@isp.example"
    assert [(event.service, event.login, event.ip) for event in events if isinstance(event, SignedIn)] == [
        ("smtp", "alice@isp.example", "203.0.113.7")
    ]


def test_without_the_log_selector_no_recipient_is_known():
    assert recipients(read(f"{ID} <= a@b.example {HOST} P=esmtp S=3 id=1@b.example")) == set()


@pytest.mark.parametrize(
    "tail",
    [
        f'id="x for {VICTIM}"@z',
        f'T="for {VICTIM}"',
        f'T="\\" for {VICTIM}"',
        f'from <"x for {VICTIM}"@z>',
        f'for "x for {VICTIM}"@isp.example',
        f'for "x for {VICTIM} y"@isp.example "z"@isp.example',
    ],
)
def test_nothing_that_a_stranger_writes_names_a_recipient(tail: str):
    assert VICTIM not in recipients(read(f"{ID} <= a@b.example {HOST} P=esmtp S=3 {tail}"))


RAW = [
    *(f"x <{VICTIM}> R=a", f"{VICTIM} R=a", f"x ({VICTIM}) <{VICTIM}> R=a T=t", VICTIM, f'x <{VICTIM}> R=a"'),
    *(f' <{VICTIM}> R=a T="', f' A="x" <{VICTIM}> R=a T="', f'F=<{VICTIM}> R=a T="', f'A=1 <{VICTIM}> R=a X="b" Y="'),
]


@pytest.mark.parametrize("local", RAW)
def test_a_local_part_as_it_is_names_no_other(local: str):
    """Deliveries to mailboxes log it without its quotes."""
    quoted = local.replace("\\", "\\\\").replace('"', '\\"')
    assert VICTIM not in recipients(read(f'{ID} => {local} <"{quoted}"@isp.example> R=people T=boxes'))


@given(st.lists(st.sampled_from([*' "\\<>()=@', VICTIM, f" <{VICTIM}>", " R=r", ' T="']), max_size=12).map("".join))
def test_no_local_part_as_it_is_names_another(local: str):
    quoted = local.replace("\\", "\\\\").replace('"', '\\"')
    assert VICTIM not in recipients(read(f'{ID} => {local} <"{quoted}"@isp.example> R=people T=boxes'))
    escaped = "".join(f"\\{letter}" for letter in local)
    assert VICTIM not in recipients(read(f'{ID} => {local} <"{escaped}"@isp.example> R=people T=boxes'))


@given(
    st.lists(st.sampled_from([*' "\\<>()=a@.', f" for {VICTIM}", f"=> {VICTIM}"]), max_size=20).map("".join),
    st.sampled_from(["<=", "=>", "**", "=="]),
)
def test_quoted_text_names_no_recipient(text: str, symbol: str):
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    tail = {
        "<=": f'a@b.example {HOST} S=3 id="{quoted}"@z T="{quoted}" from <"{quoted}"@b> for real@isp.example',
        "=>": f'real@isp.example R=r T=smtp H=mx [1.2.3.4] C="250 {quoted}"',
        "**": f"real@isp.example R=r T=smtp H=mx [1.2.3.4]: SMTP error: 550 {text}",
        "==": f"real@isp.example R=r T=smtp defer (-44): SMTP error: 450 {text}",
    }[symbol]
    assert VICTIM not in recipients(read(f"{ID} {symbol} {tail}"))


@pytest.mark.parametrize(
    ("text", "recipient", "original", "local"),
    [
        ("=> alice <alice@isp.example> R=loc T=t", "alice@isp.example", None, True),
        ("-> bob <alias@isp.example> R=loc T=t S=301", "alias@isp.example", None, True),
        ("=> box@in.example (x@y.example) <alice@isp.example> R=r T=t", "box@in.example", "alice@isp.example", True),
        ('=> alice smith <"alice smith"@isp.example> R=r T=t', '"alice smith"@isp.example', None, True),
        ("=> /var/mail/a <alice@isp.example> R=r T=address_file", "alice@isp.example", None, True),
        ("=> |/usr/bin/p -x <alice@isp.example> R=r T=address_pipe", "alice@isp.example", None, True),
        ('=> a@isp.example R=r T=dovecot_lmtp H=in [10.0.0.1]:24 C="250 2.0.0 <a> Saved"', "a@isp.example", None, True),
        ("=> a@far.example R=dnslookup T=remote_smtp H=mx.far.example [192.0.2.9]", "a@far.example", None, False),
        (">> a@far.example R=dnslookup T=remote_smtp H=mx.far.example [192.0.2.9]", "a@far.example", None, False),
    ],
)
def test_a_delivery_names_whom_it_was_for(text: str, recipient: str, original: str | None, local: bool):
    event = delivery(text)
    assert (event.recipient, event.original, event.local) == (recipient, original, local)
    assert event.fate is Fate.delivered


def test_a_server_that_took_it_is_named_with_its_reply_and_its_own_id():
    event = delivery(
        "=> a@far.example R=dns T=remote_smtp H=mx.far.example [192.0.2.9]:25 X=TLS1.3:x:256 CV=yes "
        'C="250 2.0.0 Ok: queued as 4jXKbc6X7tzdxHd" QT=1s'
    )
    assert (event.relay, event.dsn, event.next_id) == ("mx.far.example[192.0.2.9]:25", "2.0.0", "4jXKbc6X7tzdxHd")
    assert event.reply == "250 2.0.0 Ok: queued as 4jXKbc6X7tzdxHd"
    assert delivery(f'=> a@b.example R=r T=s H=m [1.2.3.4] C="250 OK id={ID}"').next_id == ID


@pytest.mark.parametrize(
    ("text", "fate", "relay", "dsn", "reply"),
    [
        ("** x@isp.example: Unrouteable address", Fate.bounced, "", None, "Unrouteable address"),
        ("** x@isp.example <y@isp.example> R=failr: no such", Fate.bounced, "", None, "no such"),
        (
            "** a@far.example R=dns T=smtp H=mx.far.example [192.0.2.9]:25 X=TLS1.3:y:256: SMTP error from remote mail "
            "server after RCPT TO:<a@far.example>: 550 5.1.1 no such user",
            Fate.bounced,
            "mx.far.example[192.0.2.9]:25",
            "5.1.1",
            "SMTP error from remote mail server after RCPT TO:<a@far.example>: 550 5.1.1 no such user",
        ),
        ("== a@far.example R=dns T=smtp defer (110): timed out", Fate.deferred, "", None, "timed out"),
        (
            "== a@far.example R=dns T=smtp defer (-44) H=mx.far.example [192.0.2.9]: host said: 451 4.7.1 later",
            Fate.deferred,
            "mx.far.example[192.0.2.9]",
            "4.7.1",
            "host said: 451 4.7.1 later",
        ),
    ],
)
def test_what_failed_or_waits_says_why(text: str, fate: Fate, relay: str, dsn: str | None, reply: str):
    event = delivery(text)
    assert (event.fate, event.relay, event.dsn, event.reply, event.local) == (fate, relay, dsn, reply, False)


def test_what_an_acl_threw_away_after_data_was_thrown_away_for_all():
    (event,) = read(f"{ID} => blackhole (DATA ACL discarded recipients): [blk p=spam n=1 r=a@isp.example] thrown away")
    assert isinstance(event, Refused)
    assert (event.stage, event.outcome, event.text) == (Stage.end_of_message, Outcome.discarded, "thrown away")
    assert event.recipients == ("a@isp.example",)
    assert read(f"{ID} => blackhole (RCPT ACL discarded recipients)") == []


def test_a_black_hole_is_no_mailbox():
    event = delivery("=> :blackhole: <hole@isp.example> R=blk")
    assert (event.recipient, event.discarded, event.local) == ("hole@isp.example", True, False)


def test_a_trial_delivers_nothing_and_the_end_is_told():
    assert read(f"{ID} *> a@far.example R=dns T=smtp") == []
    (event,) = read(f"{ID} Completed")
    assert isinstance(event, Ended) and event.queue_id == ID
