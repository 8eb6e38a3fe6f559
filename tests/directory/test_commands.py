"""The command line of the directory, as an administrator uses it."""

from __future__ import annotations

import re
import shlex
import stat
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from app.demo.certificate import Authority
from app.directory.account import Account
from app.directory.commands import directory_commands
from app.directory.engine import open_engine
from app.directory.password import verify_password
from app.directory.resolve import Directory, resolve
from app.migrations.commands import database_commands
from tests.directory.filling import run

ROOT = Path(__file__).resolve().parents[2]


class Shell:
    """Runs commands on one database."""

    def __init__(self, engine: Engine) -> None:
        self.gone: list[str] = []  # what else would go with an account
        self.group = directory_commands(lambda: engine, gone=lambda _connection, number: self.gone.append(number))
        self.engine = engine

    def run(self, *words: str, answer: str | None = None) -> Result:
        return CliRunner().invoke(self.group, list(words), input=answer)

    def do(self, *words: str, answer: str | None = None) -> str:
        result = self.run(*words, answer=answer)
        assert result.exit_code == 0, result.output
        return result.output

    def refused(self, *words: str) -> str:
        result = self.run(*words)
        assert result.exit_code == 1 and result.exception.__class__ is SystemExit, (result.output, result.exception)
        return result.output

    def find(self, typed: str) -> Account | None:
        return resolve(Directory(self.engine), typed)


@pytest.fixture
def shell(engine: Engine) -> Shell:
    shell = Shell(engine)
    shell.do("add", "site", "acme", "--domain", "acme.example", "--time-zone", "Europe/Berlin")
    shell.do("add", "domain", "bücher.example", "--site", "acme")
    shell.do("add", "server", "mail1", "--imap", "imaps://mail1.example.net", "--sieve", "sieve://mail1.example.net")
    shell.do("add", "account", "alice@acme.example", "--server", "mail1", "--login", "box1")
    return shell


def test_an_account_that_was_added_is_found_under_all_domains(shell: Shell) -> None:
    for typed in ("alice@acme.example", "alice@bücher.example"):
        found = shell.find(typed)
        assert found and found.login == "box1" and found.time_zone == "Europe/Berlin"


def test_aliases_are_added_for_one_domain_or_all_and_as_catch_all(shell: Shell) -> None:
    shell.do("add", "account", "bob@bücher.example", "--server", "mail1")
    shell.do("add", "alias", "info@bücher.example", "--account", "bob@acme.example")
    shell.do("add", "alias", "sales@acme.example", "--account", "alice@acme.example", "--all-domains")
    shell.do("add", "alias", "*@acme.example", "--account", "bob@acme.example")
    shell.do("add", "alias", "away@acme.example", "--forward-to", "x@y.example")
    bob, alice = shell.find("bob@acme.example"), shell.find("alice@acme.example")
    assert bob and bob.login == "bob@acme.example" and shell.find("info@bücher.example") == bob
    assert shell.find("info@acme.example") is None and shell.find("sales@bücher.example") == alice
    assert "bob@acme.example" in shell.do("resolve", "anybody@acme.example", "--catch-all")


def test_what_is_there_already_is_not_added_again(shell: Shell) -> None:
    assert "is there already" in shell.refused("add", "account", "Alice@bücher.example", "--server", "mail1")
    assert "is there already" in shell.refused("add", "site", "ACME", "--domain", "other.example")
    assert "is there already" in shell.refused("add", "site", "other", "--domain", "acme.example")
    assert shell.do("list", "site").count("acme") == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("add", "account", "zoe@acme.example"), "needs one"),
        (("add", "account", "zoe@acme.example", "--server", "nope"), "there is no server 'nope'"),
        (("add", "account", "zoe@nope.example", "--server", "mail1"), "is not in the directory"),
        (("add", "account", "zoe", "--server", "mail1"), "needs a domain"),
        (("add", "account", "z oe@acme.example", "--server", "mail1"), "not a local part"),
        (("add", "domain", "x.example", "--site", "nope"), "there is no site 'nope'"),
        (("add", "server", "m", "--imap", "https://x"), "must begin with"),
        (("add", "server", "m", "--imap", "imaps://x", "--pin", "12"), "64 hex digits"),
        (("add", "server", "mail 2", "--imap", "imaps://x"), "name: is no name of a server"),
        (("add", "server", "mail/../2", "--imap", "imaps://x"), "name: is no name of a server"),
        (("add", "account", "fred@acme.example", "--forward-to", "nonsense"), "nonsense is no address"),
        (("add", "alias", "a@acme.example", "--forward-to", "x@y.example, |/bin/sh"), "|/bin/sh is no address"),
        (("set", "account", "alice@acme.example", "kind=both", "forward_to=nonsense"), "nonsense is no address"),
        (("add", "alias", "a@acme.example", "--account", "zoe@acme.example"), "there is no account 'zoe'"),
        (("set", "server", "nope", "state=up"), "is not there"),
        (("set", "server", "mail1", "state=sideways"), "must be one of"),
        (("set", "server", "mail1", "colour=red"), "no field"),
        (("set", "server", "mail1", "state"), "'state' is not field=value"),
        (("set", "server", "mail1", "name=mail2"), "names the server"),
        (("set", "account", "alice@acme.example", "username=zoe"), "names the account"),
        (("set", "site", "acme", "learn_spam_to=a b@c.example"), "'a b@c.example' is not a local part"),
        (("remove", "site", "acme"), "still in use"),
        (("remove", "address", "zoe@acme.example"), "there is no address"),
        (("resolve", "nobody@acme.example"), "nobody"),
        (("password", "zoe@nope.example"), "is not in the directory"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(shell: Shell, words: tuple[str, ...], sentence: str) -> None:
    output = shell.refused(*words)
    assert sentence in output and "Traceback" not in output


def test_a_private_certificate_is_kept_with_its_server(shell: Shell, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    shell.do(
        "add",
        "server",
        "mail2",
        "--imap",
        "imaps://mail2.example.net",
        "--ca-file",
        str(authority.file),
        "--pin",
        "AB:" * 31 + "AB",
    )
    shell.do("add", "account", "bob@acme.example", "--server", "mail2")
    bob = shell.find("bob@acme.example")
    assert bob and bob.server and bob.server.imap.ca == authority.file.read_text() and bob.server.imap.pin == "ab" * 32
    no_certificate = tmp_path / "text"
    no_certificate.write_text("no certificate")
    assert "PEM" in shell.refused("add", "server", "m3", "--imap", "imaps://x", "--ca-file", str(no_certificate))


def test_a_field_is_set_and_the_others_stay(shell: Shell) -> None:
    shell.do("set", "server", "mail1", "state=drain")
    shell.do("set", "account", "alice@bücher.example", "display_name=Alice = A", "role=isp_admin")
    shell.do("set", "domain", "bücher.example", "enabled=no")
    shell.do("set", "site", "acme", "messages_per_hour=50", "recipients_per_hour=200")
    assert "whole number" in shell.refused("set", "site", "acme", "messages_per_hour=many")
    shell.do("set", "site", "acme", "locale=de")
    alice = shell.find("alice@acme.example")
    assert alice and alice.server and (alice.server.state, alice.role, alice.locale) == ("drain", "isp_admin", "de")
    assert alice.display_name == "Alice = A" and alice.login == "box1" and alice.server.sieve
    assert shell.find("alice@bücher.example") is None


def test_a_record_is_removed_by_name(shell: Shell) -> None:
    shell.do("add", "alias", "a@acme.example", "--account", "alice@acme.example")
    alice = shell.find("alice@acme.example")
    assert "still in use" in shell.refused("remove", "account", "alice@acme.example")
    shell.do("remove", "address", "a@acme.example")
    shell.gone.clear()
    shell.do("remove", "account", "alice@acme.example")
    assert shell.find("alice@acme.example") is None
    assert alice is not None and shell.gone == [alice.id], "in the same transaction"
    assert "there is no account" in shell.refused("remove", "account", "alice@acme.example")
    assert shell.gone == [alice.id]


def test_a_domain_that_is_still_needed_is_neither_removed_nor_given_away(shell: Shell) -> None:
    shell.do("add", "site", "other", "--domain", "other.example")
    shell.do("add", "alias", "a@bücher.example", "--account", "alice@acme.example")
    assert "its addresses" in shell.refused("remove", "domain", "bücher.example")
    assert "has addresses" in shell.refused("set", "domain", "bücher.example", "site=other")
    assert "primary" in shell.refused("remove", "domain", "acme.example")
    shell.do("remove", "address", "a@bücher.example")
    shell.do("set", "domain", "bücher.example", "site=other")
    shell.do("remove", "domain", "bücher.example")
    shell.do("remove", "account", "alice@acme.example")
    shell.do("remove", "domain", "acme.example")
    shell.do("remove", "site", "acme")


def test_the_password_of_an_account_that_only_forwards_is_asked_for(shell: Shell) -> None:
    shell.do(
        "add",
        "account",
        "fred@acme.example",
        "--kind",
        "forward",
        "--forward-to",
        "f@x.example",
        "--password",
        answer="one\none\n",
    )
    fred = shell.find("fred@acme.example")
    assert fred and verify_password(fred.password_hash, "one")
    assert "two" not in shell.do("password", "fred@acme.example", answer="two\ntwo\n")
    fred = shell.find("fred@acme.example")
    assert fred and verify_password(fred.password_hash, "two") and not verify_password(fred.password_hash, "one")


def test_lists_show_names_and_no_hashes(shell: Shell) -> None:
    shell.do("add", "account", "fred@acme.example", "--kind", "forward", "--password", answer="one\none\n")
    listed = shell.do("list", "account", "--site", "acme")
    assert "alice" in listed and "box1" in listed and "ARGON2" not in listed
    assert shell.do("list", "account", "--site", "nope").strip() == ""
    assert "xn--bcher-kva.example" in shell.do("list", "domain")


def test_resolve_tells_where_the_mail_lies(shell: Shell) -> None:
    told = shell.do("resolve", "alice", "--domain", "acme.example")
    assert "box1" in told and "mail1.example.net:993 tls" in told


def test_an_export_is_for_its_owner_s_eyes_and_comes_in_again(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    shell.do("export", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "account: 0 added, 0 changed, 1 the same" in shell.do("import", str(file))
    assert shell.do("export", "-").replace("\r", "") == file.read_text()


def test_an_export_that_cannot_be_written_is_told_in_a_line_and_spoils_no_earlier_one(
    shell: Shell, tmp_path: Path
) -> None:
    assert "/none/x.csv: No such file" in shell.refused("export", "/none/x.csv")
    assert "No space left" in shell.refused("export", "/dev/full")
    file = tmp_path / "of_yesterday.csv"
    file.write_text("record\n")
    away = directory_commands(lambda: open_engine(f"sqlite:///{tmp_path}"))
    assert CliRunner().invoke(away, ["export", str(file)]).output.startswith("Error: ")
    assert file.read_text() == "record\n"
    shell.do("set", "account", "alice@acme.example", "display_name=Zoë")
    assert "Zoë" in CliRunner(charset="latin-1").invoke(shell.group, ["export", "-"]).stdout_bytes.decode("utf-8")


def test_an_import_that_is_not_understood_says_where(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    file.write_text("record,site,username,server\naccount,acme,zoe,mail1\naccount,acme,zoe@x,mail1\n")
    refused = shell.refused("import", str(file))
    assert "line 3" in refused and "nothing was imported" in refused
    assert shell.find("zoe@acme.example") is None
    file.write_text("record,site,username,kind,forward_to\naccount,acme,zoe,forward,a@b.example\naccount,acme,di,forward,x\n")
    assert "line 3: account forward_to: 'x' is not where mail can be sent on to" in shell.refused("import", str(file))
    assert shell.find("zoe@acme.example") is None
    file.write_bytes("record,site,username,server\naccount,acme,zoë,mail1\n".encode("latin-1"))
    assert "not UTF-8" in shell.refused("import", str(file))
    file.write_text("site,username,server\nacme,zoe,mail1\n")
    assert "dry run" in shell.do("import", str(file), "--record", "account", "--dry-run")
    assert shell.find("zoe@acme.example") is None


def test_check_finds_nothing_in_a_good_directory_and_tells_what_is_wrong(shell: Shell) -> None:
    assert "nothing found" in shell.do("check", "--no-connect")
    shell.do("add", "alias", "lost@acme.example")
    assert "leads to no account" in shell.refused("check", "--no-connect")


def test_a_database_without_tables_is_told_in_one_line(empty: Engine) -> None:
    for words in (
        ("list", "site"),
        ("check",),
        ("add", "domain", "x.example", "--site", "x"),
        ("resolve", "a@b.example"),
    ):
        output = Shell(empty).refused(*words)
        assert output.startswith("Error: ") and output.count("\n") == 1


def test_the_database_s_own_commands_bring_the_tables(empty: Engine) -> None:
    group = database_commands(lambda: [empty])
    before = CliRunner().invoke(group, ["current"])
    assert before.exit_code == 1 and "no tables yet" in before.output and "missing: 0001" in before.output
    assert "done: 0001" in CliRunner().invoke(group, ["upgrade"]).output
    assert "nothing to do" in CliRunner().invoke(group, ["upgrade"]).output
    after = CliRunner().invoke(group, ["current"])
    assert after.exit_code == 0 and re.fullmatch(r"\d{4}", after.output.strip())


def test_a_database_that_is_away_is_told_in_one_line(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}")
    for words in (["list", "site"], ["check"]):
        output = Shell(engine).refused(*words)
        assert output.startswith("Error: ") and "Traceback" not in output
    result = CliRunner().invoke(database_commands(lambda: [engine]), ["upgrade"])
    assert result.exit_code == 1 and result.output.startswith("Error: ")


def test_the_operators_page_can_be_typed_as_it_stands(engine: Engine) -> None:
    shell = Shell(engine)
    joined = (ROOT / "docs/directory.md").read_text().replace("\\\n", " ")
    lines = [line for line in joined.splitlines() if line.startswith("flask --app wsgi directory ")]
    assert len(lines) >= 10
    for line in lines:
        words = shlex.split(line, comments=True)[4:]
        shell.do(*words, *(["--no-connect"] if words == ["check"] else []))


def test_resolve_and_check_ask_a_query_of_one_s_own_where_one_is_set(empty: Engine) -> None:
    run(empty, "CREATE TABLE box (name VARCHAR(80) PRIMARY KEY, host VARCHAR(80))")
    others = ", ".join(f"('user{n}@isp.example', 'h{n}.example')" for n in range(5000))
    run(empty, f"INSERT INTO box VALUES ('alice@isp.example', 'h.example'), {others}")
    good = "SELECT name AS address, host AS imap_host FROM box WHERE name = :address"
    for query, told in ((good, "nothing found"), (good.replace("name =", "host ="), "reads all of box")):
        group = directory_commands(lambda: empty, lambda query=query: Directory(empty, query=query))  # type: ignore[misc]
        assert told in CliRunner().invoke(group, ["check"]).output
    group = directory_commands(lambda: empty, lambda: Directory(empty, query=good))
    assert "h.example:993 tls" in CliRunner().invoke(group, ["resolve", "Alice@isp.example"]).output
    group = directory_commands(lambda: empty, lambda: Directory(empty, query="SELECT x FROM nowhere"))
    assert CliRunner().invoke(group, ["check"]).output.startswith("Error: ")


def test_the_groups_work_below_another_group_with_an_object_of_its_own(shell: Shell) -> None:
    @click.group()
    @click.pass_context
    def outer(context: click.Context) -> None:
        context.obj = "somebody else's"

    outer.add_command(shell.group)
    assert "acme" in CliRunner().invoke(outer, ["directory", "list", "site"]).output
