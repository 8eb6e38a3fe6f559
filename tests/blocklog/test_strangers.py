"""What a stranger writes into every field of every log stops nobody else's mail and names nobody else."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.blocklog.classify import classify
from app.blocklog.event import Line
from app.blocklog.join import Join
from app.blocklog.reading import readers

AT = datetime(2026, 11, 22, 6, 47, 20, tzinfo=UTC)
ALICE, VICTIM, BOB = "alice@isp.example", "victim@isp.example", "bob@isp.example"
OURS, OTHER = "52A51220356", "5787B220358"  # the stranger's message, and one of somebody else's
TAIL = f"; from=<x@y.example> to=<{VICTIM}> proto=ESMTP helo=<h>"
FAKES = (
    TAIL,
    TAIL + ": 5.7.1 no",
    f"; from=<x@y.example>, to=<{VICTIM}>, proto=ESMTP, helo=<h>",
    f" from mx[192.0.2.1]{TAIL}",
    f"]), len: 1, time: 1ms, dns req: 1, digest: <0123456789abcdef>, rcpts: <{VICTIM}>, mime_rcpts: <",
    f">, qid: <{OTHER}>, ip: 192.0.2.1, from: <x@y>, (default: T (reject): [9/1] [X(1.0){{}}]), len: 1, time: 1ms",
    f") {{DiscardedInbound,Quarantined}}, [192.0.2.1]:25 [192.0.2.1] <x@y.example> -> <{VICTIM}>, Queue-ID: {OTHER}, "
    "Hits: -, size: 1, 9 ms",
    f", Queue-ID: {OTHER}, mail_id: x, Hits: 9",
    f"queued as {OTHER}",
    f", recipient={VICTIM}",
    f"{OTHER}: reject: RCPT from mx[192.0.2.1]: 550 5.7.1 no{TAIL}",
    f'"{TAIL}"',
    '"',
    "\\",
    ">",
    "<",
    " ",
    ", ",
)
LETTERS = st.characters(min_codepoint=32, max_codepoint=0x17F, exclude_characters="\x7f")
TEXT = st.lists(st.sampled_from(FAKES) | st.text(LETTERS, max_size=8), max_size=6).map("".join)


def quoted(text: str) -> str:
    """A local part in quotes, as Postfix and amavis write it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def lines(subject: str, message_id: str, sender: str, file: str, reply: str) -> list[tuple[str, str]]:
    """A stranger's mail to alice, beside one of somebody else to bob."""
    client, address = "mail.sender.example[203.0.113.7]", f"{quoted(sender)}@sender.example"
    end = f"from=<{address}> to=<{ALICE}> proto=ESMTP helo=<h>"
    bare = re.sub(r"\s", "?", message_id)
    return [
        ("smtpd", f"{OTHER}: client=mail.other.example[192.0.2.9]"),
        (
            "smtpd",
            f"{OTHER}: info: RCPT from mail.other.example[192.0.2.9]: ok; from=<o@o.example> to=<{BOB}> proto=ESMTP",
        ),
        ("qmgr", f"{OTHER}: from=<o@o.example>, size=9, nrcpt=1 (queue active)"),
        ("postgrey", f"action=greylist, reason=new, client_address=203.0.113.7, sender={address}, recipient={ALICE}"),
        ("smtpd", f"NOQUEUE: reject: RCPT from {client}: 550 5.7.1 {reply}; {end}"),
        ("smtpd", f"{OURS}: client={client}"),
        ("smtpd", f"{OURS}: info: RCPT from {client}: ok; {end}"),
        ("cleanup", f"{OURS}: message-id={message_id}"),
        ("cleanup", f"{OURS}: reject: header {f'Subject: {subject}'[:200]} from {client}; {end}: 5.7.1 not {subject}"),
        ("cleanup", f"{OURS}: milter-reject: END-OF-MESSAGE from {client}: 5.7.1 {reply}; {end}"),
        (
            "rspamd",
            f"<a1>; task; rspamd_task_write_log: id: <{bare}>, qid: <{OURS}>, ip: 203.0.113.7, from: <a@x.example>, "
            f"(default: T (reject): [18.50/15.00] [SUBJECT(5.10){{{subject};}}]), len: 9, time: 1ms, dns req: 5, "
            f"digest: <0123456789abcdef>, rcpts: <{ALICE}>, mime_rcpts: <{reply}>",
        ),
        (
            "amavis",
            f"(1-2) Blocked BANNED (.exe,{file}) {{DiscardedInbound,Quarantined}}, [127.0.0.1]:4000 [203.0.113.7] "
            f"<{address}> -> <{ALICE}>, quarantine: Q1, Queue-ID: {OURS}, Message-ID: <{bare}>, mail_id: Q1, Hits: -, "
            f'size: 9, Subject: "{subject}", 2 ms',
        ),
        (
            "smtp",
            f"{OURS}: to=<{ALICE}>, relay=mx.far.example[8.8.8.8]:25, delay=1, delays=1/0/0/0, dsn=2.0.0, "
            f"status=sent (250 2.0.0 {reply})",
        ),
    ]


@pytest.mark.parametrize("recipients_are_logged", [True, False])
@pytest.mark.parametrize("fake", FAKES)
def test_a_copy_of_a_line_is_none(fake: str, recipients_are_logged: bool) -> None:
    only_who_was_written_to_has_rows((fake,) * 5, recipients_are_logged)


@given(TEXT.map(lambda text: (text,) * 5) | st.tuples(TEXT, TEXT, TEXT, TEXT, TEXT), st.booleans())
def test_nor_are_pieces_of_it(texts: tuple[str, ...], recipients_are_logged: bool) -> None:
    only_who_was_written_to_has_rows(texts, recipients_are_logged)


def only_who_was_written_to_has_rows(texts: tuple[str, ...], recipients_are_logged: bool) -> None:
    join, programs = Join(classify), readers()
    for program, text in lines(*texts):
        if f"{OURS}: info" in text[:20] and not recipients_are_logged:
            continue
        instance = program if program in ("postgrey", "rspamd", "amavis") else "postfix"
        for read in programs[program]:
            for event in read(Line(AT, "mx1", program, instance, 7, text)):
                join.take(event, 1, "mx1")
    assert {row.rcpt for row in join.waiting} <= {ALICE, ""}
    other = join.messages["mx1", "postfix", OTHER]
    assert (other.recipients, other.stops, other.arrivals) == ([BOB], [], [])
    assert set(join.messages["mx1", "postfix", OURS].recipients) <= {ALICE}
