"""What Exim refused, from its two logs: lines as Exim 4.96 wrote them, and as strangers would like them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.blocklog.codes import Outcome, Policy, Stage
from app.blocklog.event import Event, Odd, Peer, Refused, Told, Visit
from app.blocklog.formats.exim import Reader
from tests.blocklog.lines import line, recipients

HOST = "H=(mail.sender.example) [203.0.113.7]"
VICTIM = "victim@isp.example"


def read(text: str, program: str = "exim") -> list[Event]:
    return list(Reader().read(line(text, program)))


def refused(text: str, program: str = "exim") -> Refused:
    (found,) = [event for event in read(text, program) if isinstance(event, Refused)]
    return found


@pytest.mark.parametrize(
    "beginning",
    [
        "",
        "2026-11-22 06:47:20 ",
        "2026-11-22 06:47:20 +0000 ",
        "2026-11-22 06:47:20.668 -0330 [11998] ",
        "[11998] ",
        "[1\\2] 2026-11-22 06:47:20 ",
        "[1\\18] 2026-11-22 06:47:20 +0000 ",
    ],
)
@pytest.mark.parametrize(
    ("host", "peer"),
    [
        (HOST, Peer("203.0.113.7", "", "mail.sender.example")),
        ("H=mx.a.example [203.0.113.7]:40000 I=[192.0.2.1]:25", Peer("203.0.113.7", "mx.a.example", "mx.a.example")),
        ("H=mx.a.example (other) [203.0.113.7]:4 U=me", Peer("203.0.113.7", "mx.a.example", "other")),
        ("H=([2.181.148.95]) [2001:db8::1]:4 X=TLS1.3:x:256 CV=no", Peer("2001:db8::1", "", "[2.181.148.95]")),
        ('H=[203.0.113.7] SNI="a \\" F=<x@y>"', Peer("203.0.113.7")),
    ],
)
def test_a_refused_recipient_is_read_whatever_the_log_selector(beginning: str, host: str, peer: Peer):
    event = refused(f"{beginning}{host} F=<a@sender.example> rejected RCPT <nosuch@isp.example>: Unrouteable address")
    assert (event.stage, event.outcome, event.code) == (Stage.rcpt, Outcome.refused, 550)
    assert (event.recipients, event.whole, event.sender) == (("nosuch@isp.example",), True, "a@sender.example")
    assert (event.text, event.peer) == ("Unrouteable address", peer)
    assert event.pid == (11998 if "11998" in beginning else None)


def test_addresses_may_stand_without_brackets():
    event = refused(
        "2013-06-15 11:19:33 [2249] H=([2.181.148.95]) [2.181.148.95]:52391 I=[1.2.3.4]:25 F=fantasizesg4@google.com "
        "rejected RCPT some@email.com: rejected found in dnsbl zen.spamhaus.org"
    )
    assert event.recipients == ("some@email.com",) and event.sender == "fantasizesg4@google.com"
    assert event.text == "rejected found in dnsbl zen.spamhaus.org"


def test_the_null_sender_is_known_and_empty():
    assert refused(f"{HOST} F=<> rejected RCPT <nosuch@isp.example>: Unrouteable address").sender == ""


def test_a_delay_is_none_of_the_refusals():
    event = refused(f"{HOST} F=<grey1@list.example> temporarily rejected RCPT <alice@isp.example>: greylisted.")
    assert (event.outcome, event.code, event.text) == (Outcome.delayed, 451, "greylisted.")


def test_a_reason_that_begins_with_codes_says_what_the_client_was_told():
    event = refused(f"{HOST} F=<a@x.example> rejected RCPT <alice@isp.example>: 552 5.2.2 mailbox full")
    assert (event.code, event.dsn) == (552, "5.2.2")


def test_a_recipient_that_an_acl_discarded_was_not_refused():
    event = refused(f"{HOST} F=<disc@spam.example> RCPT <alice@isp.example>: discarded by RCPT ACL: discarded quietly")
    assert (event.outcome, event.code, event.recipients) == (Outcome.discarded, None, ("alice@isp.example",))
    assert event.text == "discarded quietly"


@pytest.mark.parametrize(
    ("text", "stage", "code", "policy", "sender"),
    [
        ('H=[198.51.100.66] rejected connection in "connect" ACL: [blk p=rbl d=zen.example]', 1, 550, Policy.rbl, None),
        (f"{HOST} rejected EHLO or HELO mx2.isp.example: REJECTED - Bad HELO", 2, 550, None, None),
        ("rejected EHLO from [203.0.113.7]:5 I=[1.2.3.4]:25: syntactically invalid argument(s): x]y", 2, 501, 10, None),
        ("rejected MAIL from mx.a.example [203.0.113.7]: no HELO/EHLO given", 3, 503, Policy.protocol, None),
        (f"{HOST} rejected MAIL <bad@mail.example>: no mail from you", 3, 550, None, "bad@mail.example"),
        (f"rejected MAIL FROM:<a@b.example> {HOST}:54302: message too big: size=9 max=6", 3, 552, 17, "a@b.example"),
        (f"{HOST} rejected DATA: not now", 5, 550, None, None),
        (f"too many recipients: excess temporarily rejected: sender=<a@b.example> {HOST}", 4, 452, 20, "a@b.example"),
        ("SMTP call from [203.0.113.7]:5 I=[1.2.3.4]:25 dropped: too many nonmail commands", 1, 554, 20, None),
        ("Connection from [203.0.113.7]:5 refused: too many connections", 1, 421, Policy.rate, None),
        ("refused connection from mx.a.example [203.0.113.7]:5 (host_reject_connection)", 1, 554, Policy.client, None),
        (f'SMTP protocol synchronization error (too soon): rejected "\\"<x" {HOST} next input="<v>"', 0, 554, 20, None),
    ],
)
def test_what_is_refused_before_any_recipient_names_nobody(text: str, stage: int, code: int, policy, sender):
    event = refused(text)
    assert (event.stage, event.code, event.policy, event.sender) == (stage, code, policy, sender)
    assert event.recipients == () and event.peer.ip in ("203.0.113.7", "198.51.100.66")


def test_after_data_the_tag_names_the_recipients():
    event = refused(
        f"1xV1M8-00037A-1N {HOST} F=<a@sender.example> rejected after DATA: [blk p=spam s=17.2 n=3 c=554 "
        'r=alice@isp.example,"b,x@y "@isp.example,carol@isp.example] spam score 17.2'
    )
    assert event.recipients == ("alice@isp.example", '"b,x@y "@isp.example', "carol@isp.example") and event.whole
    assert (event.policy, event.score, event.code, event.text) == (Policy.spam, 17.2, 554, "spam score 17.2")
    assert (event.queue_id, event.stage) == ("1xV1M8-00037A-1N", Stage.end_of_message)


@pytest.mark.parametrize(
    "line_",
    [
        "rejected after DATA: This message was classified as spam",
        "rejected during MIME ACL checks: A .exe attachment is not allowed",
        "rejected by local_scan(): no",
    ],
)
def test_without_a_tag_the_mainlog_says_that_and_not_whose(line_: str):
    event = refused(f"1xV1M8-00037A-1N {HOST} F=<a@sender.example> {line_}")
    assert (event.recipients, event.whole, event.stage) == ((), False, Stage.end_of_message)
    assert event.text == line_.partition(": ")[2]


def test_a_message_that_is_too_big_while_it_is_read_has_an_id():
    event = refused(f"1xV1M8-00037I-1f rejected from <a@sender.example> {HOST}: message too big: read=70017 max=60000")
    assert (event.queue_id, event.policy, event.code) == ("1xV1M8-00037I-1f", Policy.size, 552)


RECORD = f"""1xV1M8-00037B-1Q {HOST} F=<a@sender.example> rejected after DATA: This message was classified as spam
Envelope-from: <a@sender.example>
Envelope-to: <alice@isp.example>
    <bob@isp.example>
    <carol@isp.example>
    <dave@isp.example>
    <erin@isp.example>
    ...
P Received: from [203.0.113.7] (helo=mail.sender.example)
	by mx.isp.example with esmtp (Exim 4.96)
F From: a@sender.example
  Envelope-to: <{VICTIM}>
    <{VICTIM}>
  Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
 Envelope-to: <{VICTIM}>
I Message-ID: <1@sender.example>"""


def test_a_record_of_the_rejectlog_names_five_recipients_and_says_when_there_were_more():
    event = refused(RECORD, "exim-reject")
    assert event.recipients == tuple(f"{name}@isp.example" for name in ("alice", "bob", "carol", "dave", "erin"))
    assert not event.whole and event.queue_id == "1xV1M8-00037B-1Q"
    assert [each.count for each in read(RECORD, "exim-reject") if isinstance(each, Told)] == [6]
    assert event.subject == f"Grüße Envelope-to: <{VICTIM}>" and event.message_id == "<1@sender.example>"
    assert refused(RECORD.replace("    ...\n", ""), "exim-reject").whole


def test_fields_of_a_message_are_no_lines_of_the_record():
    no_recipients = RECORD.replace("Envelope-to: <alice", "X: <alice", 1)
    assert refused(no_recipients, "exim-reject").recipients == ()


def test_what_stands_in_both_logs_is_told_by_one():
    assert read(f"{HOST} F=<a@x.example> rejected RCPT <nosuch@isp.example>: Unrouteable address", "exim-reject") == []


@pytest.mark.parametrize(
    ("action", "outcome", "code"),
    [
        ("silently tossed", Outcome.discarded, None),
        ("permanently rejected", Outcome.refused, 550),
        ("temporarily rejected", Outcome.delayed, 451),
    ],
)
def test_sa_exim_names_its_recipients_at_the_end(action: str, outcome: Outcome, code: int | None):
    event = refused(
        f"1VxHRO-000NiI-Ly SA: Action: {action} message: score=31.0 required=5.0 trigger=30.0 (scanned in 4 secs | "
        "Message-Id: <x). From <b@c.example> (host=NULL [1.1.1.1]) for victim@isp.example>). From <x@y.example> "
        "(host=dsl.y.example [188.76.45.72]) for me@my.example, you@my.example"
    )
    assert (event.outcome, event.code, event.score, event.sender) == (outcome, code, 31.0, "x@y.example")
    assert event.recipients == ("me@my.example", "you@my.example") and event.peer.ip == "188.76.45.72"


@pytest.mark.parametrize(
    "text",
    [
        f"{HOST} incomplete transaction (QUIT) from <a@sender.example>",
        f"{HOST} incomplete transaction (RSET) from <a@sender.example> for alice@isp.example",
        f"{HOST} Warning: rejected RCPT <alice@isp.example>: only warned",
        f"{HOST} F=<a@b.example> Warning: rejected RCPT <alice@isp.example>: only warned",
        f"{HOST} sender verify fail for <x@nowhere.example>: Unrouteable address",
        "no host name found for IP address 203.0.113.7",
        "exim 4.96 daemon started: pid=28059, no queue runs, listening for SMTP on port 25",
        "SMTP error from remote mail server after RCPT TO:<a@b.example>: 550 rejected",
    ],
)
def test_what_is_no_refusal_gives_none(text: str):
    assert read(text) == []


def test_a_refusal_in_no_known_form_is_kept_for_administrators():
    (event,) = read("remote host address is the local host and was rejected somehow")
    assert isinstance(event, Odd)


def test_a_closed_connection_counts_for_its_server():
    (visit,) = read("SMTP connection from mx.a.example (x) [203.0.113.7]:40000 I=[192.0.2.1]:25 closed by QUIT")
    assert isinstance(visit, Visit)
    assert (visit.ip, visit.connections, visit.quit, visit.reverse_ok) == ("203.0.113.7", 1, 1, 1)


FORGED = [
    # A HELO that may hold anything (helo_accept_junk_hosts), before the host's address.
    f"H=(x) [1.1.1.1] F=<a@b.example> rejected RCPT <{VICTIM}>: y () [203.0.113.7] F=<s@t.example> rejected RCPT "
    "<real@isp.example>: no",
    # The same, before a refusal that names nobody; or where the real end of the HELO is cut off.
    f"H=(x) [1.1.1.1] F=<a@b.example> rejected RCPT <{VICTIM}>: y () [203.0.113.7] rejected MAIL <s@t.example>: no",
    f"1xV1M8-00037A-1N H=(x) [1.1.1.1] F=<a@b> rejected RCPT <{VICTIM}>: () [203.0.113.7] F=<> rejected after DATA: n",
    f"H=(x) [1.1.1.1] F=<a@b> RCPT <{VICTIM}>: discarded by RCPT ACL: () [203.0.113.7] rejected MAIL <>: no",
    f"H=(x) [1.1.1.1] F=<> rejected after DATA: [blk p=spam n=1 r={VICTIM}] () [203.0.113.7] rejected MAIL <>: no",
    f"[1/2] 2026-11-22 06:47:20 H=(x) [1.1.1.1] F=<a@b> rejected RCPT <{VICTIM}>: {'y' * 800}",
    f"H=(x) [1.1.1.1] F=<a@b> rejected RCPT <{VICTIM}>: yyy**** log string overflowed log buffer ****",
    # A reply to a callout, at the end.
    f"{HOST} F=<s@t.example> rejected RCPT <real@isp.example>: it said: 550 F=<a@b> rejected RCPT <{VICTIM}>: n",
    # An ident reply.
    f"H=mx [203.0.113.7] U=x F=<a@b.example> rejected RCPT <{VICTIM}>: F=<s@t> rejected RCPT <r@isp.example>: n",
    # Quoted local parts of sender and recipient.
    f'{HOST} F=<"x> rejected RCPT <{VICTIM}>: y"@t.example> rejected RCPT <real@isp.example>: no',
    f'{HOST} F=<s@t.example> rejected RCPT <"a> rejected RCPT <{VICTIM}>: b"@isp.example>: no',
    # A recipient that Exim cut at 100 characters.
    f'{HOST} F=<s@t.example> rejected RCPT <"{"a" * 90}: no "{VICTIM}',
    # A tag where none of ours can stand: not at the beginning, in a wrong number, before DATA.
    f"1xV1M8-00037A-1N {HOST} F=<s@t.example> rejected after DATA: spam: [blk p=spam n=1 r={VICTIM}]",
    f"1xV1M8-00037A-1N {HOST} F=<s@t.example> rejected after DATA: [blk p=spam n=1 r=x,{VICTIM},y@z]",
    f"{HOST} F=<s@t.example> rejected RCPT <real@isp.example>: [blk p=rbl n=1 r={VICTIM}]",
    f'1xV1M8-00037A-1N {HOST} F=<s@t.example> rejected after DATA: [blk p=spam n=1 r="a,{VICTIM},b"@isp.example]',
]


@pytest.mark.parametrize("text", FORGED)
def test_nothing_that_a_stranger_writes_names_a_recipient(text: str):
    assert VICTIM not in recipients(read(text))


def test_a_refusal_that_syslog_has_twice_is_one():
    reader = Reader()
    text = f"2026-11-22 06:47:20 +0000 [7] {HOST} F=<a@b.example> rejected RCPT <c@isp.example>: no"
    told = [list(reader.read(line(text, pid=pid))) for pid in (7, 8, 7, 8, 7)]
    assert [bool(each) for each in told] == [True, True, False, False, True]
    in_files = text.partition("] ")[2]  # where the follower took time and process off
    assert all(list(reader.read(line(in_files, pid=7))) for _ in range(3))


@pytest.mark.parametrize("piece", ["[2/14] ", "[2\\14] ", "[11/14] ", "[11\\14] "])
def test_a_further_piece_of_a_record_in_syslog_is_no_line(piece: str):
    """Where a long header was cut, a stranger's words stand at its beginning."""
    assert read(f"{piece}{HOST} F=<s@t.example> rejected RCPT <{VICTIM}>: no") == []
    assert read(f"{piece}1xV1M8-00037A-1N => {VICTIM} R=r T=t") == []


PIECES = [*' "\\<>()[]:;,=@abFHRCPT\t\n', VICTIM, f"rejected RCPT <{VICTIM}>: "]
HOSTILE = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


ENDS = [
    'F=<"{sender}"@t.example> rejected RCPT <real@isp.example>: callout: 550 {reason}',
    'rejected MAIL <"{sender}"@t.example>: {reason}',
    'F=<"{sender}"@t.example> rejected after DATA: {reason}',
]


@given(helo=HOSTILE, sender=HOSTILE, reason=HOSTILE, end=st.sampled_from(ENDS))
def test_a_helo_a_quoted_sender_and_a_reply_name_nobody(helo: str, sender: str, reason: str, end: str):
    # As Exim writes them: no line breaks; a local part's quotes and backslashes are escaped.
    quoted = sender.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "")
    text = f"H=({helo}) [203.0.113.7] {end.format(sender=quoted, reason=reason)}".replace("\n", "\\n")
    assert recipients(read(text)) <= {"real@isp.example"}


@given(st.text(max_size=200))
def test_no_text_raises(text: str):
    for program in ("exim", "exim-reject"):
        read(text, program)
        read(f"1xV1M8-00037A-1N {text}", program)
        read(f"{HOST} F=<{text}> rejected {text}\n{text}", program)


@pytest.mark.parametrize(
    "piece", ['"', "<", "(", "H=(", "F=<", ' "\\', " a=", "rejected ", "[blk p=", ",a@b", "RCPT <", ": ", "a@", " for"]
)
def test_a_line_of_a_megabyte_takes_no_longer_than_its_length(piece: str):
    started = time.thread_time()
    for text in (piece, f"{HOST} F=<{piece}", f"1xV1M8-00037A-1N SA: Action: silently tossed message: score=1{piece}"):
        read(text + piece * (1_000_000 // len(piece)))
        read(f"{HOST} F=<a@b> rejected RCPT <" + piece * (1_000_000 // len(piece)))
    assert time.thread_time() - started < 2
