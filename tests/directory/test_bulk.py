"""A file of accounts and addresses is brought into one site whole or not at all, on each database alike."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, insert, text, update

from app.directory.bulk import Leave, Result, bring_in
from app.directory.circles import Ways
from app.directory.edit import put_back, row_of
from app.directory.errors import NotAccepted
from app.directory.member import add_address, check_username, typed, usual_server
from app.directory.tables import AccountRow, AddressRow, Base, DomainRow, ServerRow, SiteRow

HEAD = "username,kind,forward_to\n"
SITE_ADMIN, PROVIDER = Leave(5, False), Leave(None, True)


@pytest.fixture
def rows(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        for number, name in ((1, "one"), (2, "two")):
            connection.execute(insert(SiteRow).values(site_id=number, name=name, primary_domain=f"{name}.example"))
            connection.execute(insert(DomainRow).values(domain_id=number, name=f"{name}.example", site_id=number))
            connection.execute(insert(ServerRow).values(server_id=number, name=f"box{number}", imap_host="x.example"))
        for number, name, server in ((5, "ann", 2), (6, "bob", 2), (7, "cy", 1)):
            connection.execute(insert(AccountRow).values(
                account_id=number, site_id=1, username=name, kind="mailbox", server_id=server, login=name,
            ))  # fmt: skip
        if engine.dialect.name == "postgresql":  # rows with numbers of their own leave its sequence behind
            connection.execute(text("SELECT setval('account_account_id_seq', 100)"))
        yield connection


def site(rows: Connection) -> dict[str, Any]:
    found = row_of(rows, "site", 1)
    assert found is not None
    return found


def bring(rows: Connection, file: str, leave: Leave = SITE_ADMIN) -> Result:
    return bring_in(rows, site(rows), file, leave)


def test_accounts_and_addresses_come_in_and_each_is_a_change_that_is_taken_back(rows: Connection) -> None:
    text = "record,username,kind,forward_to,local,domain,account\naccount,zoe,mailbox,,,,\n"
    done = bring(rows, text + "account,bob,both,x@else.example,,,\naddress,,,,sales,*,zoe\naccount,ann,mailbox,,,,\n")
    assert [(line, name, change.before is None) for line, name, change in done.changes] == [
        (2, "zoe", True), (3, "bob", False), (4, "sales@*", True)
    ]  # fmt: skip
    assert done.same == 1 and not done.problems
    zoe = row_of(rows, "account", done.changes[0][2].number)
    assert zoe is not None and (zoe["server_id"], zoe["login"]) == (2, "zoe@one.example"), "where most of the site are"
    for _, _, change in reversed(done.changes):
        put_back(rows, change)
    assert row_of(rows, "account", zoe["account_id"]) is None
    bob = row_of(rows, "account", 6)
    assert bob is not None and bob["kind"] == "mailbox" and bob["forward_to"] is None


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("username,server\nbob,box1\n", 2, "moves mailboxes"),
        ("username,role\nann,site_admin\n", 2, "nobody changes their own"),
        ("record,local,domain,account\naddress,bob,*,ann\n", 0, "an account has that name"),
        (f"{HEAD}ann,both,bob@one.example\nbob,both,cy@one.example\ncy,both,ann@one.example\n", 2, "leads back"),
        ("record,local,domain,forward_to\naddress,a,*,b@one.example\naddress,b,*,a@one.example\n", 2, "leads back"),
    ],
)
def test_what_no_single_change_may_do_no_file_does(rows: Connection, text: str, line: int, said: str) -> None:
    first = bring(rows, text).problems[0]
    assert first.line == line and said in first.text


def test_the_provider_moves_mailboxes_and_makes_anybody_an_administrator(rows: Connection) -> None:
    assert not bring(rows, "username,server,role\nbob,box1,isp_admin\n", PROVIDER).problems
    assert bring(rows, "username,role\nbob,user\n").problems, "whom a site's administrator then leaves alone"


def test_ways_follow_catch_alls_details_and_aliases(rows: Connection) -> None:
    add_address(rows, 1, "*", 1, account_id=5)
    add_address(rows, 1, "list", 0, forward_to="x@else.example, bob+x@one.example")
    ways = Ways(rows, 1)
    assert ways.back(5, ("anybody@one.example",)) and not ways.back(6, ("anybody@one.example",))
    assert ways.back(6, ("list@one.example",)) and not ways.back(7, ("list@one.example", "cy@two.example"))


@pytest.mark.parametrize(
    ("theirs", "line"),
    [
        ({"username": "dan", "kind": "forward", "forward_to": "ann@one.example"}, "ann,both,dan@two.example"),
        ({"username": "dan", "kind": "both", "forward_to": "ann+x@one.example"}, "ann,both,dan+y@two.example"),
        ({"username": "dan", "kind": "forward", "forward_to": "bob@one.example"},
         "ann,both,dan@two.example\nbob,both,ann@one.example"),
    ],
)  # fmt: skip
def test_forwarding_that_leads_back_through_another_site_is_found(
    rows: Connection, theirs: dict[str, str], line: str
) -> None:
    rows.execute(insert(AccountRow).values(account_id=9, site_id=2, **theirs))
    part = rows.begin_nested()
    found = bring(rows, f"{HEAD}{line}\n").problems
    assert [each.line for each in found] == list(range(2, 3 + line.count("\n")))
    assert {each.text for each in found} == {"forward_to: leads back here"}
    part.rollback()
    assert not bring(rows, f"{HEAD}ann,both,eve@two.example\n").problems, "nobody"
    add_address(rows, 2, "*", 2, forward_to="cy@one.example")
    assert not bring(rows, f"{HEAD}ann,both,eve@two.example\n").problems, "somebody else"
    assert bring(rows, f"{HEAD}cy,both,eve@two.example\n").problems, "a catch-all of the other site"


def test_an_address_of_two_sites_is_not_taken_for_the_same(rows: Connection) -> None:
    add_address(rows, 2, "list", 0, forward_to="bob@one.example")
    said = "record,local,domain,forward_to\naddress,list,*,list@two.example\n"
    assert not bring(rows, said).problems
    rows.execute(update(AddressRow.__table__).where(AddressRow.site_id == 2).values(forward_to="list@one.example"))
    assert [each.line for each in bring(rows, said.replace("two.example", "two.example x@y.example")).problems] == [2]


def test_names_of_a_site_are_had_once(rows: Connection) -> None:
    add_address(rows, 1, "sales", 0, account_id=5)
    add_address(rows, 1, "ann", 0, account_id=5)  # one's own name is no theft
    for wrong in ({"local": "bob", "domain_id": 0}, {"local": "x", "domain_id": 2}):
        with pytest.raises(NotAccepted):
            add_address(rows, 1, account_id=5, **wrong)  # type: ignore[arg-type]
    with pytest.raises(NotAccepted):
        check_username(rows, 1, "sales")
    check_username(rows, 1, "zoe")
    assert usual_server(rows, 1) == 2 and usual_server(rows, 2) is None


def test_addresses_of_the_provider_s_people_are_left_alone_by_others(rows: Connection) -> None:
    add_address(rows, 1, "boss", 0, account_id=7)
    rows.execute(update(AccountRow.__table__).where(AccountRow.account_id == 7).values(role="isp_admin"))
    with pytest.raises(NotAccepted):
        add_address(rows, 1, "boss", 1, account_id=5)
    for local in ("cy+bank", "bob+x"):
        with pytest.raises(NotAccepted):
            add_address(rows, 1, local, 0, account_id=5)
    for line in ("boss,one.example,ann", "boss,*,ann", "cy+bank,*,ann", "bob+x,one.example,ann"):
        part = rows.begin_nested()
        assert bring(rows, f"record,local,domain,account\naddress,{line}\n").problems, line
        part.rollback()
    add_address(rows, 1, "boss", 1, account_id=5, provider=True)


def test_of_two_at_once_who_want_a_name_the_second_sees_the_first(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("has one writer")
    with engine.begin() as rows:
        rows.execute(insert(SiteRow).values(site_id=1, name="one", primary_domain="one.example"))
    said: list[str] = []

    def second() -> None:
        with engine.begin() as connection:
            try:
                check_username(connection, 1, "zoe")
            except NotAccepted as error:
                said.append(str(error))

    with engine.begin() as rows:
        add_address(rows, 1, "zoe", 0, forward_to="x@else.example")
        other = threading.Thread(target=second)
        other.start()
        other.join(0.2)
        assert other.is_alive(), "waits"
    other.join(20)
    assert said and "has that name already" in said[0]


def test_no_row_takes_the_mail_of_the_provider_s_people_nor_switches_their_own_name_off(rows: Connection) -> None:
    add_address(rows, 1, "boss", 0, account_id=7)
    rows.execute(update(AccountRow.__table__).where(AccountRow.account_id == 7).values(role="isp_admin"))
    for line in ("cy,*,cy,no", "cy,one.example,cy,yes", "boss+x,*,ann,yes"):
        part = rows.begin_nested()
        told = bring(rows, f"record,local,domain,account,enabled\naddress,{line}\n").problems
        assert any("somebody of the provider" in each.text for each in told), line
        part.rollback()
    for local in ("cy", "boss+x"):
        with pytest.raises(NotAccepted):
            add_address(rows, 1, local, 1, account_id=5 if "+" in local else 7)


def test_no_new_account_takes_what_comes_for_others_with_a_detail(rows: Connection) -> None:
    add_address(rows, 1, "sales", 0, account_id=5)
    for name in ("bob+bank", "sales+x"):
        with pytest.raises(NotAccepted):
            check_username(rows, 1, name)
        part = rows.begin_nested()
        assert "would go elsewhere" in bring(rows, f"username,kind\n{name},mailbox\n").problems[0].text
        part.rollback()
    check_username(rows, 1, "new+x")
    assert not bring(rows, "username,kind\nnew+x,mailbox\n").problems


@pytest.mark.parametrize(("text", "said"), [
    ("username" + "," * 380_000, "far more columns"),
    ("username,kind\n" + ",\n" * 190_000, "more than 5000 lines"),
    (HEAD + "".join(f"u{at},forward,u{at + 1}@one.example\n" for at in range(5000)), "too far"),
])  # fmt: skip
@pytest.mark.slow
def test_a_file_that_is_made_to_be_slow_is_refused_soon(said: str, text: str) -> None:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with engine.begin() as rows:
        rows.execute(insert(SiteRow).values(site_id=1, name="one", primary_domain="one.example"))
        rows.execute(insert(DomainRow).values(domain_id=1, name="one.example", site_id=1))
        began = time.process_time()
        assert said in bring(rows, text).problems[0].text
        assert time.process_time() - began < 10, "one of them once took 145 seconds"


def test_fields_become_columns_that_fit_together(rows: Connection) -> None:
    old = row_of(rows, "account", 6)
    assert old is not None
    fields = {"kind": "forward", "forward_to": "ignored", "locale": "", "login": "root", "site": "two"}
    told = typed(site(rows), old, fields, server=1, targets=["x@else.example"])
    assert not told.faults and "site" not in told.columns
    assert {name: told.columns[name] for name in ("kind", "forward_to", "server_id", "login", "locale")} == {
        "kind": "forward", "forward_to": "x@else.example", "server_id": None, "login": None, "locale": None,
    }  # fmt: skip
    none = typed(site(rows), {**old, "server_id": None, "login": None}, {"kind": "mailbox"}, server=None, targets=[])
    assert "server" in none.faults
    both = typed(site(rows), old, {"kind": "both"}, server=None, targets=[])
    assert both.faults == {"forward_to": "Say where its mail goes."}


@pytest.mark.parametrize("line", ["eve,mailbox,,cy", "eve,mailbox,box1,", "fay,mailbox,box1,", "fay,mailbox,,cy"])
def test_no_file_of_a_site_s_administrator_gives_an_account_another_s_mailbox(rows: Connection, line: str) -> None:
    fay = {"username": "fay", "kind": "forward", "forward_to": "a@b.example"}
    rows.execute(insert(AccountRow).values(account_id=9, site_id=1, **fay))
    text = f"username,kind,server,login\n{line}\n"
    part = rows.begin_nested()
    assert any("only your provider moves" in each.text for each in bring(rows, text).problems)
    part.rollback()


def test_a_mailbox_that_would_be_called_as_another_account_s_is_not_made(rows: Connection) -> None:
    rows.execute(update(AccountRow.__table__).where(AccountRow.account_id == 6).values(login="Cy@one.example"))
    assert not bring(rows, "username,kind,forward_to\ncy,forward,a@b.example\n").problems
    said = "cy@one.example is the mailbox of another account"
    assert [each.text.startswith(said) for each in bring(rows, "username,kind\ncy,mailbox\n").problems] == [True]
