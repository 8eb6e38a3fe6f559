"""An Exim with the ready configuration of config/exim, on a database with the views of config/sql.

Its network is a namespace with a name server of its own; its clock is the database's. Settings that an operator would
change are changed as an operator would: in the files' text.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, text

from app.directory.engine import open_engine
from app.policy.actions import By, add_rule, remove_rule
from app.policy.rule import Rule, Scope, account_scope
from app.policy.value import Kind
from tests.databases import DatabaseServer
from tests.directory.filling import account, alias, fill, server, site
from tests.mailsql import PASSWORD, MailSQL
from tests.mta.client import Attempt, message
from tests.mta.dns import Nameserver, listed, reverse
from tests.mta.exim import ROOT, Exim
from tests.mta.lmtp import Lmtp, Smtp
from tests.mta.namespace import Namespace
from tests.mta.spamd import Spamd

GOOD, OTHER, LISTED, LIAR = "203.0.113.7", "203.0.113.8", "198.51.100.66", "203.0.113.9"
TRUSTED, SHUT, SIX = "198.51.100.7", "203.0.113.99", "2001:db8:0:1:1:1:1:1"
FRIENDS = "198.51.100.25"  # where mail to friend.example is taken
ADDRESSES = [GOOD, OTHER, LISTED, LIAR, TRUSTED, SHUT, SIX, FRIENDS]
ZONE: Final = {
    "sender.example": {"MX": ["10 mx.sender.example"], "TXT": [f"v=spf1 ip4:{GOOD} ip4:{LISTED} ~all"]},
    "mail.sender.example": {"A": [GOOD, OTHER]},
    "mx.sender.example": {"A": ["192.0.2.80"]},  # nobody's here
    "friend.example": {"MX": ["10 mx.friend.example"]},
    "mx.friend.example": {"A": [FRIENDS]},
    "else.example": {"MX": ["10 mx.sender.example"]},
    "mail1.example.net": {"A": ["127.0.0.1"]},
    reverse(GOOD): {"PTR": ["mail.sender.example"]},
    listed(LISTED, "zen.example"): {"A": ["127.0.0.2"], "TXT": ["https://zen.example/why"]},
}
_FRIENDS = f"""friends:
  driver = manualroute
  domains = friend.example
  route_data = {FRIENDS}
  self = send
  transport = others
others:
  driver = dnslookup
"""
_SIGN_IN = """
begin authenticators
anybody:
  driver = plaintext
  public_name = PLAIN
  server_condition = yes
  server_set_id = $auth2
"""
BY = By("1", "1", "1")
MINE = account_scope("1")  # alice's


class SqlExim:
    """`engine` is the app's on the same database; `box` the mail server that all accounts lie on; `friends` a server
    elsewhere."""

    def __init__(
        self, database: MailSQL, engine: Engine, exim: Exim, network: Namespace, box: Lmtp, friends: Smtp
    ) -> None:
        self.database, self.engine, self.exim, self.network, self.box = database, engine, exim, network, box
        self.friends = friends

    def tries(
        self, sender: str, *recipients: str, subject: str = "", source: str = GOOD, helo: str = "", login: str = ""
    ) -> Attempt:
        """An attempt that was made."""
        made = Attempt(sender, recipients, message(subject) if subject else None, source=source, login=login)
        made.helo = helo or made.helo
        made.make(self.exim.port, network=self.network)
        return made

    def said(self, sender: str, recipient: str, **more: str) -> str:
        """What the client was told of one recipient, or last of all."""
        made = self.tries(sender, recipient, **more)
        return (made.told.get(recipient) or list(made.replies.values())[-1]).text

    def rule(self, action: str, value: str, scope: Scope = MINE, *, kind: Kind | None = None, **more: Any) -> Rule:
        """A rule as the app's pages make it."""
        kind = kind or (Kind.network if "/" in value else Kind.sender if "@" in value else Kind.domain)
        return add_rule(self.engine, BY, Rule(scope, action, kind, value, datetime.now(UTC), **more))[1]

    def no_rule(self, rule: Rule) -> None:
        """Takes one away as the pages do."""
        remove_rule(self.engine, BY, rule.scope, rule.rule_id, datetime.now(UTC))

    def run(self, *lines: str) -> None:
        """SQL as the database's owner."""
        self.database.run(*lines)

    def count(self, statement: str) -> int:
        """What a statement counts."""
        with self.engine.connect() as connection:
            return int(connection.execute(text(statement)).scalar() or 0)

    def setting(self, name: str, value: str | None, rank: int = 0, scope_id: str = "", locked: bool = False) -> None:
        """A row of policy_setting, or none."""
        where = f"scope_rank = {rank} AND scope_id = '{scope_id}' AND name = '{name}'"
        lines = [f"DELETE FROM policy_setting WHERE {where}"]
        if value is not None:
            at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
            lines.append(
                "INSERT INTO policy_setting (scope_rank, scope_id, name, value, locked, updated_at)"
                f" VALUES ({rank}, '{scope_id}', '{name}', '{value}', {str(locked).lower()}, '{at}')"
            )
        self.run(*lines)


@contextmanager
def started(folder: Path, server_: DatabaseServer) -> Iterator[SqlExim]:
    """Exim, its database, its network, its scanner."""
    folder.mkdir()
    database = MailSQL(server_)
    engine = open_engine(database.url)
    people(engine)
    database.server.folder.chmod(0o755)
    with ExitStack() as stack:
        stack.callback(engine.dispose)
        network = stack.enter_context(Namespace(folder, ADDRESSES))
        stack.enter_context(Nameserver(network.listen(53, udp=True), ZONE))
        stack.enter_context(Spamd(network.listen(783)))
        box = stack.enter_context(Lmtp(network.listen(24)))
        friends = stack.enter_context(Smtp(network.listen(25, host=FRIENDS)))
        if database.kind == "mariadb":  # what its client reads of the machine
            (folder / "mysql").mkdir()
            (folder / "mysql/my.cnf").write_text((ROOT / "config/exim/exim.cnf").read_text().replace("= 2\n", "= 1\n"))
            network.run(["mount", "--bind", folder / "mysql", "/etc/mysql"])
        config = prepared(folder, database)
        own = ("primary_hostname", "timezone", "log_timezone", "keep_environment", "local_interfaces")
        exim = Exim(folder / "exim", config, inside=network.words([]), address="127.0.0.1 ::1", without=own)
        stack.enter_context(exim)
        yield SqlExim(database, engine, exim, network, box, friends)


def people(engine: Engine) -> None:
    """Two sites: alice, both, away and an alias; bob, who has all of two.example."""
    fill(
        engine,
        server(vacation="sql"),
        *site("one", "one.example", "one.test"),
        *site("two", "two.example"),
        account("one", "alice", login="box1"),
        account("one", "both", kind="both", login="box2", forward_to="x@else.example"),
        account("one", "away", kind="forward", forward_to="z@else.example", password_hash="$6$salt$" + "x" * 86),
        account("one", "gone", login="box4", enabled="no"),
        account("two", "bob", login="bob@two.example"),
        account("one", "o'brien", login="box6"),
        alias("one", "sales", account="alice"),
        alias("two", "*", "two.example", account="bob"),
    )


def prepared(folder: Path, database: MailSQL) -> str:
    """The operator's files in a folder, and the main one's text."""
    driver = "mysql" if database.kind == "mariadb" else "pgsql"
    for file in (ROOT / "config/exim").glob("postern-*.conf"):
        (folder / file.name).write_text(file.read_text())
    secret = PASSWORD.replace("/", "")
    config = (ROOT / "config/exim/exim.conf").read_text()
    for old, new in (
        ("/etc/exim4/postern/postern-mysql.conf", f"{folder}/postern-{driver}.conf"),
        ("/etc/exim4/postern", str(folder)),
        ("(/run/mysqld/mysqld.sock)/mail/exim/PASSWORD", f"({database.server.socket})/{database.name}/exim/{secret}"),
        ("198.51.100.0/24", TRUSTED),
        ("zen.spamhaus.org", "zen.example"),
        ("others:\n  driver = dnslookup\n", _FRIENDS),  # its address is one of this machine's
        ("# POSTERN_SPAMD", "POSTERN_SPAMD"),
        ("# spamd_address", "spamd_address"),
    ):
        assert old in config, old
        config = config.replace(old, new)
    return config + _SIGN_IN
