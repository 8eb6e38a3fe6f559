"""A log has one follower at a time, what is written down is found again, and no file is read under a second name."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.blocklog.positions import Lost, claim, owner, refuse_known, release, save
from app.blocklog.source import Source
from app.blocklog.tables import DONE, SourceRow
from app.blocklog.tail import Position
from tests.blocklog.followed import engine, follow_once, follower, rows  # noqa: F401 - fixture

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
LOG = Source("mx1", "/var/log/mail.log")
DEAD = "elsewhere:1:1:00000000"
LINE = (
    "2026-11-20T10:{0:02}:00Z mx1 postfix/smtpd[7]: NOQUEUE: reject: RCPT from unknown[203.0.113.7]: 550 5.7.1 blocked "
    "using zen.spamhaus.org; from=<s{0}@b.example> to=<alice@isp.example> proto=ESMTP helo=<x.b>\n"
)


def lines(first: int, last: int) -> str:
    return "".join(LINE.format(minute) for minute in range(first, last))


def test_what_is_saved_is_found_by_the_next_one(engine: Engine) -> None:  # noqa: F811
    name, position = owner(), Position(7, b"h" * 32, 100, 4711, True, ((100, "ab" * 32),))
    with engine.begin() as connection:
        (place,) = claim(connection, [LOG], name)
        assert (place.position, place.next_seq, place.last_at, place.state) == (None, 1, None, {})
        place.next_seq, place.last_at, place.state, place.lines = 9, AT, {"clock": 1.5}, 3
        save(connection, place, position, name)
        place.lines = 2
        save(connection, place, position, name)
        release(connection, [place], name)
        (place,) = claim(connection, [LOG], owner())
    assert (place.position, place.next_seq, place.last_at, place.state) == (position, 9, AT, {"clock": 1.5})
    assert rows(engine, SourceRow, "lines") == [{"lines": 5}]


def test_a_file_that_was_read_once_is_done_with_and_can_be_taken_again(engine: Engine) -> None:  # noqa: F811
    name = owner()
    with engine.begin() as connection:
        (place,) = claim(connection, [LOG], name)
        release(connection, [place], name, done=True)
    assert rows(engine, SourceRow, "owner") == [{"owner": DONE}]
    with engine.begin() as connection:
        assert claim(connection, [LOG], owner())


def test_who_lost_a_log_writes_nothing(engine: Engine) -> None:  # noqa: F811
    first, second = owner(), owner()
    with engine.begin() as connection:
        (place,) = claim(connection, [LOG], first)
        with pytest.raises(Lost, match="is read by"):
            claim(connection, [LOG], second)
        release(connection, [place], second)
        with pytest.raises(Lost):
            claim(connection, [LOG], second)
        release(connection, [place], first)
        claim(connection, [LOG], second)
        with pytest.raises(Lost, match="taken by another"):
            save(connection, place, Position(), first)


def test_a_follower_of_another_machine_is_waited_for_and_a_dead_one_of_this_is_not(engine: Engine) -> None:  # noqa: F811
    here, _, rest = owner().partition(":")
    gone = f"{here}:{rest.split(':')[0]}:1:00000000"  # another process had that number
    for name, mine in ((DEAD, False), (gone, True)):
        source = Source("mx1", f"/var/log/{name}")
        with engine.begin() as connection:
            claim(connection, [source], name)
            if mine:
                claim(connection, [source], owner())
                continue
            with pytest.raises(Lost):
                claim(connection, [source], owner())


@pytest.mark.parametrize("way", ["renamed", "packed", "copied", "of another node"])
def test_what_was_followed_under_another_name_is_refused(engine: Engine, tmp_path: Path, way: str) -> None:  # noqa: F811
    log, old = tmp_path / "mail.log", tmp_path / "mail.log.1"
    log.write_text(lines(0, 20))
    follow_once(engine, log)
    if way == "copied":
        old.write_text(log.read_text() + lines(20, 25))
    elif way == "packed":
        old = tmp_path / "mail.log.2.gz"
        old.write_bytes(gzip.compress(log.read_bytes()))
    elif way == "renamed":
        log.rename(old)
        log.write_text(lines(30, 33))
        follow_once(engine, log)  # which read the other before
    else:
        old = log
    other = Source("mx2" if old == log else "mx1", str(old))
    known = len(rows(engine))
    with pytest.raises(Lost, match=r"mail\.log.* was read as part of mx1:.*mail\.log; --again"):
        follower(engine, [other]).run()
    assert len(rows(engine)) == known
    reader = follower(engine, [other])
    reader.again = True
    reader.run()
    assert len(rows(engine)) == known + {"copied": 25}.get(way, 20)


def test_what_is_new_and_what_was_begun_under_its_own_name_is_read(engine: Engine, tmp_path: Path) -> None:  # noqa: F811
    log, another, empty = (tmp_path / name for name in ("mail.log", "other.log", "empty.log"))
    log.write_text(lines(0, 3))
    follow_once(engine, log)
    with log.open("a") as file:
        file.write(lines(3, 30))
    another.write_text(lines(40, 42))
    empty.touch()
    follow_once(engine, log, another, empty)
    assert len(rows(engine)) == 32
    with engine.begin() as connection:
        refuse_known(connection, [Source("mx1", str(tmp_path / "none.log"))])
