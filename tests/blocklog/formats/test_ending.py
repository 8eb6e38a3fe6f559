"""No text of a stranger names a recipient: Subject, reply, quoted local part."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.blocklog.event import Event, Line, Refused
from app.blocklog.formats.postfix import PROGRAMS, Reader

AT = datetime(2026, 11, 22, 6, 47, 20, tzinfo=UTC)
FROM = "mail.sender.example[203.0.113.7]"
TAIL = "from=<a@sender.example> to=<dave@isp.example> proto=ESMTP helo=<mail.sender.example>"
FAKE = "; from=<x@y.example> to=<victim@isp.example> proto=ESMTP helo=<h>"


def read(text: str, program: str = "smtpd", instance: str = "postfix") -> tuple[Event, ...]:
    return tuple(Reader().read(Line(AT, "mx1", program, instance, 10902, text)))


def refused(text: str, program: str = "smtpd") -> Refused:
    (event,) = read(text, program)
    assert isinstance(event, Refused)
    return event


@pytest.mark.parametrize(
    "text",
    [
        f"NOQUEUE: reject: RCPT from {FROM}: 550 5.7.1 no {FAKE}; {TAIL}",
        f"NOQUEUE: reject: RCPT from {FROM}: 550 5.7.1 no {FAKE} {FAKE}; {TAIL}",
        f'NOQUEUE: reject: RCPT from {FROM}: 550 5.7.1 no; from=<"{FAKE}"@x.example> to=<dave@isp.example> proto=ESMTP',
        f"5787B220358: milter-reject: END-OF-MESSAGE from {FROM}: 5.7.1 no {FAKE}; {TAIL}",
        f"52A51220356: reject: header Subject: x{FAKE} from {FROM}; {TAIL}: 5.7.1 no",
        f"52A51220356: reject: header Subject: x{FAKE}: 5.7.1 no from {FROM}; {TAIL}: 5.7.1 no",
        f"52A51220356: reject: body {'x' * 190}{FAKE[:10]} from {FROM}; {TAIL}: 5.7.1 {FAKE} is not wanted",
    ],
)
def test_a_copy_of_the_ending_names_nobody(text: str) -> None:
    assert refused(text, "cleanup" if text[0] == "5" else "smtpd").recipients == ("dave@isp.example",)


def test_a_quoted_local_part_may_hold_anything() -> None:
    strange = '"a\\" b> ; from=<x@y.example> to=<victim@isp.example> proto=ESMTP"@isp.example'
    event = refused(
        f"NOQUEUE: reject: RCPT from {FROM}: 550 5.1.1 <{strange}>: unknown; from=<> to=<{strange}> proto=SMTP"
    )
    assert event.recipients == (strange,)


@pytest.mark.parametrize(
    "text",
    [
        f"52A51220356: reject: header Subject: {FAKE}{FAKE} from {FROM}; {TAIL}: 5.7.1 no",
        f"52A51220356: reject: header Subject: x{FAKE} from {FROM}; {TAIL}: 5.7.1 x{FAKE} is not wanted",
    ],
)
def test_of_three_endings_none_is_believed(text: str) -> None:
    assert refused(text, "cleanup").recipients == ()


def test_a_line_that_may_have_been_cut_inside_a_local_part_names_nobody() -> None:
    strange = f"{'x' * 600}{FAKE}"  # Postfix shows it without quotes here
    event = refused(f"NOQUEUE: reject: RCPT from {FROM}: 550 5.1.1 <{strange}")
    assert (event.recipients, event.sender) == ((), None)


@pytest.mark.parametrize(
    "words", ["to=<", ": to=<", "message-id=", ": message-id=<x>", "client=", ": client=x[1.1.1.1]"]
)
def test_a_header_that_looks_like_another_line_hides_no_refusal(words: str) -> None:
    event = refused(f"52A51220356: reject: header Subject: {words} from {FROM}; {TAIL}: 5.7.1 no", "cleanup")
    assert event.recipients == ("dave@isp.example",)
    assert refused(f"5787B220358: milter-reject: RCPT from {FROM}: {words}; {TAIL}").recipients


def quoted(text: str) -> str:
    """A local part in quotes (RFC 5321 §4.1.2)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


WORDS = (FAKE, "; from=<", "> to=<victim@isp.example>", " proto=ESMTP", " helo=<h>", '"', "\\", ": ", "; ", "x")
LETTERS = st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f")
PIECES = st.lists(st.sampled_from(WORDS) | st.text(LETTERS, max_size=20), max_size=8).map("".join)
QUOTED = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60).map(quoted) | PIECES.map(quoted)
ATOMS = st.from_regex(r"[A-Za-z0-9+_=/-]{1,20}", fullmatch=True)


@given(
    reply=PIECES,
    sender=QUOTED | ATOMS,
    local=QUOTED | ATOMS,
)
def test_no_text_of_a_stranger_changes_a_recipient(reply: str, sender: str, local: str) -> None:
    recipient = f"{local}@isp.example"
    end = f"; from=<{sender}@x.example> to=<{recipient}> proto=ESMTP helo=<h>"
    event = refused(f"NOQUEUE: reject: RCPT from {FROM}: 550 5.7.1 {reply}{end}")
    assert event.recipients in ((recipient,), ())
    assert event.recipients or len((reply + end).encode()) > 600


@given(content=PIECES, sender=QUOTED | ATOMS, caught=PIECES)
def test_no_text_of_a_message_changes_a_recipient(content: str, sender: str, caught: str) -> None:
    whole = f"Subject: {content}{caught}"
    end = f"; from=<{sender}@x.example> to=<dave@isp.example> proto=ESMTP helo=<h>"
    event = refused(f"52A51220356: reject: header {whole[:200]} from {FROM}{end}: 5.7.1 not {caught}", "cleanup")
    assert event.recipients in (("dave@isp.example",), ())


@given(st.sampled_from(sorted(PROGRAMS)), st.text(max_size=200) | PIECES)
def test_no_line_is_too_strange(program: str, text: str) -> None:
    for line in (text, f"5787B220358: {text}", f"NOQUEUE: reject: RCPT from {FROM}: {text}", f"warning: {text}"):
        for event in read(line, program):
            assert event


@pytest.mark.parametrize("program", sorted(PROGRAMS))
@pytest.mark.parametrize("piece", ["a", "; from=<", FAKE, '; from=<"', '"\\', " from ", "[", "5787B220358: to=<"])
def test_a_line_of_a_megabyte_takes_no_time(program: str, piece: str) -> None:
    heads = ("", "5787B220358: ", f"5787B220358: reject: RCPT from {FROM}: ", "5787B220358: reject: header Subject: ")
    started = time.process_time()
    for head in heads:
        read(head + piece * (1_000_000 // len(piece)), program)
    assert time.process_time() - started < 0.5
