"""All that a client tries at mx.py's Postfix, what its peers answer, and what must be read of it."""

from __future__ import annotations

from dataclasses import dataclass

from app.blocklog.codes import Outcome, Policy, Stage
from tests.mta import mx
from tests.mta.client import Attempt, message
from tests.mta.dns import listed, reverse
from tests.mta.peers import Milter

ALICE, BOB, CAROL, DAVE, FULL = (f"{name}@isp.example" for name in mx.PEOPLE)
NOBODY = "nosuch@isp.example"
THREE = (ALICE, BOB, CAROL)
COMMAS = "; from=<x@y.example>, to=<dave@isp.example>, proto=ESMTP, helo=<h>"
FAKE = "; from=<x@y.example> to=<dave@isp.example> proto=ESMTP helo=<h>"
EXE = (
    "MIME-Version: 1.0",
    "Content-Type: application/octet-stream; name=run.exe",
    "Content-Disposition: attachment; filename=run.exe",
)
BROKEN = ("MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=x", "Content-Transfer-Encoding: base64")
LISTED, LISTED_TOO, KEYED, NAMELESS = (f"203.0.113.{number}" for number in (10, 12, 11, 20))
DENIED, DENIED_TOO, DROPPED, HELD = (f"203.0.113.{number}" for number in (64, 65, 67, 68))
DENYLISTED = tuple(f"203.0.113.{number}" for number in (69, 70, 71))
DROPPED_AT_ONCE = ("203.0.113.72", "203.0.113.73")


@dataclass
class Case:
    """What a client tries, and what must be read of it. `policy` None: nothing was stopped."""

    attempt: Attempt
    policy: Policy | None = None
    outcome: Outcome = Outcome.refused
    stage: Stage = Stage.rcpt
    port: int = mx.MAIN
    detail: str | None = None
    stopped: tuple[str, ...] = ()  # whose mail it was where the client was told that all is well
    codes: tuple[int | None, str | None] = (None, None)  # of these
    unseen: bool = False  # the recipient, for a reason
    seen: bool = False  # the code that a milter gave stands in the log


def mail(sender: str, *recipients: str, subject: str = "hello", fields: tuple[str, ...] = (), **more: str) -> Attempt:
    body = str(more.pop("body", "Text."))
    return Attempt(sender, recipients, message(subject, body, *fields), **more)


def long_local() -> str:
    """A recipient at which a syslog's limit would cut the line behind a perfect ending."""
    return f'"{"x" * 600}{FAKE}{"y" * 200}"@isp.example'


def eom(attempt: Attempt, policy: Policy, **more: object) -> Case:
    return Case(attempt, policy, stage=Stage.end_of_message, **more)


def cases() -> dict[str, Case]:
    s = "@sender.example"
    later = Outcome.delayed
    return {
        "plain": Case(mail(f"plain{s}", ALICE, "team@isp.example")),
        "watched": Case(mail(f"warned{s}", ALICE)),
        "unknown": Case(mail(f"unknown{s}", NOBODY), Policy.rcpt),
        "some of several": Case(mail(f"some{s}", ALICE, NOBODY, "no2@isp.example", BOB), Policy.rcpt),
        "a bounce to nobody": Case(mail("", NOBODY), Policy.rcpt),
        "disabled": Case(mail(f"disabled{s}", DAVE), Policy.rcpt),
        "a name alone": Case(mail(f"short{s}", "alice"), Policy.rcpt),
        "relay": Case(mail(f"relay{s}", "x@elsewhere.example"), Policy.relay),
        "listed": Case(mail(f"listed{s}", ALICE, BOB, source=LISTED), Policy.rbl, detail="zen.list.example"),
        "listed with a key": Case(mail(f"keyed{s}", ALICE, source=KEYED), Policy.rbl, detail="zen.dq.list.example"),
        "a listed sender": Case(mail("a@spammer.example", ALICE), Policy.rhsbl, detail="dbl.list.example"),
        "a listed HELO": Case(mail(f"b{s}", ALICE, helo="spammer.example"), Policy.rhsbl, detail="dbl.list.example"),
        "no reverse name": Case(mail(f"nameless{s}", ALICE, source=NAMELESS), Policy.client, later),
        "a client denied": Case(mail(f"denied-client{s}", ALICE, source=DENIED), Policy.client),
        "a short HELO": Case(mail(f"helo1{s}", ALICE, helo="ylmf-pc"), Policy.helo),
        "an unknown HELO": Case(mail(f"helo2{s}", ALICE, helo="nowhere.example"), Policy.helo, later),
        "an invalid HELO": Case(mail(f"helo3{s}", ALICE, helo="a..example"), Policy.helo),
        "a short sender": Case(mail("a@b", ALICE), Policy.sender),
        "an unknown sender": Case(mail("a@nowhere.example", ALICE), Policy.sender, later),
        "a sender denied": Case(mail(f"denied{s}", ALICE), Policy.rule),
        "a sender told why": Case(mail(f"told{s}", ALICE), Policy.rule),
        "a sender put off": Case(mail(f"later{s}", ALICE), Policy.rule, later),
        "a sender hung up on": Case(mail(f"hangup{s}", ALICE), Policy.rule, later),
        # Of these only the recipient is logged at whom it was decided.
        "a sender dropped": Case(mail(f"discard{s}", ALICE, BOB), Policy.rule, Outcome.discarded, stopped=(ALICE,)),
        "a sender held": Case(mail(f"hold{s}", ALICE, BOB), Policy.rule, Outcome.held, stopped=(ALICE,)),
        "a client dropped": Case(
            mail(f"c1{s}", ALICE, source=DROPPED), Policy.rule, Outcome.discarded, stopped=(ALICE,)
        ),
        "a client held": Case(mail(f"c2{s}", ALICE, source=HELD), Policy.rule, Outcome.held, stopped=(ALICE,)),
        "forged": Case(mail("boss@bank.example", ALICE), Policy.spf, detail="fail"),
        "greylisted by us": Case(mail(f"grey{s}", ALICE), Policy.greylist, later),
        "throttled": Case(mail(f"fast{s}", ALICE), Policy.rate, later),
        "greylisted": Case(mail(f"postgrey{s}", ALICE), Policy.greylist, later, port=mx.GREYLISTING),
        "a subject": eom(mail(f"pills{s}", *THREE, subject="cheap pills"), Policy.header),
        "a subject with a code": eom(mail(f"code{s}", ALICE, subject="my code"), Policy.header),
        "a forged subject": eom(mail(f"forged1{s}", ALICE, BOB, subject=f"pills{FAKE}"), Policy.header),
        "a caught subject": eom(mail(f"forged2{s}", ALICE, BOB, subject=f"caught {FAKE}"), Policy.header),
        "a quoted recipient": Case(mail(f"forged3{s}", f'"{FAKE}"@isp.example'), Policy.relay),
        "a quoted sender": Case(mail(f'"{FAKE}"{s}', NOBODY), Policy.rcpt),
        "a long recipient": Case(mail(f"forged4{s}", long_local()), Policy.relay, unseen=True),
        "a broken structure": eom(mail(f"mime{s}", ALICE, BOB, fields=BROKEN), Policy.mime),
        "no recipients logged": eom(
            mail(f"silent{s}", *THREE, subject="pills"),
            Policy.header,
            port=mx.SILENT,
            stopped=(CAROL,),
            codes=(550, "5.7.1"),
        ),
        "permits logged": eom(mail(f"permits{s}", *THREE, subject="pills"), Policy.header, port=mx.PERMITS),
        "too eager": Case(mail(f"eager{s}", ALICE, eager=True), Policy.protocol, stage=Stage.data),
        "letters of all alphabets": Case(
            mail("grün@sender.example", "müller@isp.example", options=" SMTPUTF8"), Policy.rcpt
        ),
        "an attachment": eom(mail(f"exe{s}", ALICE, BOB, fields=EXE), Policy.mime),
        "a text": eom(mail(f"body{s}", ALICE, BOB, body="cheap watches"), Policy.body),
        "a subject dropped": eom(
            mail(f"vanish{s}", ALICE, BOB, subject="vanish"),
            Policy.header,
            outcome=Outcome.discarded,
            stopped=(ALICE, BOB),
        ),
        "a subject held": eom(
            mail(f"wait{s}", ALICE, BOB, subject="wait"), Policy.header, outcome=Outcome.held, stopped=(ALICE, BOB)
        ),
        "a subject logged": Case(mail(f"logged{s}", ALICE, subject="logged")),
        "too large as it says": Case(mail(f"size1{s}", ALICE, options=" SIZE=50000"), Policy.size, stage=Stage.mail),
        "too large": eom(mail(f"size2{s}", ALICE, BOB, body="x" * 70 + "\n" + "y\n" * 15_000), Policy.size),
        "a bounce to two": Case(mail("", ALICE, BOB), Policy.protocol, stage=Stage.data),
        "refused at the end": eom(mail(f"end{s}", ALICE, BOB), Policy.spam),
        "refused at the end alone": eom(mail(f"end1{s}", ALICE), Policy.spam),
        "a milter at RCPT": Case(mail(f"m-rcpt{s}", ALICE), Policy.greylist, later, port=mx.MILTERS, seen=True),
        "a milter at RCPT, and at the end": eom(mail(f"m-some{s}", BOB, ALICE, CAROL), Policy.spam, port=mx.MILTERS),
        "a milter at MAIL": Case(
            mail(f"m-mail{s}", ALICE),
            Policy.dmarc,
            stage=Stage.mail,
            port=mx.MILTERS,
            seen=True,
            detail="sender.example",
        ),
        "a milter at the end": eom(mail(f"m-end{s}", *THREE), Policy.spam, port=mx.MILTERS),
        "a milter with a virus": eom(mail(f"m-virus{s}", ALICE), Policy.virus, port=mx.MILTERS, detail="Eicar-Test"),
        "a milter that is ill": eom(mail(f"m-ill{s}", ALICE), Policy.internal, outcome=later, port=mx.MILTERS),
        "a milter that drops": eom(
            mail(f"m-drop{s}", ALICE, BOB),
            Policy.other,
            outcome=Outcome.discarded,
            stopped=(ALICE, BOB),
            port=mx.MILTERS,
        ),
        "a milter that holds": eom(
            mail(f"m-hold{s}", ALICE, BOB), Policy.other, outcome=Outcome.held, stopped=(ALICE, BOB), port=mx.MILTERS
        ),
        "postscreen's list": Case(
            mail(f"ps1{s}", ALICE, source=LISTED_TOO), Policy.rbl, port=mx.POSTSCREEN, detail="zen.list.example"
        ),
        "postscreen's own list": Case(mail(f"ps2{s}", ALICE, source=DENYLISTED[0]), Policy.client, port=mx.POSTSCREEN),
        "postscreen and a forged HELO": Case(
            mail(f"ps4{s}", ALICE, source=DENYLISTED[1], helo=f"x{COMMAS}"), Policy.client, port=mx.POSTSCREEN
        ),
        "postscreen and a forged recipient": Case(
            mail(f'"{COMMAS}"{s}', f'"{COMMAS}"@isp.example', source=DENYLISTED[2]), Policy.client, port=mx.POSTSCREEN
        ),
        "postscreen drops whom its list has": Case(
            mail(f"ps5{s}", ALICE, source=DROPPED_AT_ONCE[0]), Policy.client, stage=Stage.connect, port=mx.DROPS
        ),
        "postscreen drops whom a list has": Case(
            mail(f"ps6{s}", ALICE, source=DROPPED_AT_ONCE[1]), Policy.rbl, stage=Stage.connect, port=mx.DROPS
        ),
        "postscreen drops who is hasty": Case(
            mail(f"ps7{s}", ALICE, hasty=True), Policy.protocol, stage=Stage.connect, port=mx.DROPS
        ),
        "a forged HELO": Case(mail(f"forged5{s}", ALICE, helo=f"x{FAKE}"), Policy.helo),
        "too hasty": Case(mail(f"ps3{s}", ALICE, hasty=True), Policy.protocol, port=mx.POSTSCREEN),
        "through a filter": Case(mail(f"filtered{s}", ALICE, BOB), port=mx.FILTERED),
        "a full mailbox": Case(
            mail(f"full{s}", FULL, body="y\n" * 4000),
            Policy.quota,
            stage=Stage.after_acceptance,
            stopped=(FULL,),
            codes=(552, "5.2.2"),
        ),
        "a client at once": Case(
            mail(f"once1{s}", ALICE, source=DENIED_TOO), Policy.client, stage=Stage.connect, port=mx.AT_ONCE
        ),
        "a HELO at once": Case(mail(f"once2{s}", ALICE, helo="short"), Policy.helo, stage=Stage.helo, port=mx.AT_ONCE),
        "a sender at once": Case(
            mail("x@nowhere.example", ALICE), Policy.sender, later, stage=Stage.mail, port=mx.AT_ONCE
        ),
        "too many recipients": Case(mail(f"few{s}", ALICE, BOB, CAROL, DAVE), None, port=mx.FEW),
        "too often": Case(mail(f"often{s}", ALICE), Policy.rate, later, stage=Stage.connect, port=mx.RATE),
    }


ANSWERS = {
    ("RCPT", "grey@sender.example"): "DEFER_IF_PERMIT Greylisted, come back in five minutes",
    ("RCPT", "fast@sender.example"): "450 4.7.1 Throttling quota exceeded",
    ("END-OF-MESSAGE", "end@sender.example"): "554 5.7.1 This looks like spam",
    ("END-OF-MESSAGE", "end1@sender.example"): "554 5.7.1 This looks like spam",
}
VERDICTS = {
    ("M", "m-mail@sender.example"): Milter.reply("550 5.7.1 rejected by DMARC policy for sender.example"),
    ("R", f"m-some@sender.example {BOB}"): Milter.reply("550 5.7.1 Rejected by DMARC policy"),
    ("E", "m-some@sender.example"): Milter.reply("554 5.7.1 Spam message rejected"),
    ("R", f"m-rcpt@sender.example {ALICE}"): Milter.reply("451 4.7.1 Greylisting in action, please come back later"),
    ("E", "m-end@sender.example"): Milter.reply("554 5.7.1 Spam message rejected"),
    ("E", "m-virus@sender.example"): Milter.reply("550 5.7.1 Blocked by ClamAV - FOUND VIRUS: Eicar-Test"),
    ("E", "m-ill@sender.example"): Milter.TEMPORARY,
    ("E", "m-drop@sender.example"): Milter.DISCARD,
    ("E", "m-hold@sender.example"): b"qto be looked at\0",
}


def zone(sources: list[str]) -> dict[str, dict[str, list[str]]]:
    """Names of all who send, except one without a name."""
    named = {
        "mail.sender.example": {"A": sources},
        "sender.example": {"A": ["203.0.113.1"], "MX": ["10 mail.sender.example"]},
        "spammer.example": {"A": ["203.0.113.1"]},
        "bank.example": {"A": ["203.0.113.1"], "TXT": ["v=spf1 -all"]},
        listed(LISTED, "zen.list.example"): {"A": ["127.0.0.2"], "TXT": ["https://list.example/why"]},
        listed(LISTED_TOO, "zen.list.example"): {"A": ["127.0.0.2"]},
        listed(DROPPED_AT_ONCE[1], "zen.list.example"): {"A": ["127.0.0.2"]},
        listed(KEYED, "abcdefgh1234ijklmnop5678qr.zen.dq.list.example"): {"A": ["127.0.0.2"]},
        "spammer.example.dbl.list.example": {"A": ["127.0.1.2"]},
        "isp.example": {"A": ["192.0.2.1"]},
    }
    return named | {reverse(each): {"PTR": ["mail.sender.example"]} for each in sources if each != NAMELESS}
