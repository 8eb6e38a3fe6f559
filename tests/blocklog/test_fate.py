"""What became of a sent message, for its sender only."""

from __future__ import annotations

from sqlalchemy import Engine, insert

from app.blocklog.codes import Fate
from app.blocklog.fate import message_mark, ways
from app.blocklog.tables import FateRow
from tests.blocklog.filling import NOW


def put(engine: Engine, rcpt: str, fate: int, *, account: str = "anna", message_id: str = "<1@x.example>") -> None:
    values = {"account_id": account, "mark": message_mark(message_id), "rcpt": rcpt, "fate": fate, "changed_at": NOW}
    with engine.begin() as connection:
        connection.execute(insert(FateRow).values(**values, server="mx.y.example[192.0.2.9]:25", reply="250 ok"))


def test_a_message_is_found_by_its_id_and_by_its_sender_only(engine: Engine) -> None:
    put(engine, "b@y.example", Fate.bounced)
    put(engine, "a@y.example", Fate.delivered)
    put(engine, "c@y.example", Fate.delivered, account="ben")
    put(engine, "d@y.example", Fate.delivered, message_id="<2@x.example>")
    found = ways(engine, "anna", "1@x.example")
    assert [each.rcpt for each in found] == ["a@y.example", "b@y.example"]
    assert [each.fate for each in found] == [Fate.delivered, Fate.bounced]
    assert (found[0].server, found[0].reply, found[0].changed_at) == ("mx.y.example[192.0.2.9]:25", "250 ok", NOW)


def test_a_fate_that_only_a_newer_program_knows_is_no_error(engine: Engine) -> None:
    put(engine, "a@y.example", 77)
    assert ways(engine, "anna", "<1@x.example>")[0].fate is Fate.queued


def test_brackets_of_a_message_id_do_not_matter() -> None:
    assert message_mark("<1@x>") == message_mark(" 1@x ") != message_mark("2@x")
    assert len(message_mark("\udcff" * 2000)) == 32
