"""The SQL that mail servers read, as an operator sets it up: config/sql in a migrated database, and its users."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from tests.anydatabase import migrate
from tests.databases import DatabaseServer, PostgreSQL

FOLDER = Path(__file__).resolve().parents[1] / "config/sql"
USERS = ("exim", "postfix", "dovecot", "spamassassin")
POLICY = "postern_policy"  # of a program of ours, which reads the tables themselves
PASSWORD = "a 'password'"


class MailSQL:
    """A migrated database with the views. `url`: its owner's; `url_of`: as one of the users."""

    def __init__(self, server: DatabaseServer) -> None:
        self.server = server
        self.url = server.new_database()
        self.name = f"test{server.databases}"
        self.kind = "postgresql" if isinstance(server, PostgreSQL) else "mariadb"
        migrate(self.url)
        self.run_file(FOLDER / f"{self.kind}.sql")
        for user in (*USERS, POLICY):
            self._let_in(user)

    def run_file(self, file: Path, **replaced: str) -> None:
        """A file of SQL by the database's own client, as docs/mta-exim.md has it."""
        text = file.read_text()
        for old, new in replaced.items():
            text = text.replace(old, new)
        copy = self.server.folder / file.name
        copy.write_text(text)
        copy.chmod(0o644)
        client = self.server.programs[2]
        if self.kind == "postgresql":
            words = ("-h", self.server.folder, "-U", "postern", "-qv", "ON_ERROR_STOP=1", "-f", copy, self.name)
            self.server.run(client, *words)
        else:
            line = f"{client} --no-defaults --socket={self.server.socket} -u root {self.name} < {copy}"
            self.server.run("sh", "-c", line)

    def run(self, *lines: str) -> None:
        """Lines of SQL in this database, as its owner."""
        client = self.server.programs[2]
        if self.kind == "postgresql":
            words: tuple[str | Path, ...] = ("-h", self.server.folder, "-U", "postern", "-d", self.name, "-qAtc")
        else:
            words = ("--no-defaults", f"--socket={self.server.socket}", "-u", "root", self.name, "-e")
        self.server.run(client, *words, "; ".join(lines))

    def url_of(self, user: str) -> str:
        """The database as one of the users has it."""
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{user}:{quote(PASSWORD)}@{rest.partition('@')[2]}"

    def _let_in(self, user: str) -> None:
        secret = PASSWORD.replace("'", "''")
        if self.kind == "postgresql":
            self.run(f"ALTER ROLE {user} LOGIN PASSWORD '{secret}'")
        else:
            self.run(
                "DROP USER IF EXISTS ''@localhost", f"ALTER USER {user}@'%' IDENTIFIED BY '{secret}' ACCOUNT UNLOCK"
            )
