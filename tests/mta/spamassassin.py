"""A real spamd with the ready configuration of config/spamassassin, asked as spamc does.

Few of Debian's rules are loaded, and none that asks the network: so it starts in half a second.
"""

from __future__ import annotations

import getpass
import os
import re
import shutil
import socket
from pathlib import Path
from typing import Final, Self

from app.demo.process import answers, end, free_port, spawn, wait_until
from tests.mailsql import PASSWORD, MailSQL

ROOT = Path(__file__).resolve().parents[2]
RULES, SITE = Path("/usr/share/spamassassin"), Path("/etc/spamassassin")
_RULES: Final = ("10_default_prefs.cf", "60_welcomelist.cf", "25_textcat.cf", "languages")
_LOCAL: Final = """\
util_rb_tld example
header SIX Subject =~ /viagra/
score SIX 6
use_bayes 0
"""
# Off but for whom a row of spam_pref turns it on: else one test's mail would make points in another.
_MEMORY: Final = """\
loadplugin Mail::SpamAssassin::Plugin::AWL
use_auto_welcomelist 0
auto_welcomelist_factory Mail::SpamAssassin::SQLBasedAddrList
user_awl_dsn {dsn}
user_awl_sql_username spamassassin
user_awl_sql_password {password}
header AWL eval:check_from_in_auto_welcomelist()
tflags AWL userconf noautolearn
priority AWL 1000
"""
_VERDICT: Final = re.compile(r"^Spam: (\w+) ; (-?[\d.]+) / (-?[\d.]+)", re.M)


class SpamAssassin:
    """spamd on loopback. `with` starts it."""

    def __init__(self, folder: Path, database: MailSQL) -> None:
        self.folder, self.port = folder, free_port()
        (folder / "rules").mkdir(parents=True)
        (folder / "site").mkdir()
        for name in _RULES:
            shutil.copy(RULES / name, folder / "rules")
        for file in (*SITE.glob("v*.pre"), SITE / "init.pre", ROOT / "config/spamassassin/postern.pre"):
            shutil.copy(file, folder / "site")
        (folder / "site/local.cf").write_text(_LOCAL)
        prepared = _prepared(database)
        dsn = next(line.split()[1] for line in prepared.splitlines() if line.startswith("user_scores_dsn"))
        (folder / "site/postern.cf").write_text(prepared + _MEMORY.format(dsn=dsn, password=PASSWORD))

    @staticmethod
    def missing() -> str:
        """Why it cannot be started here, or ""."""
        return "" if shutil.which("spamd", path="/usr/sbin:/usr/bin") else "needs spamd"

    def __enter__(self) -> Self:
        user = "nobody" if os.geteuid() == 0 else getpass.getuser()
        words = ["/usr/sbin/spamd", "-x", "-q", "-u", user, "-L", "-i", "127.0.0.1", "-p", str(self.port), "-m", "1"]
        words += ["--min-children=1", "--min-spare=1", "--max-spare=1", "-s", "stderr", "-H", "/tmp"]
        words += [f"--configpath={self.folder}/rules", f"--siteconfigpath={self.folder}/site"]
        with open(self.folder / "log", "wb") as log:
            self.process = spawn(words, output=log)
        wait_until(lambda: answers(self.port), self.process, "spamd", self.folder / "log")
        return self

    def __exit__(self, *_error: object) -> None:
        end(self.process)

    def statement(self) -> str:
        """What it asks SQL, with its own words for the address."""
        lines = (self.folder / "site/postern.cf").read_text().splitlines()
        return next(line.partition(" ")[2] for line in lines if line.startswith("user_scores_sql_custom_query"))

    def says(self, user: str, sender: str = "a@sender.example", *, subject: str = "news", body: str = "Hello") -> str:
        """The verdict of somebody's mail as spamc -R has it: "6.0 of 5.0 SIX", or what it answers instead."""
        mail = f"From: {sender}\nTo: x@one.example\nSubject: {subject}\nMessage-ID: <1@x.example>\n\n{body}\n"
        head = f"SYMBOLS SPAMC/1.5\r\nContent-length: {len(mail)}\r\nUser: {user}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as line:
            line.sendall((head + mail).encode())
            line.shutdown(socket.SHUT_WR)
            with line.makefile("rb") as answer:
                said = answer.read().decode()
        if found := _VERDICT.search(said):
            symbols = said.partition("\r\n\r\n")[2].strip()
            return f"{found[2]} of {found[3]} {symbols}".strip()
        return said.partition("\r\n")[0]


def _prepared(database: MailSQL) -> str:
    """The operator's file, as an operator changes it."""
    config = (ROOT / f"config/spamassassin/postern-{database.kind}.cf").read_text()
    for old, new in {
        "CHANGE": PASSWORD,
        "database=mail;": f"database={database.name};",
        "dbname=mail;": f"dbname={database.name};",
        "/run/mysqld/mysqld.sock": str(database.server.socket),
        "/run/postgresql": str(database.server.folder),
    }.items():
        config = config.replace(old, new)
    return config
