"""Exim answers for who is away, out of SQL: once in the days, as RFC 3834 has it, in no words but its owner's."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert

from app.policy import away
from app.policy.away import Away
from app.policy.tables import AwayAnswerRow
from tests.mta.client import Attempt
from tests.mta.reading import Log, exim_sources
from tests.mta.sqlexim import GOOD, SqlExim

pytestmark = pytest.mark.databases
ALICE, CAROL = "alice@one.example", "carol@friend.example"
ANSWER = Away(True, "I am away.\nBob has the keys.", "Holidays")


@pytest.fixture
def exim(sql_exim: SqlExim) -> SqlExim:
    """Nobody is away, nobody was answered, nobody is delayed."""
    names = ("policy_rule", "policy_setting", "host_block", "grey_triplet", "away", "away_answer")
    sql_exim.run(*(f"DELETE FROM {name}" for name in names))
    sql_exim.setting("greylist_on", "0")
    sql_exim.friends.letters.clear()
    return sql_exim


def is_away(exim: SqlExim, wish: Away = ANSWER, account_id: str = "1") -> None:
    """As the page keeps it."""
    before = away.mark(away.away(exim.engine, account_id))
    away.keep(exim.engine, account_id, wish, datetime.now(UTC), seen=before)


def post(exim: SqlExim, *fields: str, sender: str = CAROL, to: str = ALICE, rcpt: str = "", about: str = "Why") -> None:
    """A mail to somebody that was taken."""
    text = "\n".join((f"From: <{sender}>", f"To: {to}", f"Subject: {about}", *fields, "", "Text."))
    made = Attempt(sender, (rcpt or to,), text, source=GOOD, helo="mail.sender.example")
    made.make(exim.exim.port, network=exim.network)
    assert made.replies["data"].code == 250, made.replies


def settled(exim: SqlExim, start: int, mails: int) -> list[EmailMessage]:
    """The answers to so many mails, once all of them lie in their mailboxes: an answer leaves before."""
    log, end = exim.exim.log(), time.monotonic() + 20
    while True:
        said = log.read_bytes()[start:].decode(errors="replace")
        sent = said.count("T=postern_away")
        if said.count("T=postern_box ") == mails and len(exim.friends.letters) == sent:
            break
        assert time.monotonic() < end, said
        time.sleep(0.02)
    assert all(envelope == "" for envelope, _ in exim.friends.letters), "an answer has no sender"
    return [message_from_bytes(letter, policy=policy.default) for _, letter in exim.friends.letters]


def answers(exim: SqlExim, *fields: str, **mail: str) -> list[EmailMessage]:
    """What a mail to somebody is answered."""
    start = log_size(exim)
    exim.friends.letters.clear()
    post(exim, *fields, **mail)
    return settled(exim, start, 1)


def log_size(exim: SqlExim) -> int:
    return exim.exim.log().stat().st_size if exim.exim.log().exists() else 0


def text_of(answer: EmailMessage) -> str:
    return str(answer.get_content()).replace("\r\n", "\n")


def test_mail_is_answered_once_in_the_days_and_stays(exim: SqlExim) -> None:
    is_away(exim, replace(ANSWER, days=3))
    (answer,) = answers(exim, "Message-ID: <1@friend.example>", "References: <0@friend.example>")
    assert answer["Subject"] == "Holidays" and answer["From"] == ALICE and answer["To"] == CAROL
    assert answer.get_all("Auto-Submitted") == ["auto-replied"]
    assert answer["In-Reply-To"] == "<1@friend.example>"
    assert answer["References"].split() == ["<0@friend.example>", "<1@friend.example>"]
    assert text_of(answer) == "I am away.\nBob has the keys."
    for same in (CAROL.upper(), "carol+list@friend.example"):
        assert answers(exim, sender=same) == [], "the same person"
    assert len(answers(exim, sender="dan@friend.example")) == 1
    exim.run("UPDATE away_answer SET answered_at = answered_at - INTERVAL '71' HOUR")
    assert answers(exim) == []
    exim.run("UPDATE away_answer SET answered_at = answered_at - INTERVAL '2' HOUR")
    assert len(answers(exim)) == 1 and answers(exim) == []
    is_away(exim, replace(ANSWER, days=3, text="Something new."))
    assert text_of(answers(exim)[0]) == "Something new."


def test_it_begins_and_ends_with_its_days_and_at_once_when_it_is_off(exim: SqlExim) -> None:
    today = datetime.now(ZoneInfo("Pacific/Kiritimati")).date()  # the first to have a day; here may be another
    day = timedelta(days=1)
    for first, last, answered in (
        (today, today, 1), (today + day, None, 0), (None, today - day, 0), (today - day, today + day, 1)
    ):  # fmt: skip
        is_away(exim, replace(ANSWER, text=f"{first} {last}", first=first, last=last, zone="Pacific/Kiritimati"))
        assert len(answers(exim)) == answered, (first, last)
    is_away(exim, replace(ANSWER, on=False))
    assert answers(exim, sender="dan@friend.example") == []
    is_away(exim)
    exim.run("UPDATE mail_server SET sieve_host = 'mail1.example.net'")
    assert answers(exim, sender="dan@friend.example") == [], "scripts answer"
    exim.run("UPDATE mail_server SET sieve_host = NULL, vacation = 'sieve'")
    assert answers(exim, sender="dan@friend.example") == [], "nothing answers"
    exim.run("UPDATE mail_server SET vacation = 'sql'")
    assert len(answers(exim, sender="dan@friend.example")) == 1


NOT = (
    *("Auto-Submitted: auto-generated", "Auto-Submitted: no\nAuto-Submitted: auto-replied", "Precedence: Bulk"),
    *("Precedence: list", "Precedence: junk", "List-Id: <a.example>", "list-unsubscribe:<x>", "Mailing-List: x"),
    *("X-Auto-Response-Suppress: DR, OOF", "Content-Type: multipart/report; boundary=x", "X-Spam-Flag: YES"),
    *("X-Spam-Status: Yes, score=7", "X-Spam:\n Yes"),
)
ROBOTS = ("owner-x", "x-request", "X-Bounces", "bounces+alice=one.example", "x-bounces-17", "MAILER-DAEMON", "noreply")
ROBOTS += ("postmaster", "do-not-reply.x", '"a b"')


def test_programs_lists_and_spam_are_not_answered(exim: SqlExim) -> None:
    is_away(exim)
    start = log_size(exim)
    for number, field in enumerate(NOT):
        post(exim, field, sender=f"{number}@friend.example")
    for name in ROBOTS:
        post(exim, sender=f"{name}@friend.example")
    post(exim, sender="")
    for own in ("sales@one.test", "alice+x@one.example"):
        post(exim, sender=own)
    assert settled(exim, start, len(NOT) + len(ROBOTS) + 3) == []


def test_what_only_looks_like_a_program_s_is_answered(exim: SqlExim) -> None:
    is_away(exim)
    start = log_size(exim)
    fields = ("Auto-Submitted: No", "Precedence: first-class", "X-Spam-Flag: NO", "X-List-Id: x")
    for number, field in enumerate(fields):
        post(exim, field, sender=f"{number}@friend.example")
    assert len(settled(exim, start, 4)) == 4


def test_only_mail_that_names_the_address_it_went_to_is_answered_from_that_one(exim: SqlExim) -> None:
    is_away(exim)
    assert answers(exim, to="everybody@friend.example", rcpt=ALICE) == []
    assert answers(exim, to="both@one.example", rcpt=ALICE) == []
    assert answers(exim, to=f'"{ALICE}" <x@friend.example>', rcpt=ALICE) == []
    for to, rcpt in ((f"{ALICE}, both@one.example", "sales@one.example"), ("sales@one.example", ALICE)):
        assert answers(exim, to=to, rcpt=rcpt) == [], "nobody learns whose an alias is"
    for number, (to, rcpt, sender, field) in enumerate(
        (
            ("Sales@ONE.test", "", "sales@one.test", ""),
            ("alice+shop@one.example", "", "alice+shop@one.example", ""),
            (f"{ALICE}, sales@one.example", "sales@one.example", "sales@one.example", ""),
            ("x@friend.example", ALICE, ALICE, f'Cc: "Alice, the" <x@y.example>, (a) Alice <{ALICE.upper()}>'),
            ("x@friend.example", ALICE, ALICE, f"Resent-To: {ALICE}"),
        )
    ):
        found = answers(exim, *filter(None, [field]), to=to, rcpt=rcpt, sender=f"d{number}@friend.example")
        assert [each["From"] for each in found] == [sender], (to, field)


def test_very_many_who_are_named_hold_up_no_mail(exim: SqlExim) -> None:
    is_away(exim)
    crowd = ",\n ".join(f'"{number}, x" <x{number}@friend.example>' for number in range(15_000))
    start = time.monotonic()
    assert len(answers(exim, f"Cc: {crowd}")) == 1
    assert answers(exim, f"Cc: {crowd}, {ALICE}", to="x@friend.example", rcpt=ALICE, sender="dan@friend.example") == []
    assert time.monotonic() - start < 10


def test_who_forwards_and_keeps_answers_and_who_only_forwards_does_not(exim: SqlExim) -> None:
    for account_id in ("2", "5"):
        is_away(exim, account_id=account_id)
    both = answers(exim, to="Both <both@one.example>", rcpt="both@one.example")
    assert [each["From"] for each in both] == ["both@one.example"]
    is_away(exim, account_id="6")
    assert [each["From"] for each in answers(exim, to="o'brien@one.example")] == ["o'brien@one.example"]
    bob = answers(exim, to="anything@two.example")
    assert [each["From"] for each in bob] == ["anything@two.example"], "all of the domain is bob's"


def test_only_contacts_are_answered_where_somebody_wants_that(exim: SqlExim) -> None:
    is_away(exim, replace(ANSWER, contacts=("carol@friend.example", "o'neil@friend.example")))
    for name, answered in (("Carol", 1), ("arol", 0), ("dan", 0), ("o'neil", 1)):
        assert len(answers(exim, sender=f"{name}@friend.example")) == answered, name


def test_the_account_s_own_score_says_what_spam_is(exim: SqlExim) -> None:
    exim.setting("reject_score", "30")
    is_away(exim)
    assert answers(exim, about="viagra") == [], "17.2 is above 5"
    exim.setting("junk_score", "20", 2, "1")
    assert len(answers(exim, about="viagra")) == 1


HOSTILE = (
    "${run{/bin/touch /tmp/x}} $local_part \\n \\N",
    "a\nBcc: victim@friend.example\n\n.\nRSET\n",
    "x" * 9_000,
    "’n schöner Gruß 🏖 \u202e",
    "'; DROP TABLE away; --\\",
    '"q" = from=eve@friend.example answer="x"',
)


def test_what_somebody_writes_is_their_words_and_nothing_else(exim: SqlExim) -> None:
    for words in HOSTILE:
        is_away(exim, Away(True, words, words.replace("\n", " ")[:500]))
        (answer,) = answers(exim)
        assert text_of(answer) == words
        assert (answer["From"], answer["To"], answer["Bcc"]) == (ALICE, CAROL, None)
        subject = " ".join(words.split())
        assert answer["Subject"].strip() == (subject if len(subject) < 300 else "x" * 300)
        letter = exim.friends.letters[0][1]
        assert letter.isascii() and all(len(line) < 998 for line in letter.splitlines())
    assert exim.count("SELECT COUNT(*) FROM away") == 1


SUBJECTS = {
    "A question": "Re: A question",
    "RE: re: A question": "Re: A question",
    "=?utf-8?b?R3LDvMOfZQ==?=": "Re: Grüße",
    "=?utf-8?q?a=0D=0ABcc:_victim@friend.example?=": "Re: a Bcc: victim@friend.example",
    "": "Re:",
    "${run{x}} $local_part": "Re: ${run{x}} $local_part",
    "=?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?=": "Re: =?utf-8?q?x?=",
    "ä" * 400: "Re: " + "ä" * 148,
}


ODD = ("\tBcc", "\rBcc", " <2@x>\n \n\tBcc", "\n \rBcc", "\nBcc")


def test_what_an_answer_repeats_of_a_mail_names_nobody(exim: SqlExim) -> None:
    is_away(exim)
    for number, odd in enumerate(ODD):
        fields = [f"{name}: <1@x>{odd}: victim@friend.example" for name in ("Message-ID", "References")]
        (answer,) = answers(exim, *fields, sender=f"{number}@friend.example")
        assert answer["Bcc"] is None and answer["To"] == f"{number}@friend.example"
    assert exim.friends.taken[-1:] == [f"{number}@friend.example"]


def test_without_a_subject_it_is_the_mail_s(exim: SqlExim) -> None:
    is_away(exim, replace(ANSWER, subject=""))
    for number, (about, subject) in enumerate(SUBJECTS.items()):
        odd = "Message-ID: <1@x.example>\n\tBcc: victim@friend.example"
        (answer,) = answers(exim, odd, about=about, sender=f"{number}@friend.example")
        assert answer["Subject"].strip() == subject and answer["Bcc"] is None
        assert all(len(line) < 998 for line in exim.friends.letters[0][1].splitlines())
    (answer,) = answers(exim, about="\udcff\udc80\udcc3")
    assert answer["Subject"].startswith("Re: ") and exim.friends.letters[0][1].isascii()


def test_a_mail_that_has_to_wait_for_its_mailbox_is_answered_once(
    exim: SqlExim, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_away(exim)
    start = log_size(exim)
    monkeypatch.setattr(exim.box, "busy", True)
    post(exim)
    exim.exim.settled("451 later")
    monkeypatch.undo()
    exim.exim.ask("-qff")
    said = exim.exim.log().read_bytes()[start:].decode(errors="replace")
    assert len(exim.friends.letters) == 1 and said.count("T=postern_away") == 1
    assert "=> box1@mail1.internal" in said and said.count(" <= ") == 2 and said.count(" Completed") == 2


def test_nobody_floods_others_by_forged_names(exim: SqlExim) -> None:
    is_away(exim)
    at = datetime.now(UTC)
    rows = [{"account_id": "1", "mark": f"{number:032}", "answered_at": at} for number in range(100)]
    with exim.engine.begin() as connection:
        connection.execute(insert(AwayAnswerRow), rows)
    assert answers(exim) == []
    exim.run("UPDATE away_answer SET answered_at = answered_at - INTERVAL '61' MINUTE")
    assert len(answers(exim)) == 1


@pytest.mark.parametrize("right", ["SELECT ON mta_away", "INSERT ON away_answer"])
def test_what_cannot_be_asked_or_written_is_not_answered_and_mail_goes_on(exim: SqlExim, right: str) -> None:
    is_away(exim)
    exim.run(f"REVOKE {right} FROM exim")
    try:
        assert answers(exim) == []
    finally:
        exim.run(f"GRANT {right} TO exim")
    assert len(answers(exim)) == 1


def test_an_answer_is_no_delivery_in_the_block_log(exim: SqlExim, migrated: Path, tmp_path: Path) -> None:
    is_away(exim)
    assert len(answers(exim, sender="logged@friend.example")) == 1
    with Log(migrated, tmp_path, exim_sources(exim.exim)[0]) as log:
        assert [row.rcpt for row in log.recent["logged@friend.example"]] == [ALICE]
