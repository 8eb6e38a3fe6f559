"""Records are written whole or not at all, by name."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, select

from app.directory.change import Mode, Report, write_records
from app.directory.names import Names, Record
from app.directory.record import parse_record
from app.directory.resolve import Directory, resolve
from app.directory.tables import AccountRow, AddressRow, ServerRow
from tests.directory.filling import Fields, account, alias, fill, run, server, site


@pytest.fixture
def filled(engine: Engine) -> Engine:
    fill(engine, server(), *site("acme", "acme.example"), *site("school", "school.example"), account("acme", "alice"))
    return engine


def written(engine: Engine, *records: tuple[str, Fields], mode: Mode = "any") -> Report:
    checked = []
    for name, fields in records:
        values, wrong = parse_record(name, fields)
        assert not wrong
        checked.append(Record(name, values))
    with engine.connect() as connection, connection.begin() as transaction:
        report = write_records(connection, checked, mode=mode)
        if report.problems:
            transaction.rollback()
    return report


def test_records_may_refer_to_records_of_the_same_call(engine: Engine) -> None:
    report = written(
        engine, alias("new", "x", account="zoe"), account("new", "zoe"), server(), *site("new", "new.example")
    )
    assert report.problems == [] and report.added.total() == 5
    with engine.connect() as connection:
        leads_to = select(AccountRow.username).join(AddressRow, AddressRow.account_id == AccountRow.account_id)
        assert connection.scalar(leads_to) == "zoe"


@pytest.mark.parametrize(("mode", "username"), [("new", "alice"), ("old", "zoe")])
def test_a_mode_says_what_must_or_must_not_be_there(filled: Engine, mode: Mode, username: str) -> None:
    assert [each.text for each in written(filled, account("acme", username), mode=mode).problems]
    other = "zoe" if username == "alice" else "alice"
    assert written(filled, account("acme", other), mode=mode).problems == []


def test_a_fault_that_was_there_before_stops_no_other_change(filled: Engine) -> None:
    run(filled, "UPDATE site SET primary_domain = 'gone.example' WHERE name = 'school'")
    assert written(filled, account("acme", "zoe")).problems == []
    stolen = ("domain", {"name": "acme.example", "site": "school"})
    assert "none of its domains" in written(filled, stolen).problems[0].text


def test_a_server_s_services_get_their_usual_ports(filled: Engine) -> None:
    written(filled, server("m2", submission_host="s.example", submission_security="tls", sieve_host="s.example"))
    with filled.connect() as connection:
        row = connection.execute(select(ServerRow.__table__).where(ServerRow.name == "m2")).mappings().one()
    assert (row["submission_port"], row["submission_security"]) == (465, "tls")
    assert (row["sieve_port"], row["sieve_security"], row["imap_port"]) == (4190, "starttls", 993)
    assert written(filled, ("server", {"name": "m2", "sieve_host": ""})).changed == {"server": 1}
    with filled.connect() as connection:
        assert connection.scalar(select(ServerRow.sieve_port).where(ServerRow.name == "m2")) is None


def test_answers_come_out_of_sql_where_no_script_could_answer_and_nowhere_else(filled: Engine) -> None:
    both = server("m2", sieve_host="s.example", vacation="sql")
    assert "its scripts answer" in written(filled, both).problems[0].text
    assert written(filled, server("m2", vacation="SQL"), account("acme", "zoe", server="m2")).problems == []
    zoe = resolve(Directory(filled), "zoe@acme.example")
    assert zoe and zoe.server and zoe.server.vacation == "sql"
    assert "its scripts answer" in written(filled, server("m2", sieve_host="s.example")).problems[0].text


def test_a_mailbox_becomes_an_account_that_only_forwards_and_back(filled: Engine) -> None:
    forward = ("account", {"site": "acme", "username": "alice", "kind": "forward", "server": "", "login": ""})
    assert written(filled, forward).changed == {"account": 1}
    assert "needs one" in written(filled, ("account", {**forward[1], "kind": "both"})).problems[0].text
    assert written(filled, account("acme", "alice", kind="both")).changed == {"account": 1}


def test_a_name_of_another_site_is_not_found(filled: Engine) -> None:
    with filled.connect() as connection:
        names = Names(connection)
        site_id = names.number("site", "school")
        with pytest.raises(ValueError, match="there is no account 'alice' here"):
            names.number("account", (site_id, "alice"))
        assert names.number("account", (names.number("site", "acme"), "alice"))
