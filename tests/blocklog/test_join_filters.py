"""What filters log beside the mail server: one row of each mail, with what both know."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.blocklog.codes import Known, Outcome, Policy, Stage
from app.blocklog.tables import OddRow, RecentRow
from tests.blocklog.followed import engine, follow_once, rows

__all__ = ["engine"]

QUEUED = """\
postfix/smtpd[7]: 52A51220356: client=mail.sender.example[203.0.113.7]
postfix/cleanup[8]: 52A51220356: message-id=<1@sender.example>
postfix/qmgr[9]: 52A51220356: from=<a@sender.example>, size=1234, nrcpt=1 (queue active)
"""
TOOK = "postfix/smtp[9]: 52A51220356: to=<alice@isp.example>, relay=127.0.0.1[127.0.0.1]:10025, delay=1, dsn=2.0.0, "
RCPT = (
    "postfix/smtpd[7]: 52A51220356: info: RCPT from mail.sender.example[203.0.113.7]: ok; from=<a@sender.example> "
    "to=<{}> proto=ESMTP helo=<mail.sender.example>\n"
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "mail.log"


def write(log: Path, text: str) -> None:
    log.write_text("".join(f"2026-11-22T06:47:20+00:00 mx1 {line}\n" for line in text.splitlines()))


def test_a_virus_that_clamsmtpd_found_is_one_row(engine: Engine, log: Path) -> None:
    told = "clamsmtpd: 100007: from=a@sender.example, to=alice@isp.example, status=VIRUS:Eicar-Signature\n"
    write(log, QUEUED + told + TOOK + "status=sent (250 Virus Detected; Discarded Email)\n")
    follow_once(engine, log)
    (row,) = rows(engine)
    assert (row["policy"], row["detail"], row["outcome"]) == (Policy.virus, "Eicar-Signature", Outcome.dropped)
    assert (row["client_ip"], row["message_id"], row["queue_id"]) == (
        "203.0.113.7",
        "<1@sender.example>",
        "52A51220356",
    )
    assert rows(engine, RecentRow) == []


@pytest.mark.parametrize(
    ("reply", "policy", "detail"),
    [
        ("250 Virus Detected; Discarded Email", Policy.virus, None),
        ("250 2.7.0 Ok, discarded, id=1-2 - INFECTED: Eicar-Signature", Policy.virus, "Eicar-Signature"),
        ("250 2.7.0 Ok, discarded, id=1-2 - BANNED: .exe", Policy.mime, ".exe"),
        ("250 2.7.0 Ok, discarded, id=1-2 - spam", Policy.spam, None),
    ],
)
def test_what_a_filter_threw_away_is_classed_by_its_reply(
    engine: Engine, log: Path, reply: str, policy: Policy, detail: str | None
) -> None:
    write(log, f"{QUEUED}{TOOK}status=sent ({reply})\n")
    follow_once(engine, log)
    (row,) = rows(engine)
    assert (row["policy"], row["detail"], row["outcome"]) == (policy, detail, Outcome.dropped)


def test_amavis_and_postfix_tell_of_one_mail(engine: Engine, log: Path) -> None:
    told = (
        "amavis[5]: (1-2) Blocked BANNED (.exe,a.exe) {DiscardedInbound,Quarantined}, [127.0.0.1]:4000 [203.0.113.7] "
        "<a@sender.example> -> <alice@isp.example>, quarantine: Q1, Queue-ID: 52A51220356, mail_id: Q1, Hits: -, 2 ms\n"
    )
    write(log, QUEUED + told + TOOK + "status=sent (250 2.7.0 Ok, discarded, id=1-2 - BANNED: .exe,a.exe)\n")
    follow_once(engine, log)
    (row,) = rows(engine)
    assert (row["policy"], row["outcome"], row["stage"]) == (Policy.mime, Outcome.quarantined, Stage.after_acceptance)
    assert (row["detail"], row["stored_ref"]) == (".exe,a.exe", "amavis:Q1")


RSPAMD = (
    "rspamd[6]: <a1>; task; rspamd_task_write_log: id: <1@sender.example>, qid: <52A51220356>, ip: 203.0.113.7, "
    "from: <a@sender.example>, (default: T (reject): [18.5/15.0] [BAYES_SPAM(5.10){{}}]), len: 9, time: 1ms, "
    "digest: <0123456789abcdef>, rcpts: <{}>, mime_rcpts: <x@y.example>\n"
)
REFUSED = (
    "postfix/cleanup[8]: 52A51220356: milter-reject: END-OF-MESSAGE from mail.sender.example[203.0.113.7]: 5.7.1 Spam "
    "message rejected; from=<a@sender.example> to=<bob@isp.example> proto=ESMTP helo=<mail.sender.example>\n"
)


def test_rspamd_knows_all_recipients_and_postfix_the_reply(engine: Engine, log: Path) -> None:
    write(log, QUEUED + RSPAMD.format("alice@isp.example,bob@isp.example") + REFUSED)
    follow_once(engine, log)
    found = rows(engine, without=())
    assert [row["rcpt"] for row in found] == ["alice@isp.example", "bob@isp.example"]
    assert {(row["policy"], row["detail"], float(row["score"]), row["reason"]) for row in found} == {
        (Policy.spam, "BAYES_SPAM", 18.5, "Spam message rejected")
    }


def test_rspamd_names_nobody_whom_the_mail_server_did_not_take(engine: Engine, log: Path) -> None:
    taken = RCPT.format('"a@isp.example,bob@isp.example,b"@isp.example') + RCPT.format("alice@isp.example")
    write(log, QUEUED + taken + RSPAMD.format("a@isp.example,bob@isp.example,b@isp.example,alice@isp.example"))
    follow_once(engine, log)
    found = {row["rcpt"]: row["rcpts_known"] for row in rows(engine)}
    assert set(found) == {'"a@isp.example,bob@isp.example,b"@isp.example', "alice@isp.example"}
    assert found["alice@isp.example"] == Known.certain


@pytest.mark.parametrize("reply", ["554 5.7.1 We do not like you", "450 4.7.1 We do not like you"])
def test_a_reply_that_nothing_classes_is_shown_to_administrators(engine: Engine, log: Path, reply: str) -> None:
    write(log, RCPT.format("alice@isp.example").replace("info:", "reject:").replace(": ok;", f": {reply};"))
    follow_once(engine, log)
    (odd,) = rows(engine, OddRow)
    assert (odd["why"], odd["example"]) == ("a reply of no known class", "We do not like you")


def test_mail_that_the_mail_server_forwards_by_itself_is_counted_once(engine: Engine, log: Path) -> None:
    forwarded = TOOK.replace("smtp[9]", "local[9]").replace("127.0.0.1[127.0.0.1]:10025", "local")
    again = (
        "postfix/qmgr[9]: 5787B220358: from=<a@sender.example>, size=1300, nrcpt=1 (queue active)\n"
        "postfix/lmtp[4]: 5787B220358: to=<bob@isp.example>, relay=box1[/l], delay=1, dsn=2.0.0, status=sent (250 ok)\n"
    )
    write(log, f"{QUEUED}{forwarded}status=sent (forwarded as 5787B220358)\n{again}")
    follow_once(engine, log)
    assert [row["rcpt"] for row in rows(engine, RecentRow)] == ["bob@isp.example"]


@pytest.mark.parametrize(("relay", "times"), [("127.0.0.1[127.0.0.1]:10025", 1), ("mx.far.example[8.8.8.8]:25", 2)])
def test_a_strangers_server_names_no_message_of_ours(engine: Engine, log: Path, relay: str, times: int) -> None:
    took = TOOK.replace("127.0.0.1[127.0.0.1]:10025", relay) + "status=sent (250 2.0.0 Ok: queued as 5787B220358)\n"
    other = (
        "postfix/qmgr[9]: 5787B220358: from=<a@sender.example>, size=1300, nrcpt=1 (queue active)\n"
        "postfix/lmtp[4]: 5787B220358: to=<alice@isp.example>, relay=box1[/l], delay=1, dsn=2.0.0, status=sent (ok)\n"
    )
    write(log, QUEUED + took + other)
    follow_once(engine, log)
    assert len(rows(engine, RecentRow)) == times


BACK = (
    "postfix/pickup[3]: 5787B220358: uid=999 from=<a@sender.example>\n"
    "postfix/cleanup[8]: 5787B220358: message-id=<1@sender.example>\n",
    "postfix/qmgr[9]: 5787B220358: from=<a@sender.example>, size=1300, nrcpt=1 (queue active)\n"
    "postfix/lmtp[4]: 5787B220358: to=<alice@isp.example>, relay=box1[/l], delay=1, dsn=2.0.0, status=sent (250 ok)\n",
)
PIPED = TOOK.replace("smtp[9]", "pipe[9]").replace("127.0.0.1[127.0.0.1]:10025", "spamfilter") + (
    "status=sent (delivered via spamfilter service)\n"
)


@pytest.mark.parametrize("text", [PIPED + BACK[0] + BACK[1], BACK[0] + PIPED + BACK[1], "".join(BACK) + PIPED])
def test_a_mail_that_a_filter_hands_back_by_sendmail_is_counted_once(engine: Engine, log: Path, text: str) -> None:
    write(log, QUEUED + text)
    follow_once(engine, log)
    (row,) = rows(engine, RecentRow)
    assert (row["queue_id"], row["client_ip"], row["rcpt"]) == ("5787B220358", "203.0.113.7", "alice@isp.example")


def test_a_mail_that_ends_in_a_program_is_counted(engine: Engine, log: Path) -> None:
    write(log, QUEUED + PIPED)
    follow_once(engine, log)
    assert [row["rcpt"] for row in rows(engine, RecentRow)] == ["alice@isp.example"]


def test_a_client_that_sends_the_same_message_id_again_hides_no_mail(engine: Engine, log: Path) -> None:
    again = QUEUED.replace("52A51220356", "5787B220358") + BACK[1]
    write(log, QUEUED + PIPED + again)
    follow_once(engine, log)
    assert len(rows(engine, RecentRow)) == 2
