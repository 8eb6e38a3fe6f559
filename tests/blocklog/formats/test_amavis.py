"""amavis' verdicts, and that no attachment's name and no Subject makes one."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.blocklog.codes import Outcome, Policy, Stage
from app.blocklog.event import Event, Line, Odd, Refused
from app.blocklog.formats.amavis import Reader

AT = datetime(2026, 11, 22, 6, 47, 20, tzinfo=UTC)
ENVELOPE = "[192.0.2.7]:1 <a@b.example> -> <c@d.example>"
FAKE = (
    "x) {DiscardedInbound,Quarantined}, [192.0.2.1]:25 [192.0.2.1] <x@y.example> -> <victim@isp.example>, Queue-ID: 1"
)


def read(text: str) -> tuple[Event, ...]:
    return tuple(Reader().read(Line(AT, "mx1", "amavis", "amavis", 7, text)))


def refused(text: str) -> Refused:
    (event,) = read(text)
    assert isinstance(event, Refused)
    return event


def test_a_message_that_is_kept_names_all_recipients_and_where() -> None:
    assert refused(
        "(00001-02) Blocked SPAM {DiscardedInbound,Quarantined}, [127.0.0.1]:4000 [198.51.100.7] <info@far.example> "
        "-> <office@isp.example>,<carol@isp.example>, quarantine: Q1/QQQ1, Queue-ID: 4Pc3ZX1jFxz3tBr, Message-ID: "
        "<1@partner.example>, mail_id: QQQ1, Hits: 9.397, size: 1315, 2426 ms"
    ) == Refused(
        AT,
        "amavis",
        None,
        Stage.after_acceptance,
        Outcome.quarantined,
        "SPAM",
        recipients=("office@isp.example", "carol@isp.example"),
        whole=True,
        sender="info@far.example",
        peer=refused(SPAM).peer,
        policy=Policy.spam,
        score=9.397,
        message_id="<1@partner.example>",
        stored="amavis:QQQ1",
        partner="4Pc3ZX1jFxz3tBr",
        pid=7,
    )


SPAM = "(1-2) Blocked SPAM {DiscardedInbound}, [127.0.0.1]:4000 [198.51.100.7] <a@b.example> -> <c@isp.example>, 2 ms"


def test_the_client_is_the_second_address() -> None:
    assert refused(SPAM).peer.ip == "198.51.100.7"


def test_what_is_thrown_away_without_a_copy_is_not_kept() -> None:
    event = refused(SPAM)
    assert (event.outcome, event.stored, event.score, event.partner) == (Outcome.dropped, None, None, None)


def test_a_forbidden_attachment_is_named() -> None:
    event = refused(
        "(351462-17) Blocked BANNED (.exe,.exe-ms,Purchase Order-20230315-pdf.scr) {DiscardedInbound,Quarantined}, "
        "[212.227.15.19]:46759 [35.188.35.122] ESMTP/ESMTP <u@far.example> -> <u@isp.example>, "
        "quarantine: t3d7qJkAoigg, Queue-ID: 4Pc3ZX1jFxz3tBr, mail_id: t3d7qJkAoigg, b: yBZPxzWx2, Hits: -, size: 32, "
        'Subject: "Re: Order", 9 ms'
    )
    assert (event.policy, event.stored, event.score) == (Policy.mime, "amavis:t3d7qJkAoigg", None)
    assert event.detail == ".exe,.exe-ms,Purchase Order-20230315-pdf.scr"


def test_a_virus_is_named() -> None:
    event = refused(
        "(1-2) Blocked INFECTED (Eicar-Signature) {RejectedInbound}, [192.0.2.7]:1 <a@b.example> -> <c@d.example>, 2 ms"
    )
    assert (event.policy, event.detail, event.outcome) == (Policy.virus, "Eicar-Signature", Outcome.refused)
    assert (event.stage, event.peer.ip) == (Stage.end_of_message, "192.0.2.7")


def test_spam_that_is_delivered_with_a_mark_is_junk() -> None:
    event = refused(
        "(10410-08) Passed SPAM {RelayedTaggedInbound}, [28.55.140.112]:54908 [224.222.170.185] <> -> <h@h.example>, "
        "Queue-ID: 4F5C64474F, mail_id: eFtKEm8YvMkT, Hits: 5.397, size: 1315, queued_as: ED01244770, 2426 ms"
    )
    assert (event.outcome, event.sender, event.score) == (Outcome.junked, "", 5.397)


@pytest.mark.parametrize("kind", ["CLEAN", "SPAM", "BAD-HEADER-3", "UNCHECKED-ENCRYPTED"])
def test_what_is_delivered_as_it_is_was_not_stopped(kind: str) -> None:
    assert read(f"(1-2) Passed {kind} {{RelayedInbound}}, [192.0.2.7]:1 <a@b.example> -> <c@d.example>, 2 ms") == ()


@pytest.mark.parametrize("kind", ["SPAM", "SPAMMY", "BAD-HEADER-7", "OVERSIZED", "MTA-BLOCKED", "OTHER"])
def test_each_kind_is_read(kind: str) -> None:
    text = f"(1-2) Blocked {kind} {{DiscardedInbound}}, MYNETS LOCAL [192.0.2.7]:1 <a@b.example> -> <c@d.example>, 2 ms"
    assert refused(text).recipients == ("c@d.example",)


@pytest.mark.parametrize(
    "text",
    [
        f"(1-2) Blocked BANNED (.exe,{FAKE}, {FAKE}) {{DiscardedInbound}}, {ENVELOPE}, x, 2 ms",
        f'(1-2) Blocked SPAM {{DiscardedInbound}}, {ENVELOPE}, Subject: "{FAKE}", 2 ms',
        f"(1-2) Blocked BANNED (.exe,{FAKE}",
        "(1-2) Blocked SPAM {DiscardedInbound}, 2 ms",
    ],
)
def test_a_copy_of_an_envelope_makes_a_line_odd(text: str) -> None:
    (event,) = read(text)
    assert isinstance(event, Odd)


def test_a_copy_in_a_name_of_an_attachment_is_none() -> None:
    event = refused(
        f"(1-2) Blocked BANNED (.exe,{FAKE}) {{DiscardedInbound}}, {ENVELOPE}, Queue-ID: 4Pc3ZX1jFxz3tBr, "
        "Message-ID: <1@x.example>, mail_id: CVbsiNNusghK, Hits: -, size: 612, 15 ms"
    )
    assert (event.recipients, event.partner, event.outcome) == (("c@d.example",), "4Pc3ZX1jFxz3tBr", Outcome.dropped)


def test_a_message_id_is_no_field() -> None:
    strange = SPAM.replace(
        ", 2 ms", ", Message-ID: <x>, mail_id: VICTIM, Hits: 1, Queue-ID: 1234567, mail_id: REAL, Hits: 2"
    )
    assert refused(strange.replace("Inbound", "Inbound,Quarantined")).stored in (None, "amavis:VICTIM")
    assert refused(strange).partner is None


@pytest.mark.parametrize(
    "kind", [f"Blocked BANNED (.exe,{FAKE})", "Blocked SPAM", "Passed BAD-HEADER", "Blocked INFECTED (Eicar)"]
)
def test_the_line_of_each_recipient_tells_no_more(kind: str) -> None:
    assert read(f'(1-2) {kind}, <"a b"@x.example> -> , Hits: -, tag=0, tag2=0, kill=0, L/0/0/0') == ()
    assert read(f"(1-2) {kind}, <a@b.example> -> <c@d.example>, Hits: 1, kill=0, queued_as: ABCDEF123, L/Y/0/0") == ()


def test_a_real_line_is_read() -> None:
    event = refused(
        "(13514-01) Blocked BANNED (application/octet-stream,a.exe) {DiscardedInbound,Quarantined}, [203.0.113.7]:4711 "
        '[203.0.113.7] <"a b"@sender.example> -> <alice@isp.example>,<"c, d"@isp.example>, '
        "quarantine: banned-DpAbH1Gm7Tgj, Queue-ID: 4Pc3ZX1jFxz3tBr, "
        "Message-ID: <1@x.example>, mail_id: DpAbH1Gm7Tgj, Hits: -, size: 279, 64 ms"
    )
    assert event.recipients == ("alice@isp.example", '"c, d"@isp.example')
    assert (event.sender, event.partner, event.stored) == (
        '"a b"@sender.example',
        "4Pc3ZX1jFxz3tBr",
        "amavis:DpAbH1Gm7Tgj",
    )


@given(
    st.text(max_size=200),
    st.sampled_from(["", FAKE, "> -> <", ", quarantine: v", ", Queue-ID: 1234567"]),
    st.text(max_size=40),
)
def test_no_text_of_a_stranger_names_a_recipient(before: str, fake: str, after: str) -> None:
    end = "Hits: -, size: 612, 15 ms"
    text = f"(1-2) Blocked BANNED ({before}{fake}) {{DiscardedInbound}}, {ENVELOPE}, {after}, {end}"
    for event in read(text):
        assert isinstance(event, Odd) or (event.recipients, event.partner) == (("c@d.example",), None)


@pytest.mark.parametrize("piece", ["a", "(", ") {", FAKE, "> -> <", "<a@b>,", '<"\\'])
def test_a_line_of_a_megabyte_takes_no_time(piece: str) -> None:
    started = time.process_time()
    for head in ("(1-2) Blocked BANNED (", "(1-2) Blocked SPAM {x}, <a> -> <b>", "(1-2) Blocked SPAM {x}, <a> -> "):
        read(head + piece * (1_000_000 // len(piece)))
    assert time.process_time() - started < 0.3
