"""What several lines tell of one message becomes one row for each of its recipients, and never a word too many."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from app.blocklog.codes import Accepted, Fate, Known, Outcome, Policy, Resolved, Stage
from app.blocklog.source import Source
from app.blocklog.tables import FateRow, OddRow, SourceRow, UseRow
from tests.anydatabase import migrated  # noqa: F401 - fixture
from tests.blocklog.followed import engine, follow_once, follower, recents, rows  # noqa: F401 - fixture

MX = "mail.sender.example[203.0.113.7]"
NEAR = "127.0.0.1[127.0.0.1]:24"
TAIL = "from=<{sender}> to=<{to}> proto=ESMTP helo=<mail.sender.example>"
ALICE, BOB, CAROL = "alice@isp.example", "bob@isp.example", "carol@isp.example"


class Log:
    """A log of one day; lines come at the second that is said last."""

    def __init__(self, path: Path) -> None:
        self.path, self.second = path, 0
        path.touch()

    def at(self, second: int) -> Log:
        self.second = second
        return self

    def say(self, program: str, *texts: str) -> Log:
        hours, rest = divmod(self.second, 3600)
        clock = f"{hours:02}:{rest // 60:02}:{rest % 60:02}"
        with self.path.open("a") as file:
            file.writelines(f"2026-11-20T{clock}Z mx1 {program}[7]: {text}\n" for text in texts)
        return self

    def open(self, queue_id: str, *recipients: str, sender: str = "a@sender.example", info: bool = True) -> Log:
        self.say("postfix/smtpd", f"{queue_id}: client={MX}")
        for each in recipients if info else ():
            tail = TAIL.format(sender=sender, to=each)
            self.say("postfix/smtpd", f"{queue_id}: info: RCPT from {MX}: rcpt accepted; {tail}")
        return self.say("postfix/cleanup", f"{queue_id}: message-id=<{queue_id}@sender.example>")

    def active(self, queue_id: str, count: int = 1, sender: str = "a@sender.example") -> Log:
        return self.say("postfix/qmgr", f"{queue_id}: from=<{sender}>, size=4321, nrcpt={count} (queue active)")

    def deliver(self, queue_id: str, to: str, how: str = "", agent: str = "lmtp", relay: str = NEAR) -> Log:
        how = how or f"dsn=2.0.0, status=sent (250 2.0.0 <{to}> Saved)"
        return self.say(f"postfix/{agent}", f"{queue_id}: to=<{to}>, relay={relay}, delay=1, delays=0/0/0/1, {how}")

    def removed(self, queue_id: str) -> Log:
        return self.say("postfix/qmgr", f"{queue_id}: removed")

    def refuse(self, to: str, text: str, sender: str = "a@sender.example", queue_id: str = "NOQUEUE") -> Log:
        tail = TAIL.format(sender=sender, to=to)
        return self.say("postfix/smtpd", f"{queue_id}: reject: RCPT from {MX}: {text}; {tail}")


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "mail.log")


def told(database: Engine, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(each[name] for name in names) for each in rows(database)]


def test_a_header_check_refuses_all_recipients_that_were_told_before(engine: Engine, log: Log) -> None:  # noqa: F811
    log.open("4A1B2", ALICE, BOB, "Dave@isp.example")
    tail = TAIL.format(sender="a@sender.example", to="Dave@isp.example")
    log.say("postfix/cleanup", f"4A1B2: reject: header Subject: buy from {MX}; {tail}: 5.7.1 no thanks")
    follow_once(engine, log.path)
    assert told(engine, "rcpt", "account_id", "rcpts_known", "policy", "smtp_code") == [
        (ALICE, "1", Known.joined, Policy.header, 550),
        (BOB, "2", Known.joined, Policy.header, 550),
        ("dave@isp.example", "", Known.certain, Policy.header, 550),
    ]


def test_without_such_lines_the_last_recipient_is_one_of_some(engine: Engine, log: Log) -> None:  # noqa: F811
    log.open("4A1B2", info=False)
    tail = TAIL.format(sender="a@sender.example", to=BOB)
    refused = f"milter-reject: END-OF-MESSAGE from {MX}: 5.7.1 Spam message rejected"
    log.say("postfix/cleanup", f"4A1B2: {refused}; {tail}")
    follow_once(engine, log.path)
    assert told(engine, "rcpt", "rcpts_known") == [(BOB, Known.others_unknown)]


def test_recipients_told_before_the_message_had_an_id_are_its(engine: Engine, log: Log) -> None:  # noqa: F811
    tail = TAIL.format(sender="a@sender.example", to=ALICE)
    log.say("postfix/smtpd", f"NOQUEUE: info: RCPT from {MX}: rcpt accepted; {tail}")
    log.open("4A1B2", BOB)
    end = "from=<a@sender.example> proto=ESMTP helo=<mail.sender.example>"
    log.say("postfix/smtpd", f"4A1B2: reject: END-OF-MESSAGE from {MX}: 554 5.7.1 <END-OF-MESSAGE>: no; {end}")
    follow_once(engine, log.path)
    assert told(engine, "rcpt", "rcpts_known") == [(ALICE, Known.joined), (BOB, Known.joined)]


@pytest.mark.parametrize("first", ["rspamd", "postfix"])
def test_rspamd_and_postfix_tell_of_one_refusal_in_either_order(
    engine: Engine,  # noqa: F811
    log: Log,
    first: str,
) -> None:
    log.open("4A1B2", info=False)
    tail = TAIL.format(sender="a@sender.example", to=BOB)
    filtered = (
        "<a1b2c3>; task; rspamd_task_write_log: id: <m@sender.example>, qid: <4A1B2>, ip: 203.0.113.7, "
        "from: <a@sender.example>, (default: T (reject): [18.50/15.00] [BAYES_SPAM(5.10){99.9%;}]), len: 2345, "
        f"time: 15.300ms, rcpts: <{ALICE},{BOB}>"
    )
    refused = f"4A1B2: milter-reject: END-OF-MESSAGE from {MX}: 5.7.1 Spam message rejected; {tail}"
    lines = [("rspamd", filtered), ("postfix/cleanup", refused)]
    for program, text in lines if first == "rspamd" else reversed(lines):
        log.say(program, text)
    follow_once(engine, log.path)
    found = rows(engine, rows.__defaults__[0], "rcpt", "score", "reason", "policy", "rcpts_known", "client_name")
    assert {each["rcpt"] for each in found} == {ALICE, BOB}
    for each in found:
        assert (float(each["score"]), each["reason"], each["policy"]) == (18.5, "Spam message rejected", Policy.spam)
        assert each["rcpts_known"] == Known.certain and each["client_name"] == "mail.sender.example"


def test_postgrey_and_smtpd_tell_of_one_delay_and_two_tries_stay_two(engine: Engine, log: Log) -> None:  # noqa: F811
    for second in (0, 1):
        log.at(second).say(
            "postgrey",
            "action=greylist, reason=new, client_name=mail.sender.example, client_address=203.0.113.7/32, "
            f"sender=a@sender.example, recipient={ALICE}",
        )
        log.refuse(ALICE, f"450 4.2.0 <{ALICE}>: Recipient address rejected: Greylisted, see http://x.example/")
    follow_once(engine, log.path)
    assert told(engine, "policy", "outcome", "smtp_code") == [(Policy.greylist, Outcome.delayed, 450)] * 2


def test_a_delayed_mail_that_comes_is_marked_and_another_sender_s_is_not(engine: Engine, log: Log) -> None:  # noqa: F811
    greylisted = f"450 4.2.0 <{ALICE}>: Recipient address rejected: Greylisted"
    log.refuse(ALICE, greylisted).refuse(ALICE, greylisted, sender="other@sender.example")
    log.at(600).open("4A1B2", ALICE).active("4A1B2").deliver("4A1B2", ALICE).removed("4A1B2")
    follow_once(engine, log.path)
    first, other = rows(engine)
    assert first["resolved_how"] == Resolved.greylist_passed
    assert (first["resolved_at"] - first["blocked_at"]).total_seconds() == 600
    assert other["resolved_at"] is None
    (mail,) = recents(engine)
    assert (mail["account_id"], mail["outcome"], mail["size"]) == ("1", Accepted.inbox, 4321)
    assert (mail["client_ip"], mail["message_id"]) == ("203.0.113.7", "<4A1B2@sender.example>")


def through_filter(log: Log) -> Log:
    answer, relay = "250 2.0.0 Ok: queued as 5B2C3", "127.0.0.1[127.0.0.1]:10024"
    log.open("4A1B2", ALICE).active("4A1B2")
    log.say("postfix/10025/smtpd", "5B2C3: client=localhost[127.0.0.1]")
    log.say("postfix/cleanup", "5B2C3: message-id=<4A1B2@sender.example>").active("5B2C3")
    log.deliver("4A1B2", ALICE, f"dsn=2.0.0, status=sent ({answer})", agent="smtp", relay=relay)
    log.removed("4A1B2")
    return log.deliver("5B2C3", ALICE).removed("5B2C3")


def test_a_mail_that_passes_a_content_filter_arrives_once(engine: Engine, log: Log) -> None:  # noqa: F811
    through_filter(log)
    follow_once(engine, log.path)
    (mail,) = recents(engine)
    assert (mail["queue_id"], mail["client_ip"], mail["account_id"]) == ("5B2C3", "203.0.113.7", "1")


def test_a_stranger_s_answer_leads_to_nobody_else_s_mail(engine: Engine, log: Log) -> None:  # noqa: F811
    log.open("5B2C3", BOB, sender="bank@bank.example").active("5B2C3", sender="bank@bank.example")
    log.say("postfix/submission/smtpd", f"4A1B2: client={MX}, sasl_method=PLAIN, sasl_username=box1")
    log.say("postfix/cleanup", "4A1B2: message-id=<m1@isp.example>").active("4A1B2", sender=ALICE)
    answer = "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 5B2C3)"
    log.deliver("4A1B2", "mallory@evil.example", answer, agent="smtp", relay="mx.evil.example[198.51.100.9]:25")
    log.deliver("5B2C3", BOB).removed("5B2C3").removed("4A1B2")
    follow_once(engine, log.path)
    found = {(each["account_id"], each["rcpt"], each["outcome"]) for each in recents(engine)}
    assert found == {("2", BOB, Accepted.inbox), ("1", "mallory@evil.example", Accepted.sent)}
    assert [each["rcpt"] for each in rows(engine, FateRow)] == ["mallory@evil.example"]


def test_a_mail_that_amavis_throws_away_did_not_arrive(engine: Engine, log: Log) -> None:  # noqa: F811
    log.open("4A1B2", ALICE).active("4A1B2")
    log.say(
        "amavis",
        "(01234-05) Blocked SPAM {DiscardedInbound,Quarantined}, [203.0.113.7]:4711 [203.0.113.7] <a@sender.example> "
        f"-> <{ALICE}>, quarantine: mQ1, Queue-ID: 4A1B2, Message-ID: <m@sender.example>, mail_id: mQ1, Hits: 17.1, "
        "size: 4321, 812 ms",
    )
    answer = "dsn=2.7.0, status=sent (250 2.7.0 Ok, discarded, id=01234-05 - spam)"
    log.deliver("4A1B2", ALICE, answer, agent="smtp", relay="127.0.0.1[127.0.0.1]:10024").removed("4A1B2")
    follow_once(engine, log.path)
    assert recents(engine) == []
    assert told(engine, "outcome", "stage", "policy", "stored_ref", "account_id") == [
        (Outcome.quarantined, Stage.after_acceptance, Policy.spam, "amavis:mQ1", "1")
    ]


def test_a_full_mailbox_is_told_and_what_came_later_marks_it(engine: Engine, log: Log) -> None:  # noqa: F811
    log.open("4A1B2", ALICE).active("4A1B2")
    log.deliver("4A1B2", ALICE, f"dsn=4.2.2, status=deferred (host x said: 452 4.2.2 <{ALICE}> Quota exceeded)")
    log.at(7200).active("4A1B2").deliver("4A1B2", ALICE).removed("4A1B2")
    follow_once(engine, log.path)
    assert told(engine, "policy", "outcome", "resolved_how") == [(Policy.quota, Outcome.delayed, 1)]
    assert [each["outcome"] for each in recents(engine)] == [Accepted.inbox]


def test_a_sent_mail_has_a_fate_for_each_recipient(engine: Engine, log: Log) -> None:  # noqa: F811
    log.say("postfix/submission/smtpd", f"4A1B2: client={MX}, sasl_method=PLAIN, sasl_username=box1")
    log.say("postfix/cleanup", "4A1B2: message-id=<m1@isp.example>").active("4A1B2", 3, sender=ALICE)
    log.deliver("4A1B2", "x@far.example", "dsn=4.4.1, status=deferred (connect: timed out)", agent="smtp", relay="none")
    log.deliver("4A1B2", "y@far.example", "dsn=5.1.1, status=bounced (550 5.1.1 unknown)", agent="smtp", relay="none")
    log.deliver("4A1B2", BOB)
    log.at(86400 - 10).active("4A1B2", 3, sender=ALICE)
    log.deliver("4A1B2", "x@far.example", "dsn=2.0.0, status=sent (250 ok)", agent="smtp", relay="f[198.51.100.1]:25")
    follow_once(engine, log.path)
    fates = {each["rcpt"]: (each["fate"], each["account_id"]) for each in rows(engine, FateRow)}
    assert fates == {
        "x@far.example": (Fate.delivered, "1"),
        "y@far.example": (Fate.bounced, "1"),
        BOB: (Fate.delivered, "1"),
    }
    sent = [each["rcpt"] for each in recents(engine) if each["outcome"] == Accepted.sent]
    assert sorted(sent) == [BOB, "x@far.example", "y@far.example"]
    assert [each["rcpt"] for each in recents(engine) if each["account_id"] == "2"] == [BOB]


def test_a_queue_id_that_is_used_again_is_another_message(engine: Engine, log: Log) -> None:  # noqa: F811
    log.open("4A1B2", ALICE).active("4A1B2").deliver("4A1B2", ALICE).removed("4A1B2")
    log.open("4A1B2", BOB, sender="b@other.example")
    end = "from=<b@other.example> proto=ESMTP helo=<mail.sender.example>"
    log.say("postfix/smtpd", f"4A1B2: reject: END-OF-MESSAGE from {MX}: 554 5.7.1 <END-OF-MESSAGE>: no; {end}")
    follow_once(engine, log.path)
    assert told(engine, "rcpt", "sender_local") == [(BOB, "b")]
    assert [each["rcpt"] for each in recents(engine)] == [ALICE]


def test_an_alias_of_several_people_makes_a_row_for_each(engine: Engine, log: Log) -> None:  # noqa: F811
    log.refuse("Team@ISP.example", "554 5.7.1 blocked using zen.spamhaus.org")
    follow_once(engine, log.path)
    assert told(engine, "account_id", "rcpt", "site") == [(who, "team@isp.example", "7") for who in "12"]


def test_exim_s_two_logs_tell_of_one_refusal(engine: Engine, tmp_path: Path) -> None:  # noqa: F811
    head = "2026-11-20 06:47:20 1xV1M8-00037B-1Q H=(mail.sender.example) [203.0.113.7] F=<a@sender.example>"
    reject = f"{head} rejected after DATA: This message was classified as spam"
    main, rejects = tmp_path / "mainlog", tmp_path / "rejectlog"
    main.write_text(f"{reject}\n2026-11-20 06:48:00 Start queue run: pid=1\n")
    rejects.write_text(
        f"{reject}\nEnvelope-from: <a@sender.example>\nEnvelope-to: <{ALICE}>\n\t<{BOB}>\n"
        "P Received: from x\n  Subject: Cheap\nI Message-ID: <m@sender.example>\n"
    )
    logs = [Source("mx1", str(main), "exim-main"), Source("mx1", str(rejects), "exim-reject")]
    follower(engine, logs).run()
    found = {(each["rcpt"], each["account_id"], each["subject"], each["policy"]) for each in rows(engine)}
    assert found >= {(ALICE, "1", "Cheap", Policy.spam)}
    assert all(each["rcpt"] for each in rows(engine))


def test_lines_that_nobody_can_read_are_counted_by_kind(engine: Engine, log: Log) -> None:  # noqa: F811
    log.say("strangerd", "one", "two").say("postfix/smtpd", "NOQUEUE: reject: RCPT from x: 550 nonsense")
    with log.path.open("ab") as file:
        file.write(b"\xff\xfe\x00binary\n" + b"cut in ha\n")
    log.refuse(ALICE, "550 5.9.9 ungrammatical whatsit")
    follow_once(engine, log.path)
    whys = {each["why"] for each in rows(engine, OddRow)}
    assert len(whys) >= 3 and "a program that is not known" in whys
    (source,) = rows(engine, SourceRow, "odd_lines", "lines")
    assert source["odd_lines"] >= 4


def test_uses_of_services_are_kept(engine: Engine, log: Log) -> None:  # noqa: F811
    log.at(10).say("dovecot", "imap-login: Login: user=<box1>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.2, mpid=1, TLS")
    follow_once(engine, log.path)
    (use,) = rows(engine, UseRow)
    assert (use["account_id"], use["site"], use["imap"].second) == ("1", "7", 10)
