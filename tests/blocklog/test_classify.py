"""Which kind of check a reply speaks of: the texts of Postfix, Exim, sendmail and their filters."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.blocklog.classify import classify, masked, patterns, recognise
from app.blocklog.codes import Policy, Stage

KEY = "abcdefgh1234ijklmnop5678qr"
ROWS = (Path(__file__).parent / "replies.txt").read_text().replace("KEY.", KEY + ".").splitlines()[1:]


@pytest.mark.parametrize("row", ROWS)
def test_a_reply_is_known_by_its_text(row: str) -> None:
    policy, detail, reply = row.split(maxsplit=2)
    text, codes = parted(reply)
    assert classify(text, **codes) == (Policy[policy], None if detail == "-" else detail)


def parted(reply: str) -> tuple[str, dict]:
    """A reply as a reader hands it on: the codes apart."""
    code, _, rest = reply.partition(" ")
    dsn = rest.split(" ")[0] if rest[1:2] == "." and rest[:1].isdigit() else None
    text = rest.removeprefix(dsn or "").strip()
    return text, {"code": int(code), "dsn": dsn, "stage": Stage.rcpt}


@pytest.mark.parametrize(
    ("code", "dsn", "policy"),
    [
        (550, "5.1.1", Policy.rcpt),
        (550, "5.1.8", Policy.sender),
        (552, "5.2.2", Policy.quota),
        (452, "4.2.2", Policy.quota),
        (552, "5.3.4", Policy.size),
        (550, "5.7.23", Policy.spf),
        (550, "5.7.25", Policy.client),
        (550, "5.7.26", Policy.dmarc),
        (451, "4.3.0", Policy.internal),
        (502, None, Policy.protocol),
        (550, "5.7.1", Policy.other),
        (None, "5.7.1", Policy.other),
        (None, "4.7.1", Policy.internal),
        (451, "4.7.1", Policy.internal),
        (451, None, Policy.internal),
    ],
)
def test_codes_help_where_a_text_says_nothing(code: int | None, dsn: str | None, policy: Policy) -> None:
    assert classify("We do not want this", code=code, dsn=dsn, stage=Stage.rcpt) == (policy, None)


def test_a_delay_before_any_address_is_about_the_client() -> None:
    assert classify("not now", code=421, dsn=None, stage=Stage.connect) == (Policy.client, None)


def test_what_nothing_is_known_of_is_told_apart_for_administrators() -> None:
    assert recognise("We do not want this", code=554, dsn="5.7.1") is None
    assert recognise("Greylisted", code=450, dsn=None) == (Policy.greylist, None)


@pytest.mark.parametrize(
    "named",
    [
        "Greylisted@x.example",
        '"blocked using zen.example"@x.example',
        '"virus found: \\"a> b"@x.example',
        "spam",
        "x>: virus found <y>",
    ],
)
def test_what_the_client_called_itself_or_others_classes_nothing(named: str) -> None:
    text = f"<{named}>: Recipient address rejected: User unknown in virtual mailbox table"
    assert classify(text, code=550, dsn="5.1.1", stage=Stage.rcpt) == (Policy.rcpt, None)


def test_a_sites_own_patterns_come_first() -> None:
    own = patterns(["# ours", "", r"rule  We have had enough of (?P<detail>\S+)", "greylist4 not yet"])
    given = {"dsn": None, "stage": Stage.rcpt, "own": own}
    assert classify("We have had enough of spam", code=550, **given) == (Policy.rule, "spam")
    assert classify("not yet", code=450, **given) == (Policy.greylist, None)
    assert classify("not yet", code=550, **given) == (Policy.other, None)
    assert classify("virus", code=550, **given) == (Policy.virus, None)


@pytest.mark.parametrize("line", ["rule", "nothing .*", "rule (", "rule9 x"])
def test_a_pattern_that_is_none_is_named_by_its_line(line: str) -> None:
    with pytest.raises(ValueError, match="line 2 "):
        patterns(["virus clam", line])


def test_the_key_of_a_list_is_never_shown() -> None:
    text = f"blocked using {KEY}.zen.dq.spamhaus.net; see"
    assert masked(text) == "blocked using zen.dq.spamhaus.net; see"
    assert masked(f"<{KEY}.bounce.x@mail.example> and a-{KEY}.host.example stay") == (
        f"<{KEY}.bounce.x@mail.example> and a-{KEY}.host.example stay"
    )


@given(st.text(max_size=300), st.sampled_from([None, 250, 421, 450, 550, 554, 999]), st.none() | st.text(max_size=9))
def test_every_text_has_a_class(text: str, code: int | None, dsn: str | None) -> None:
    policy, detail = classify(text, code=code, dsn=dsn, stage=Stage.data)
    assert isinstance(policy, Policy)
    assert detail is None or 0 < len(detail) <= 80


@pytest.mark.parametrize("piece", ["a", "<", '<"\\', "a.", "sender ", "mailbox ", f"{KEY}.", "blocked using "])
def test_a_text_of_a_megabyte_takes_no_time(piece: str) -> None:
    started = time.process_time()
    classify(piece * (1_000_000 // len(piece)), code=550, dsn=None, stage=Stage.data)
    assert time.process_time() - started < 0.1
