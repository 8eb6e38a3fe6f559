"""The directory goes out as CSV and comes in again; what is not understood is told, and then nothing is written."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from app.demo.certificate import Authority
from app.directory.exchange import COLUMNS, read_csv, write_csv
from app.directory.tables import AccountRow, ServerRow
from tests.directory.filling import account, alias, clear, fill, server, site, statements

HASH = "{SSHA}JHB7X5GuOu3fcnYeIMcnvxZRwKB18nN5"


@pytest.fixture
def filled(engine: Engine) -> Engine:
    fill(
        engine,
        server(
            submission_host="smtp.example.net",
            submission_port="465",
            submission_security="tls",
            tls_sha256="AB:" * 31 + "AB",
        ),
        server("mail2", state="moving", imap_port="143", imap_security="starttls"),
        *site(
            "acme", "acme.example", "bücher.example", time_zone="Europe/Berlin", brand="acme", junk_pattern="spam.%Y",
            messages_per_hour="50", recipients_per_hour="0",
        ),
        *site("school", "school.example", enabled="no"),
        account("acme", "alice", display_name='Alice "A", née Müller; =1+1', login="box1", locale="pt-BR"),
        account("acme", "bob", server="mail2", enabled="no", role="site_admin"),
        account("school", "fred", kind="forward", forward_to="a@b.example, c@d.example", password_hash=HASH),
        alias("acme", "*", account="bob"),
        alias("acme", "sales", "bücher.example", account="alice"),
        alias("school", "out", forward_to="x@y.example", enabled="no"),
    )
    return engine


def exported(engine: Engine, *, hashes: bool = False) -> str:
    out = io.StringIO()
    write_csv(engine, out, hashes=hashes)
    return out.getvalue()


def test_what_went_out_comes_in_the_same(filled: Engine) -> None:
    text = exported(filled, hashes=True)
    clear(filled)
    report = read_csv(filled, io.StringIO(text))
    assert report.problems == [] and report.added.total() == 13 and report.changed.total() == 0
    assert exported(filled, hashes=True) == text


def test_bringing_the_same_in_twice_changes_nothing(filled: Engine) -> None:
    report = read_csv(filled, io.StringIO(exported(filled, hashes=True)))
    assert report.problems == [] and report.same.total() == 13
    assert report.added.total() == report.changed.total() == 0


def test_hashes_stay_at_home_unless_asked_for_and_survive_an_import_without_them(filled: Engine) -> None:
    text = exported(filled)
    assert HASH not in text and "password_hash" not in text
    assert read_csv(filled, io.StringIO(text)).same.total() == 13
    assert HASH in exported(filled, hashes=True)


def test_a_certificate_of_many_lines_survives(filled: Engine, tmp_path: Path) -> None:
    pem = Authority(tmp_path / "authority").file.read_text()
    fill(filled, server("mail3", tls_ca=pem))
    text = exported(filled, hashes=True)
    assert read_csv(filled, io.StringIO(text)).same.total() == 14
    with filled.connect() as connection:
        assert connection.scalar(select(ServerRow.tls_ca).where(ServerRow.name == "mail3")) == pem


def test_some_columns_of_one_kind_are_enough_for_a_change(filled: Engine) -> None:
    report = read_csv(filled, io.StringIO("name,state\nmail1,drain\n"), record="server")
    assert report.problems == [] and report.changed == {"server": 1}
    assert ",drain" in exported(filled) and "smtp.example.net" in exported(filled)


def test_an_empty_cell_means_the_default(filled: Engine) -> None:
    report = read_csv(filled, io.StringIO("record,site,username,role,display_name\naccount,acme,bob,,\n"))
    assert report.problems == [] and report.changed == {"account": 1}
    with filled.connect() as connection:
        assert connection.scalar(select(AccountRow.role).where(AccountRow.username == "bob")) == "user"


def test_a_spreadsheet_s_own_dialect_is_understood(filled: Engine) -> None:
    report = read_csv(filled, io.StringIO("\ufeffrecord;site;username;server\r\naccount;acme;Zoë;mail1\r\n;;;\r\n"))
    assert report.problems == [] and report.added == {"account": 1}


def test_an_empty_line_of_a_spreadsheet_says_nothing(filled: Engine) -> None:
    report = read_csv(filled, io.StringIO("site,username,server\n,,\nacme,zoe,mail1\n , ,\n"), record="account")
    assert report.problems == [] and report.added == {"account": 1}


def test_a_server_without_a_port_has_the_one_of_its_security(filled: Engine) -> None:
    lines = "server,a,h.example,,starttls\nserver,b,h.example,,\nserver,c,h.example,1143,starttls\n"
    read_csv(filled, io.StringIO("record,name,imap_host,imap_port,imap_security\n" + lines))
    with filled.connect() as connection:
        found = select(ServerRow.name, ServerRow.imap_port).where(ServerRow.imap_host == "h.example")
        assert dict(connection.execute(found).all()) == {"a": 143, "b": 993, "c": 1143}


def test_a_new_account_without_login_has_its_main_address(filled: Engine) -> None:
    read_csv(filled, io.StringIO("record,site,username,server\naccount,acme,zoe,mail1\n"))
    with filled.connect() as connection:
        assert connection.scalar(select(AccountRow.login).where(AccountRow.username == "zoe")) == "zoe@acme.example"


GOOD = (
    "record,name,site,username,server,primary_domain,domain,local,account,kind,imap_port,time_zone,password_hash,"
    "imap_host,login\n"
)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("account,,acme,zoe,nowhere,,,,,,,,,,", "there is no server 'nowhere'"),
        ("account,,nowhere,zoe,mail1,,,,,,,,,,", "there is no site 'nowhere'"),
        ("account,,acme,zoe,,,,,,,,,,,", "needs one"),
        ("account,,acme,zoe@x,mail1,,,,,,,,,,", "username"),
        ("account,,acme,,mail1,,,,,,,,,,", "username: must be given"),
        ("account,,acme,*,mail1,,,,,,,,,,", "username"),
        ("account,,acme,zoe,mail1,,,,,pop,,,,,", "kind"),
        ("account,,acme,zoe,mail1,,,,,forward,,,,,", "has no server and no login"),
        ("account,,acme,zoe,mail1,,,,,,,Mars/Base,,,", "time_zone"),
        ("account,,acme,zoe,mail1,,,,,,,,{PLAIN}x,,", "password_hash"),
        ("account,x,acme,zoe,mail1,,,,,,,,,,", "name: no field of the record account"),
        ("domain,not a domain,acme,,,,,,,,,,,,", "name"),
        ("domain,new.example,,,,,,,,,,,,,", "site: must be given"),
        ("site,new,,,,,,,,,,,,,", "primary_domain: must be given"),
        ("site,new,,,,new.example,,,,,,,,,", "none of its domains"),
        ("site,acme,,,,school.example,,,,,,,,,", "none of its domains"),
        ("server,mail3,,,,,,,,,,,,,", "imap_host: must be given"),
        ("server,mail3,,,,,,,,,0,,,h.example,", "imap_port"),
        ("server,mail3,,,,,,,,,x,,,h.example,", "imap_port"),
        ("server,mail3,,,,,,,,,,,,h h,", "imap_host"),
        ("address,,acme,,,,school.example,x,bob,,,,,,", "there is no domain 'school.example' here"),
        ("address,,acme,,,,*,x,fred,,,,,,", "there is no account 'fred' here"),
        ("person,,acme,,,,,,,,,,,,", "'person' is none of"),
        ("account,,acme", "more or fewer cells"),
        ("account,,acme,zoe,mail1,,,,,,,,,,,,", "more or fewer cells"),
        ('account,"x', "not CSV"),
    ],
)
def test_a_line_that_is_not_understood_keeps_the_whole_file_out(filled: Engine, line: str, sentence: str) -> None:
    before = exported(filled, hashes=True)
    report = read_csv(filled, io.StringIO(GOOD + "account,,acme,ok,mail1,,,,,,,,,,\n" + line + "\n"))
    assert any(sentence in problem.text for problem in report.problems), report.problems
    assert all(problem.line in (0, 3) or sentence == "not CSV" for problem in report.problems)
    assert exported(filled, hashes=True) == before


def test_all_that_is_wrong_is_told_at_once(filled: Engine) -> None:
    lines = "account,,acme,a@b,mail1,,,,,,,,,,\naccount,,acme,c,mail1,,,,,pop,,,,,\ndomain,..,acme,,,,,,,,,,,,\n"
    assert [problem.line for problem in read_csv(filled, io.StringIO(GOOD + lines)).problems] == [2, 3, 4]


def test_a_key_that_stands_twice_is_told_with_both_lines(filled: Engine) -> None:
    lines = "account,,acme,zoe,mail1,,,,,,,,,,\naccount,,ACME,Zoe,mail1,,,,,,,,,,\n"
    problems = read_csv(filled, io.StringIO(GOOD + lines)).problems
    assert [(each.line, "line 2" in each.text) for each in problems] == [(3, True)]


ODD = ["record,nmae", "name,site", "record,name,name", "", "record,name\rsite,x\rsite,y", '"' * 280_000]


@pytest.mark.parametrize("header", ODD, ids=range(len(ODD)))
def test_a_header_that_is_not_understood_is_told(filled: Engine, header: str) -> None:
    report = read_csv(filled, io.StringIO(header + "\nsite,x\n"))
    assert report.problems and report.problems[0].line == 1


def test_a_dry_run_tells_and_writes_nothing(filled: Engine) -> None:
    before = exported(filled)
    report = read_csv(filled, io.StringIO("record,site,username,server\naccount,acme,zoe,mail1\n"), dry_run=True)
    assert report.added == {"account": 1} and exported(filled) == before


def test_every_line_has_every_column(filled: Engine) -> None:
    rows = list(csv.DictReader(io.StringIO(exported(filled, hashes=True)), strict=True))
    assert set(rows[0]) == set(COLUMNS) and len(rows) == 13
    assert [row["record"] for row in rows] == sorted(
        (row["record"] for row in rows), key=["site", "domain", "server", "account", "address"].index
    )


def test_an_import_costs_a_few_statements_whatever_its_size(patient: Engine) -> None:
    fill(patient, server(), *site("big", "big.example"))
    lines = "".join(f"account,big,user{n},mail1\n" for n in range(3000))
    with statements(patient) as sent:
        report = read_csv(patient, io.StringIO("record,site,username,server\n" + lines))
    assert report.added == {"account": 3000} and len(sent) < 20
    with patient.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(AccountRow)) == 3000
