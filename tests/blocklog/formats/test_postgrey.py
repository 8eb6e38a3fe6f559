"""What postgrey, policyd-spf and clamsmtpd log beside Postfix."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.blocklog.codes import Outcome, Policy, Stage
from app.blocklog.event import GreylistPassed, Line, Peer, Refused
from app.blocklog.formats import clamsmtp, postgrey, spf

AT = datetime(2026, 11, 22, 6, 47, 20, tzinfo=UTC)
FIELDS = "client_name=mx.example.org, client_address=192.0.2.4/32, sender=jdoe@example.org, recipient=jane@example.com"


def line(text: str, program: str = "postgrey") -> Line:
    return Line(AT, "mx1", program, program, 7, text)


@pytest.mark.parametrize("reason", ["new", "early-retry (10s missing)"])
def test_a_delay_is_read_whole(reason: str) -> None:
    assert tuple(postgrey.Reader().read(line(f"action=greylist, reason={reason}, {FIELDS}"))) == (
        Refused(
            AT,
            "postgrey",
            None,
            Stage.rcpt,
            Outcome.delayed,
            f"greylisted: {reason}",
            recipients=("jane@example.com",),
            whole=True,
            sender="jdoe@example.org",
            peer=Peer("192.0.2.4", "mx.example.org"),
            policy=Policy.greylist,
            pid=7,
        ),
    )


def test_what_comes_again_has_passed() -> None:
    text = f"52A51220356: action=pass, reason=triplet found, delay=499, {FIELDS}"
    passed = GreylistPassed(AT, "jdoe@example.org", "jane@example.com", "192.0.2.4")
    assert tuple(postgrey.Reader().read(line(text))) == (passed,)


def test_the_null_sender_is_left_out() -> None:
    text = (
        "action=pass, reason=triplet found, client_name=unknown, client_address=2001:DB8::4, recipient=jane@example.com"
    )
    assert tuple(postgrey.Reader().read(line(text))) == (GreylistPassed(AT, "", "jane@example.com", "2001:db8::4"),)


@pytest.mark.parametrize("text", [f"action=pass, reason=client whitelist, {FIELDS}", "cleaning up old entries..."])
def test_what_was_never_delayed_tells_nothing(text: str) -> None:
    assert tuple(postgrey.Reader().read(line(text))) == ()


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80))
def test_no_address_names_another_recipient(local: str) -> None:
    quoted = '"' + local.replace("\\", "\\\\").replace('"', '\\"') + ', recipient=victim@isp.example"'
    people = f"sender={quoted}@x.example, recipient={quoted}@y.example"
    text = f"action=greylist, reason=new, client_address=192.0.2.4, {people}"
    for event in postgrey.Reader().read(line(text)):
        assert isinstance(event, Refused)
        assert event.recipients == (f"{quoted}@y.example",)


def test_policyd_spf_says_nothing_that_postfix_does_not_say() -> None:
    text = (
        "550 5.7.23 Message rejected due to: SPF fail - not authorized. Please see http://www.openspf.net/Why?s=mfrom"
    )
    assert tuple(spf.Reader().read(line(text, "policyd-spf"))) == ()


def test_clamsmtpd_names_the_virus_and_all_recipients() -> None:
    text = "100007: from=a@far.example, to=root@isp.example, to=alice@isp.example, status=VIRUS:Eicar-Signature"
    (event,) = clamsmtp.Reader().read(line(text, "clamsmtpd"))
    assert isinstance(event, Refused)
    assert (event.policy, event.detail, event.outcome) == (Policy.virus, "Eicar-Signature", Outcome.dropped)
    assert (event.sender, event.recipients) == ("a@far.example", ("root@isp.example", "alice@isp.example"))


@pytest.mark.parametrize("status", ["CLEAN", "NO-RECIPIENTS", "ERROR"])
def test_what_clamsmtpd_lets_through_tells_nothing(status: str) -> None:
    text = f"100007: from=a@far.example, to=root@isp.example, status={status}"
    assert tuple(clamsmtp.Reader().read(line(text, "clamsmtpd"))) == ()


def test_a_quoted_address_is_one_address() -> None:
    strange = '"x, to=victim@isp.example, status=VIRUS:y"@far.example'
    text = f"100007: from={strange}, to=root@isp.example, status=VIRUS:Eicar"
    (event,) = clamsmtp.Reader().read(line(text, "clamsmtpd"))
    assert isinstance(event, Refused)
    assert (event.sender, event.recipients) == (strange, ("root@isp.example",))
