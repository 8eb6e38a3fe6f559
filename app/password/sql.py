"""A hash in SQL: the directory's own, or where an ISP's UPDATE statement puts it.

The statement must meet exactly one row. A commit whose answer is lost leaves open whether it was done.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import BigInteger, Connection, Engine, String, bindparam, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.password.backend import Change
from app.password.errors import BackendAway, Unsettled

PARAMETERS = frozenset({"hash", "crypt", "address", "local", "domain", "login", "number"})


class Sql:
    """`hashed` makes `{SCHEME}rest` of a password: `:hash` is all of it, `:crypt` the rest alone."""

    without_old = True

    def __init__(self, engine: Engine, statement: str, hashed: Callable[[str], str]) -> None:
        self.engine, self.hashed = engine, hashed
        wanted = text(checked(statement))
        names = wanted.compile().params
        types = {name: BigInteger() if name == "number" else String() for name in names}
        # typed, as PostgreSQL does not guess types where parameters meet one another
        self.statement = wanted.bindparams(*(bindparam(name, type_=types[name]) for name in names))
        self.names = frozenset(names)

    def change(self, change: Change) -> None:
        """See Backend."""
        made = self.hashed(change.new)
        local, _, domain = change.address.rpartition("@")
        values = {"hash": made, "crypt": made[made.find("}") + 1 :], "address": change.address, "local": local}
        values |= {"domain": domain, "login": change.login}
        told: dict[str, object] = {**values, "number": change.number}
        if "number" in self.names and change.number is None:
            raise BackendAway("the account has no row in the directory")
        try:
            with self.engine.connect() as connection:
                begun = connection.begin()
                rows = connection.execute(self.statement, {name: told[name] for name in self.names}).rowcount
                if rows != 1:
                    begun.rollback()
                    raise BackendAway(f"the statement met {rows} rows, and not one")
                _commit(connection)
        except (DBAPIError, PoolTimeout) as error:
            raise BackendAway(_said(error)) from error

    def look(self) -> str:
        """See Backend. The database prepares the statement, whose rights and columns it checks, and does not run it."""
        values: dict[str, object] = {name: 0 if name == "number" else "" for name in self.names}
        types = (bindparam(name, type_=BigInteger() if name == "number" else String()) for name in self.names)
        told = text(f"EXPLAIN {self.statement.text}").bindparams(*types)
        try:
            with self.engine.connect() as connection:
                connection.execute(told, values).close()
        except (DBAPIError, PoolTimeout) as error:
            raise BackendAway(_said(error)) from error
        url = self.engine.url
        return f"{url.get_backend_name()} {url.host or ''}/{url.database or ''}"


def checked(statement: str) -> str:
    """The statement, or ValueError with what is wrong with it."""
    told = statement.strip().rstrip(";")
    names = set(text(told).compile().params)
    if not told[:7].lower().startswith("update "):
        raise ValueError("an UPDATE statement")
    if unknown := names - PARAMETERS:
        raise ValueError(f"no other parameters than {', '.join(sorted(PARAMETERS))}: not {', '.join(sorted(unknown))}")
    if not names & {"hash", "crypt"}:
        raise ValueError("a statement with :hash or :crypt, the new password")
    if not names & {"address", "login", "number"} and not {"local", "domain"} <= names:  # else namesakes' are changed
        raise ValueError("a statement that says whose with :address, :login, or :local and :domain together")
    return told


def _commit(connection: Connection) -> None:
    try:
        connection.commit()
    except DBAPIError as error:
        raise Unsettled(_said(error)) from error


def _said(error: Exception) -> str:
    return str(getattr(error, "orig", None) or type(error).__name__).strip().partition("\n")[0]
