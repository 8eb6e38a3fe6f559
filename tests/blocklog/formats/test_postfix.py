"""What Postfix' lines tell. The lines are Postfix 3.7's own, or those of other sites, with names of examples."""

from datetime import UTC, datetime

import pytest

from app.blocklog.codes import Outcome, Policy, Stage
from app.blocklog.event import Ended, Event, Line, Odd, Peer, Refused, Screened, SignedIn, Told, Visit
from app.blocklog.formats.fields import DENIED
from app.blocklog.formats.postfix import Reader
from app.policy import answers

AT = datetime(2026, 11, 22, 6, 47, 20, tzinfo=UTC)
FROM = "mail.sender.example[203.0.113.7]"
TAIL = "from=<a@sender.example> to=<dave@isp.example> proto=ESMTP helo=<mail.sender.example>"
PEER = Peer("203.0.113.7", "mail.sender.example", "mail.sender.example")


def read(text: str, program: str = "smtpd", instance: str = "postfix") -> tuple[Event, ...]:
    return tuple(Reader().read(Line(AT, "mx1", program, instance, 10902, text)))


def refused(text: str, program: str = "smtpd") -> Refused:
    *_, event = read(text, program)
    assert isinstance(event, Refused)
    return event


def test_a_refused_recipient_is_read_whole() -> None:
    assert refused(
        f"NOQUEUE: reject: RCPT from {FROM}: 550 5.1.1 <nosuch@isp.example>: Recipient address rejected: User unknown "
        "in relay recipient table; from=<a@sender.example> to=<nosuch@isp.example> proto=ESMTP "
        "helo=<mail.sender.example>"
    ) == Refused(
        AT,
        "postfix",
        None,
        Stage.rcpt,
        Outcome.refused,
        "<nosuch@isp.example>: Recipient address rejected: User unknown in relay recipient table",
        recipients=("nosuch@isp.example",),
        sender="a@sender.example",
        peer=PEER,
        code=550,
        dsn="5.1.1",
        pid=10902,
    )


@pytest.mark.parametrize(
    ("word", "stage"),
    [
        ("CONNECT", Stage.connect),
        ("EHLO", Stage.helo),
        ("HELO", Stage.helo),
        ("MAIL", Stage.mail),
        ("RCPT", Stage.rcpt),
        ("DATA", Stage.data),
        ("END-OF-MESSAGE", Stage.end_of_message),
        ("ETRN", Stage.unknown),
    ],
)
def test_a_line_names_its_stage(word: str, stage: Stage) -> None:
    event = refused(f"NOQUEUE: reject: {word} from {FROM}: 554 5.7.1 no; proto=ESMTP helo=<x>")
    assert (event.stage, event.recipients, event.sender) == (stage, (), None)


@pytest.mark.parametrize(
    ("action", "outcome"),
    [
        ("reject", Outcome.refused),
        ("milter-reject", Outcome.refused),
        ("proxy-reject", Outcome.refused),
        ("hangup", Outcome.refused),
        ("discard", Outcome.discarded),
        ("milter-discard", Outcome.discarded),
        ("hold", Outcome.held),
        ("milter-hold", Outcome.held),
    ],
)
def test_what_stops_a_message_is_an_event(action: str, outcome: Outcome) -> None:
    assert refused(f"4jXKbc6X7tzdxHd: {action}: RCPT from {FROM}: no; {TAIL}").outcome is outcome


@pytest.mark.parametrize(
    "action", ["reject_warning", "filter", "redirect", "bcc", "delay", "warn", "prepend", "replace"]
)
def test_what_stops_nothing_is_none(action: str) -> None:
    assert read(f"NOQUEUE: {action}: RCPT from {FROM}: 550 5.7.1 no; {TAIL}") == ()


def test_a_temporary_refusal_delays() -> None:
    event = refused(f"NOQUEUE: milter-reject: RCPT from {FROM}: 451 4.7.1 Greylisting in action; {TAIL}")
    assert (event.outcome, event.code, event.dsn, event.text) == (
        Outcome.delayed,
        451,
        "4.7.1",
        "Greylisting in action",
    )


def test_a_client_without_a_name_has_none_and_an_address_is_canonical() -> None:
    event = refused(f"NOQUEUE: reject: RCPT from unknown[2001:0DB8::0007]:4711: 550 5.7.1 no; {TAIL}")
    assert event.peer == Peer("2001:db8::7", "", "mail.sender.example")


def test_the_null_sender_and_addresses_of_all_alphabets_are_kept_as_they_are() -> None:
    event = refused(f"NOQUEUE: reject: RCPT from {FROM}: 550 5.7.1 no; from=<> to=<Jörg+a@ISP.Example> proto=ESMTP")
    assert (event.sender, event.recipients) == ("", ("Jörg+a@ISP.Example",))


def test_who_signed_in_stands_behind_the_envelope() -> None:
    text = f"NOQUEUE: reject: RCPT from {FROM}: 554 5.7.1 no; {TAIL} sasl_method=PLAIN, sasl_username=bob@isp.example"
    assert refused(text).recipients == ("dave@isp.example",)


def test_behind_data_smtpd_names_a_recipient_only_where_there_is_one() -> None:
    assert refused(f"A8A05220359: reject: DATA from {FROM}: 550 5.5.3 no; {TAIL}").whole
    event = refused(
        f"A8A05220359: reject: END-OF-MESSAGE from {FROM}: 554 5.7.1 <END-OF-MESSAGE>: End-of-data rejected: no; "
        "from=<eom@x.example> proto=ESMTP helo=<mail.sender.example>"
    )
    assert (event.queue_id, event.recipients, event.whole) == ("A8A05220359", (), False)


def test_a_milter_behind_data_names_the_last_recipient_and_no_code() -> None:
    event = refused(f"5787B220358: milter-reject: END-OF-MESSAGE from {FROM}: 5.7.1 Spam; {TAIL}", "cleanup")
    assert (event.code, event.dsn, event.text) == (None, "5.7.1", "Spam")
    assert (event.recipients, event.whole) == (("dave@isp.example",), False)


def test_a_header_check_names_its_reply_behind_the_envelope() -> None:
    event = refused(
        f"52A51220356: reject: header Subject: buy now from {FROM}; {TAIL}: 5.7.1 h17 suspicious", "cleanup"
    )
    assert (event.text, event.code, event.dsn, event.policy) == ("h17 suspicious", 550, "5.7.1", Policy.header)
    assert (event.subject, event.recipients, event.peer) == ("buy now", ("dave@isp.example",), PEER)


@pytest.mark.parametrize(
    ("kind", "policy"),
    [
        ("header X-Mailer: bulk", Policy.header),
        ('header Content-Type: x; name="a.exe"', Policy.mime),
        ('header content-disposition: attachment; filename="a.exe"', Policy.mime),
        ("body buy our pills", Policy.body),
    ],
)
def test_a_check_of_content_is_classed_by_what_it_looked_at(kind: str, policy: Policy) -> None:
    event = refused(f"52A51220356: reject: {kind} from {FROM}; {TAIL}: 5.7.1 no", "cleanup")
    assert (event.policy, event.recipients) == (policy, ("dave@isp.example",))


def test_a_check_without_a_text_of_its_own_shows_what_it_looked_at() -> None:
    assert refused(f"52A51220356: discard: body buy our pills from {FROM}; {TAIL}", "cleanup").text == "buy our pills"


def test_a_mime_error_has_an_ending_of_its_own() -> None:
    event = refused(
        "52A51220356: reject: mime-error improper use of 8-bit data in message header: Subject: x from "
        f"{FROM}; from=<a@sender.example> to=<dave@isp.example>",
        "cleanup",
    )
    assert (event.policy, event.recipients) == (Policy.header, ("dave@isp.example",))


def test_a_mail_of_the_machine_itself_is_nobodys() -> None:
    assert (
        read("52A51220356: reject: header Subject: x from local; from=<root@isp.example> to=<a@b>: 5.7.1 no", "cleanup")
        == ()
    )


def test_a_subject_that_is_only_logged_is_told() -> None:
    text = f"52A51220356: info: header Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from {FROM}; {TAIL}"
    assert read(text, "cleanup") == (Told(AT, "postfix", "52A51220356", subject="Grüße"),)


def test_postscreen_writes_commas_and_no_name() -> None:
    event = refused(
        "NOQUEUE: reject: RCPT from [80.94.91.184]:25584: 550 5.7.1 Service unavailable; client [80.94.91.184] blocked "
        "using zen.spamhaus.org; from=<s@spam.example>, to=<alice@isp.example>, proto=ESMTP, helo=<spam.example>",
        "postscreen",
    )
    assert event.peer == Peer("80.94.91.184", "", "spam.example")
    assert (event.sender, event.recipients) == ("s@spam.example", ("alice@isp.example",))
    assert event.text == "Service unavailable; client [80.94.91.184] blocked using zen.spamhaus.org"


def test_postscreen_without_room_names_no_reply_codes() -> None:
    event = refused("NOQUEUE: reject: CONNECT from [80.94.91.184]:25584: too many connections", "postscreen")
    assert (event.stage, event.text, event.peer.ip) == (Stage.connect, "too many connections", "80.94.91.184")


@pytest.mark.parametrize(
    "text",
    [
        "CONNECT from [80.94.91.184]:1 to [192.0.2.1]:25",
        "PREGREET 11 after 0.1 from [80.94.91.184]:1: EHLO x",
        "DNSBL rank 5 for [80.94.91.184]:1",
    ],
)
def test_postscreens_verdicts_on_clients_stop_no_message(text: str) -> None:
    (event,) = read(text, "postscreen")
    assert isinstance(event, Screened)


def test_the_key_of_a_block_list_is_not_kept() -> None:
    listed = (
        "Service unavailable; Client host [203.0.113.7] blocked using abcdefgh1234ijklmnop5678qr.zen.dq.list.example"
    )
    assert "abcdefgh" not in refused(f"NOQUEUE: reject: RCPT from {FROM}: 554 5.7.1 {listed}; {TAIL}").text


@pytest.mark.parametrize(
    ("text", "queue_id"),
    [
        (f"4jXKbc6X7tzdxHd: info: RCPT from {FROM}: rcpt accepted; {TAIL}", "4jXKbc6X7tzdxHd"),
        (f"NOQUEUE: info: RCPT from {FROM}: rcpt accepted; {TAIL}", ""),
        (f"4jXKbc6kvNz: permit: RCPT from {FROM}: action=permit for Recipient address=x ; {TAIL}", "4jXKbc6kvNz"),
    ],
)
def test_a_recipient_that_was_accepted_is_told(text: str, queue_id: str) -> None:
    told = Told(AT, "postfix", queue_id, 10902, "a@sender.example", "dave@isp.example", PEER)
    assert read(text) == (told,)


def test_all_ports_of_a_postfix_share_its_queue() -> None:
    text = "5787B220358: client=localhost[127.0.0.1]"
    (told,) = read(text, instance="postfix/submission")
    assert isinstance(told, Told)
    assert told.instance == "postfix"
    (told,) = read(text, instance="postfix-in")
    assert isinstance(told, Told)
    assert told.instance == "postfix-in"


def test_a_message_is_told_by_its_four_lines() -> None:
    login = f"5787B220358: client={FROM}, sasl_method=PLAIN, sasl_username=bob@isp.example"
    peer = Peer("203.0.113.7", "mail.sender.example")
    assert read(login) == (
        Told(AT, "postfix", "5787B220358", 10902, peer=peer, user="bob@isp.example"),
        SignedIn(AT, "smtp", "bob@isp.example", "203.0.113.7"),
    )
    named = read("5787B220358: message-id=<1@sender.example>", "cleanup")
    assert named == (Told(AT, "postfix", "5787B220358", message_id="<1@sender.example>"),)
    queued = read("5787B220358: from=<a@sender.example>, size=1234, nrcpt=2 (queue active)", "qmgr")
    assert queued == (Told(AT, "postfix", "5787B220358", sender="a@sender.example", size=1234, count=2),)
    assert read("5787B220358: removed", "qmgr") == (Ended(AT, "postfix", "5787B220358"),)


def test_a_filter_that_hands_a_message_back_names_who_sent_it() -> None:
    (told,) = read(f"5787B220358: client=localhost[127.0.0.1], orig_queue_id=52A51220356, orig_client={FROM}")
    assert isinstance(told, Told)
    assert told.peer == Peer("203.0.113.7", "mail.sender.example")


def test_a_visit_counts_what_was_taken_and_refused() -> None:
    assert read(f"disconnect from {FROM} ehlo=1 mail=1/2 rcpt=1/3 data=1 quit=1 commands=5/8") == (
        Visit(AT, "203.0.113.7", connections=1, reverse_ok=1, helo_ok=1, quit=1, bad_from=1, bad_rcpt=2, ok_rcpt=1),
    )
    assert read("disconnect from unknown[203.0.113.9] helo=0/1 commands=0/1") == (
        Visit(AT, "203.0.113.9", connections=1),
    )


def test_neither_our_own_programs_nor_our_own_people_are_visitors() -> None:
    assert read("disconnect from localhost[127.0.0.1] ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5") == ()
    assert read(f"disconnect from {FROM} ehlo=1 auth=1 mail=1 rcpt=1 data=1 quit=1 commands=6") == ()


def test_a_limit_of_a_client_is_known_by_its_warning_only() -> None:
    event = refused(f"warning: Connection rate limit exceeded: 61 from {FROM} for service smtp")
    assert (event.stage, event.policy, event.outcome, event.peer.ip) == (
        Stage.connect,
        Policy.rate,
        Outcome.delayed,
        "203.0.113.7",
    )


def test_a_message_that_was_too_large_is_known_by_its_warning_only() -> None:
    event = refused("warning: 5787B220358: queue file size limit exceeded")
    assert (event.queue_id, event.policy, event.code, event.recipients) == ("5787B220358", Policy.size, 552, ())


def test_a_refusal_that_breaks_off_is_shown_to_administrators() -> None:
    (event,) = read(f"NOQUEUE: reject: RCPT from {FROM}: 550 5.1.1 <x@isp.example>: Recip")
    assert isinstance(event, Odd)


OWN = f"reject: RCPT from {FROM}: 554 5.7.1 <dave@isp.example>: Recipient address rejected: {DENIED}"


def test_our_own_rule_is_known_by_its_number() -> None:
    found = refused(f"NOQUEUE: {OWN} [rule 42]; {TAIL}")
    assert (found.rule, found.policy, found.recipients) == (42, Policy.rule, ("dave@isp.example",))
    assert DENIED == answers.DENIED


@pytest.mark.parametrize(
    "text",
    [
        OWN,
        f"{OWN} [rule 0]",
        f"{OWN} [rule 4294967296]",
        f"{OWN} [rule 42] and more",
        OWN.replace("dave@", "carol@") + " [rule 42]",
        f"{OWN} [rule 42]".replace("reject:", "milter-reject:"),
        f"{OWN} [rule 42]".replace("reject:", "proxy-reject:"),
        # What another server said of the recipient, which Postfix tells on (reject_unverified_recipient).
        f"reject: RCPT from {FROM}: 550 5.1.1 <dave@isp.example>: Recipient address rejected: undeliverable address: "
        f"host mx.other.example said: 550 <dave@isp.example>: Recipient address rejected: {DENIED} [rule 42]",
    ],
)
def test_nobody_else_names_a_rule(text: str) -> None:
    assert refused(f"NOQUEUE: {text}; {TAIL}").rule is None
