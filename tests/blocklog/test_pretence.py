"""Servers that pretend to be ours are shut out, and no others, whatever stands in a line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from app.blocklog.classify import classify
from app.blocklog.event import Peer
from app.blocklog.follow import Follower
from app.blocklog.join import Join
from app.blocklog.pretence import MOST, Ours, Pretence, noted
from app.blocklog.recipients import Recipients
from app.blocklog.source import Source
from app.policy import hosts
from tests.anydatabase import migrated  # noqa: F401 - fixture
from tests.blocklog.followed import engine, logins, owners, rows  # noqa: F401 - fixture

OWN = ("mx1.isp.example", "mail", "192.0.2.25", "10.0.0.5", "[2001:db8::25]", ".pool.isp.example")
AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
POSTFIX = "2026-11-20T09:00:00Z mx1 postfix/smtpd[7]: "
EXIM = "2026-11-20 09:00:00 "
TO = "from=<a@b.example> to=<alice@isp.example> proto=ESMTP"
NO = "550 5.7.1 <x>: Helo command rejected: forged"


def pretended(helo: str, ip: str = "203.0.113.9", name: str = "", own: tuple[str, ...] = OWN) -> str | None:
    return Ours(own).pretended(Peer(ip, name, helo, proven=True))


@pytest.mark.parametrize("helo", ["mx1.isp.example", "MX1.isp.example.", "[192.0.2.25]", "192.0.2.25"])
def test_a_name_or_public_address_of_ours_is_none_of_a_stranger_s(helo: str) -> None:
    assert pretended(helo) == helo.lower().strip("[].")
    assert pretended("[IPv6:2001:DB8:0::25]", "2001:db8:9::1") == "2001:db8::25"


@pytest.mark.parametrize("helo", ["", "mail", "[10.0.0.5]", "[127.0.0.1]", "dsl7.pool.isp.example", "xmx1.isp.example"])
def test_what_is_anybody_s_pretends_nothing(helo: str) -> None:
    assert pretended(helo, own=(*OWN, "127.0.0.1")) is None


@pytest.mark.parametrize(
    "ip", ["192.0.2.25", "2001:db8::25", "10.9.9.9", "127.0.0.1", "::1", "::ffff:10.1.1.1", "fd00::1", ""]
)
def test_our_own_addresses_and_those_inside_are_never_meant(ip: str) -> None:
    assert pretended("mx1.isp.example", ip) is None


def test_a_verified_name_of_ours_and_what_is_not_proven_are_never_meant() -> None:
    assert pretended("mx1.isp.example", name="mx1.isp.example") is None
    assert pretended("mx1.isp.example", name="out3.pool.isp.example") is None
    assert Ours(OWN).pretended(Peer("203.0.113.9", "", "mx1.isp.example")) is None


def test_without_a_public_address_nobody_knows_where_ours_come_from() -> None:
    assert pretended("mx1.isp.example", own=("mx1.isp.example", "10.0.0.5")) is None


def test_what_is_remembered_is_bounded() -> None:
    seen: dict[str, Pretence] = {}
    for number in range(MOST + 9):
        noted(seen, f"2001:db8::{number:x}", "mx1.isp.example", AT)
    noted(seen, "2001:db8::1", "mx1.isp.example", AT + timedelta(1))
    assert len(seen) == MOST
    assert seen["2001:db8::1"] == Pretence("mx1.isp.example", AT + timedelta(1), 2)


def follow(engine: Engine, path: Path, lines: str, form: str = "syslog") -> dict[str, Pretence]:  # noqa: F811
    """Who is said to pretend by the lines of a log."""
    told: dict[str, Pretence] = {}

    def note(seen: Mapping[str, Pretence]) -> bool:
        told.update(seen)
        return True

    path.write_text(lines)
    make = partial(Join, classify, OWN)
    Follower(engine, Recipients(owners, logins), [Source("mx1", str(path), form)], make, once=True, shut_out=note).run()
    return told


def test_postfix_tells_who_pretends(engine: Engine, tmp_path: Path) -> None:  # noqa: F811
    lines = (
        f"{POSTFIX}NOQUEUE: reject: RCPT from unknown[203.0.113.9]: {NO}; {TO} helo=<mx1.isp.example>\n"
        f"{POSTFIX}NOQUEUE: reject: RCPT from unknown[203.0.113.9]: {NO}; {TO} helo=<[192.0.2.25]>\n"
        f"{POSTFIX}A1B2C3D4E5: info: RCPT from unknown[2001:db8:9::1]: rcpt; {TO} helo=<mx1.isp.example>\n"
        f"{POSTFIX}NOQUEUE: reject: RCPT from unknown[203.0.113.8]: {NO}; {TO} helo=<mail.b.example>\n"
        f"{POSTFIX}NOQUEUE: reject: RCPT from unknown[192.0.2.25]: {NO}; {TO} helo=<mx1.isp.example>\n"
        f"{POSTFIX}NOQUEUE: reject: RCPT from unknown[203.0.113.7]: {NO}; {TO} helo=<mx1.isp.example>"
        " sasl_method=PLAIN, sasl_username=alice@isp.example\n"
    )
    told = follow(engine, tmp_path / "log", lines)
    assert told == {
        "203.0.113.9": Pretence("192.0.2.25", AT, 2),
        "2001:db8:9::1": Pretence("mx1.isp.example", AT),
    }


def test_no_text_of_a_message_gives_postfix_another_address(engine: Engine, tmp_path: Path) -> None:  # noqa: F811
    fake = f"from unknown[198.51.100.1]; {TO} helo=<mx1.isp.example>"
    cleanup = POSTFIX.replace("smtpd", "cleanup")
    lines = (
        f"{cleanup}A1B2C3D4E5: reject: header Subject: x {fake}: 5.7.1 from unknown[203.0.113.9]; {TO} helo=<b>: no\n"
        f"{POSTFIX}NOQUEUE: reject: RCPT from unknown[203.0.113.9]: 550 5.7.1 <x {fake}>: no; {TO} helo=<b.example>\n"
    )
    assert follow(engine, tmp_path / "log", lines) == {}


def test_exim_tells_who_pretends(engine: Engine, tmp_path: Path) -> None:  # noqa: F811
    rejected = "F=<a@b.example> rejected RCPT <alice@isp.example>: forged"
    lines = (
        f"{EXIM}H=(mx1.isp.example) [203.0.113.9] {rejected}\n"
        f"{EXIM}H=dsl9.b.example ([192.0.2.25]) [203.0.113.10]:4711 {rejected}\n"
        f"{EXIM}H=(mx1.isp.example) [203.0.113.11] rejected EHLO or HELO mx1.isp.example: forged\n"
        f"{EXIM}H=mx1.isp.example [203.0.113.12] {rejected}\n"
        f"{EXIM}H=(mx1.isp.example) [203.0.113.13] X=TLS1.3:x:256 CV=no A=plain:alice@isp.example {rejected}\n"
        f"{EXIM}H=(mail.b.example) [203.0.113.14] {rejected}\n"
    )
    told = follow(engine, tmp_path / "log", lines, "exim-main")
    assert set(told) == {"203.0.113.9", "203.0.113.10", "203.0.113.11"}


@pytest.mark.parametrize(
    "helo",
    [
        "mx1.isp.example) [198.51.100.1] F=<a@b> rejected RCPT <x@isp.example>: (",
        "mx1.isp.example) [198.51.100.1] rejected EHLO or HELO x: (",
        'mx1.isp.example) [198.51.100.1] F=<a@b> rejected RCPT <x@isp.example>: [blk d="',
        "mx1.isp.example) [198.51.100.1] F=<a@b> rejected RCPT <x@isp.example>: (" + "x" * 900,
    ],
)
@pytest.mark.parametrize(
    "end", ["rejected RCPT <alice@isp.example>: no", "rejected after DATA: no", "rejected MAIL : no"]
)
def test_no_helo_gives_exim_another_address(engine: Engine, tmp_path: Path, helo: str, end: str) -> None:  # noqa: F811
    whole = f'{EXIM}H=({helo}) [203.0.113.9] F=<"]x"@b.example> {end}'
    assert "198.51.100.1" not in follow(engine, tmp_path / "log", f"{whole}\n{whole[:880]}\n", "exim-main")


def test_sql_that_is_away_keeps_no_row_of_the_log_and_is_asked_again(engine: Engine, tmp_path: Path) -> None:  # noqa: F811
    log, asked = tmp_path / "log", []
    line = f"{POSTFIX}NOQUEUE: reject: RCPT from unknown[203.0.113.9]: {NO}; {TO} helo=<mx1.isp.example>\n"
    log.write_text(line)

    def write(seen: Mapping[str, Pretence]) -> bool:
        asked.append(dict(seen))
        return len(asked) > 1

    make, people = partial(Join, classify, OWN), Recipients(owners, logins)
    reader = Follower(engine, people, [Source("mx1", str(log))], make, once=True, shut_out=write)
    reader.run()
    assert len(rows(engine)) == 1 and reader.pretences
    reader.run()
    assert asked[0] == asked[1] and reader.pretences == {}


def test_a_follower_of_its_settings_writes_them_down_for_so_many_days(
    tmp_path: Path,
    engine: Engine,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from app.blocklog.follow import open_follower
    from config.default import load

    log, now = tmp_path / "log", datetime.now(UTC).replace(microsecond=0)
    line = f"postfix/smtpd[7]: NOQUEUE: reject: RCPT from unknown[203.0.113.9]: {NO}; {TO} helo=<mx1.isp.example>"
    log.write_text(f"{now.isoformat()} mx1 {line}\n")
    environ = {
        "POSTERN_SECRET_KEY": "4b1d3c0f0d6e5a7b8c9dae1f2e3d4c5b6a79880716253443526170f9e8d7c6b5",
        "POSTERN_DATABASE_URL": engine.url.render_as_string(hide_password=False),
        "POSTERN_OWN_NAMES": "mx1.isp.example,192.0.2.25",
        "POSTERN_HOST_BLOCK_DAYS": "3",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    follower = open_follower(load(), [Source("mx1", str(log))], once=True)
    follower.run()
    (block,) = hosts.blocks(engine, now)
    assert (block.ip, block.reason) == ("203.0.113.9", "named itself mx1.isp.example in HELO")
    assert block.expires_at == now + timedelta(days=3)
    with engine.begin() as connection:
        connection.execute(text("UPDATE host_block SET expires_at = '2026-01-01 00:00:00'"))
    assert follower.daily is not None
    follower.daily()
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT COUNT(*) FROM host_block")) == 0, "what ended is removed once a day"
    monkeypatch.setenv("POSTERN_HOST_BLOCK_DAYS", "0")
    assert open_follower(load(), [Source("mx1", str(log))], once=True).shut_out is None
