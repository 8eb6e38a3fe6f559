"""From login lines to the last use of an account: the logins of mail servers are names of boxes, not addresses."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from app.blocklog.source import Source
from app.blocklog.use import LastUse, last_use
from tests.blocklog.followed import engine, follower

__all__ = ["engine"]

LINES = """\
2026-11-22T06:00:00+00:00 mx1 dovecot: imap-login: Login: user=<box1>, method=PLAIN, rip=203.0.113.9, lip=192.0.2.1
2026-11-22T07:00:00+00:00 mx1 dovecot: imap-login: Logged in: user=<box1>, method=PLAIN, rip=203.0.113.9, lip=192.0.2.1
2026-11-22T08:00:00+00:00 mx1 dovecot: imap-login: Login: user=<box1>, method=PLAIN, rip=192.0.2.50, lip=192.0.2.1
2026-11-22T08:00:00+00:00 mx1 dovecot: imap-login: Disconnected (auth failed): user=<box2>, rip=203.0.113.9
2026-11-22T08:30:00+00:00 mx1 pop3d: LOGIN, user=box1, ip=[::ffff:203.0.113.9], port=[4], protocol=POP3
2026-11-22T09:00:00+00:00 mx1 dovecot: imap-login: Login: user=<somebody>, method=PLAIN, rip=203.0.113.9
2026-11-22T10:00:00+00:00 mx1 postfix/submission/smtpd[9]: 4A1B2C3D4E5: client=h.example[203.0.113.9], \
sasl_method=PLAIN, sasl_username=box1
"""


def test_the_last_login_of_a_program_counts_and_a_node_s_own_does_not(engine: Engine, tmp_path: Path) -> None:
    log = tmp_path / "mail.log"
    log.write_text(LINES)
    follower(engine, [Source("mx1", str(log))], own=["192.0.2.50"]).run()
    at = [datetime(2026, 11, 22, hour, minute, tzinfo=UTC) for hour, minute in ((7, 0), (8, 30), (10, 0))]
    assert last_use(engine, "1") == LastUse(*at)
    assert last_use(engine, "2") == LastUse()
