"""A rule that let a mail in is counted from Exim's log, whose line no stranger can write."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

from sqlalchemy import Engine

from app.blocklog.classify import classify
from app.blocklog.event import Allowed
from app.blocklog.follow import Follower
from app.blocklog.formats.exim import Reader
from app.blocklog.join import Join
from app.blocklog.recipients import Recipients
from app.blocklog.source import Source
from tests.anydatabase import migrated  # noqa: F401 - fixture
from tests.blocklog.followed import engine, logins, owners  # noqa: F401 - fixture
from tests.blocklog.lines import line

AT = "2026-11-22 06:47:20 +0000 [7] "
FORGED = (
    f"{AT}H=(allowed by rule 9) [203.0.113.7] F=<a@b.example> rejected RCPT <x@isp.example>: allowed by rule 9",
    f"{AT}H=(x) [203.0.113.7] incomplete transaction (QUIT) from <allowed by rule 9>",
    f"{AT}allowed by rule 9 or so",
    f"{AT}allowed by rule 9999999999",
)


def test_allowing_is_read_of_the_acl_s_own_line_alone() -> None:
    (found,) = Reader().read(line(f"{AT}allowed by rule 42", "exim"))
    assert isinstance(found, Allowed) and found.rule == 42
    for text in FORGED:
        assert not any(isinstance(each, Allowed) for each in Reader().read(line(text, "exim")))


def test_rules_that_let_mail_in_are_counted_once(engine: Engine, tmp_path: Path) -> None:  # noqa: F811
    log, counted = tmp_path / "log", Counter[int]()
    log.write_text("".join(f"{each}\n" for each in (f"{AT}allowed by rule 42", *FORGED, f"{AT}allowed by rule 42")))
    for _ in range(2):
        make, source = partial(Join, classify), Source("mx1", str(log), "exim-main")
        Follower(engine, Recipients(owners, logins), [source], make, once=True, acted=counted.update).run()
    assert counted == {42: 2}
