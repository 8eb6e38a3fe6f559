"""From what a person typed to their account, with one SQL statement.

On the directory's own tables, or by a provider's query on a schema of its own. Addresses of domains that no row knows
may be served by one unlisted mail server; a domain that a row knows never is, so that a disabled account stays out.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Executable, String, TextClause, bindparam, false, inspect, literal, or_, select, text

from app.directory.account import Account, Endpoint, Server
from app.directory.address import BadAddress, TypedAddress, parse_address
from app.directory.engine import asking, is_missing_table
from app.directory.errors import DirectoryBroken
from app.directory.ids import escaped, unescaped
from app.directory.row import COLUMNS, Reading, Row, account_of, server_id, truth
from app.directory.statement import DOMAIN_ONLY, account_statement, neighbour_statement, resolve_statement
from app.directory.tables import CATCH_ALL, Base, DomainRow, SiteRow

QUERY_PARAMETERS = frozenset({"address", "local", "domain", "plain"})
_RESOLVE = resolve_statement()
_ACCOUNT = account_statement()
_NEIGHBOUR = neighbour_statement()
_ANY_DOMAIN = select(DomainRow.domain_id).limit(1)
_NOTHING = select(literal(1))
_MOST_SEEN = 1000  # domains
_QUERIED, _UNLISTED = "q:", "u:"  # before the ids of accounts without a row here; those with a row have their number


@dataclass(frozen=True, slots=True)
class Unlisted:
    """The services of accounts that the directory does not list."""

    imap: Endpoint
    submission: Endpoint | None = None
    sieve: Endpoint | None = None
    junk_pattern: str | None = None

    @property
    def server(self) -> Server:
        """The same as a mail server."""
        return Server(server_id(self.imap), self.imap, self.submission, self.sieve, junk_pattern=self.junk_pattern)


class Directory:
    """Where to look accounts up; opened once per process, after the fork.

    `query` is a provider's statement on its own schema and takes the place of the directory's tables; `unlisted` serves
    what no row knows; without `allow_plaintext` a row whose server is plain and not on loopback is DirectoryBroken.
    Raises DirectoryBroken for a query with parameters that nobody gives.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        query: str | None = None,
        unlisted: Unlisted | None = None,
        allow_plaintext: bool = False,
    ) -> None:
        self.whole = engine  # for rooms that keep their tables beside these, and write several rows at once
        # a look-up needs no transaction: on PostgreSQL that saves two of four round trips
        self.engine = engine.execution_options(isolation_level="AUTOCOMMIT") if _is_postgresql(engine) else engine
        self.query = None if query is None else _checked_query(query)
        self.unlisted = unlisted
        usual = unlisted.server if query is not None and unlisted is not None else None
        self.seen: dict[str, Account] = {}  # by domain: somebody with a mailbox whom the query found lately
        self.reading = Reading(_QUERIED if query is not None else "", usual, allow_plaintext)


def resolve(directory: Directory, typed: str, *, domain: str | None = None, catch_all: bool = False) -> Account | None:
    """The account that a typed address means, or None: nobody's, disabled, or no address at all.

    `domain` is the default for a bare local part. A catch-all is found only when asked for: mail for it has an
    owner, but it is no name to sign in with. Raises DirectoryAway, DirectoryBroken.
    """
    try:
        parsed = parse_address(typed, domain=domain)
    except BadAddress:
        return None
    if directory.query is not None:
        return _resolve_by_query(directory, directory.query, parsed)
    if parsed.domain is None:
        return _resolve_bare(directory, parsed)
    keys = {"local": parsed.local, "plain": parsed.plain, "domain": parsed.domain}
    row = _one(directory, _RESOLVE, {**keys, "any": CATCH_ALL if catch_all else parsed.local})
    if row is None:
        return _unlisted_account(directory, parsed)
    return account_of(row, directory.reading) if row["precedence"] != DOMAIN_ONLY and row["enabled"] else None


def account(directory: Directory, account_id: str) -> Account | None:
    """The account with an id, as it is now; None when it is gone or disabled. Raises DirectoryAway, DirectoryBroken.

    With a query of one's own that names account ids which are no addresses, `refresh` has to be used instead.
    """
    if account_id.isdecimal() and account_id.isascii() and len(account_id) < 10:
        row = _one(directory, _ACCOUNT, {"account_id": int(account_id)}) if directory.query is None else None
        return account_of(row, directory.reading) if row is not None and row["enabled"] else None
    if not account_id.startswith((_QUERIED, _UNLISTED)):
        return None
    try:
        found = resolve(directory, unescaped(account_id[2:]))
    except ValueError:
        return None
    return found if found is not None and found.id == account_id else None


def refresh(directory: Directory, old: Account) -> Account | None:
    """The same account as it is now (its mailbox may have moved to another server); None when gone or disabled."""
    if old.id.startswith(_QUERIED):
        found = resolve(directory, old.address)
        return found if found is not None and found.id == old.id else None
    return account(directory, old.id)


def neighbour(directory: Directory, typed: str, *, domain: str | None = None) -> Account | None:
    """Somebody with a mailbox where the address would have one if it were somebody's: whose mail server tells of a
    wrong password what it would tell of one for this address. None where no server can be named; with a query of one's
    own, that is one whom this process found lately under the domain. Raises DirectoryAway, DirectoryBroken.
    """
    try:
        parsed = parse_address(typed, domain=domain)
    except BadAddress:
        return None
    if directory.query is not None:
        return directory.seen.get(parsed.domain or "") or _unlisted_account(directory, parsed)
    if parsed.domain is None:
        return None
    for local in (parsed.plain, ""):  # who stands last has the first as neighbour
        row = _one(directory, _NEIGHBOUR, {"local": local, "domain": parsed.domain})
        if row is not None:
            return account_of(row, directory.reading)
    return None


def ask(directory: Directory) -> None:
    """Returns where the directory can be asked. Raises DirectoryAway, and DirectoryBroken where its tables are missing;
    those of a query of one's own are not looked at, as every question to it may be dear."""
    _one(directory, _ANY_DOMAIN if directory.query is None else _NOTHING, {})


def domains(
    directory: Directory, *, site: str | None = None, brand: str | None = None, unbranded: bool = False
) -> tuple[str, ...]:
    """The domains to choose from on the sign-in page, in punycode and order: all, or those of a site's id or a brand.

    `unbranded`: with those of sites that name no brand. At most 1,000; none with a query of one's own. Raises
    DirectoryAway, DirectoryBroken.
    """
    if directory.query is not None:
        return ()
    chosen = select(DomainRow.name).join(SiteRow).where(DomainRow.enabled, SiteRow.enabled)
    if site is not None:
        if not site.isdecimal():
            return ()
        chosen = chosen.where(SiteRow.site_id == int(site))
    if brand is not None:
        chosen = chosen.where(or_(SiteRow.brand == brand, SiteRow.brand.is_(None) if unbranded else false()))
    return tuple(row["name"] for row in _rows(directory, chosen.order_by(DomainRow.name).limit(1000), {}))


def _resolve_bare(directory: Directory, parsed: TypedAddress) -> Account | None:
    """A name without any domain is for the unlisted server only, and only while the directory knows no domain at all:
    it could be the mailbox login of somebody whose account is disabled here."""
    if directory.unlisted is None or _one(directory, _ANY_DOMAIN, {}) is not None:
        return None
    return _unlisted_account(directory, parsed)


def _resolve_by_query(directory: Directory, query: Executable, parsed: TypedAddress) -> Account | None:
    keys = {"address": parsed.address, "local": parsed.local, "plain": parsed.plain, "domain": parsed.domain or ""}
    row = _one(directory, query, keys)
    if row is None:
        return None  # whether the domain is known, nobody can say: closed
    values = {name.lower(): value for name, value in row.items()}
    if unknown := values.keys() - COLUMNS:
        raise DirectoryBroken(f"the directory query gives columns that mean nothing here: {', '.join(sorted(unknown))}")
    if truth(values.get("unlisted")):
        return _unlisted_account(directory, parsed)
    found = account_of(values, directory.reading) if truth(values.get("enabled", True)) else None
    if found is not None and found.server is not None:
        if len(directory.seen) >= _MOST_SEEN:
            directory.seen.clear()
        directory.seen[parsed.domain or ""] = found
    return found


def _unlisted_account(directory: Directory, parsed: TypedAddress) -> Account | None:
    """An account as the unlisted server knows it: under the address without +detail, or the bare name.

    Not with % or !, in which old mail systems hide a second domain: it may be one that a row knows.
    """
    if directory.unlisted is None or "%" in parsed.local or "!" in parsed.local:
        return None
    server = directory.unlisted.server
    login = TypedAddress(parsed.plain, parsed.domain).address
    host = parsed.domain or _mail_domain(server.imap.host)
    return Account(
        id=_UNLISTED + escaped(login), address=f"{parsed.plain}@{host}", site=host, login=login, server=server
    )


def _mail_domain(host: str) -> str:
    """A host as the domain of an address; an IP address as a literal (RFC 5321 §4.1.3)."""
    return f"[{host}]" if ":" in host or host.rpartition(".")[2].isdecimal() else host


def _one(directory: Directory, statement: Executable, keys: dict[str, Any]) -> Row | None:
    rows = _rows(directory, statement, keys)
    return rows[0] if rows else None


def _rows(directory: Directory, statement: Executable, keys: dict[str, Any]) -> list[Row]:
    try:
        with asking(), directory.engine.connect() as connection:
            result = connection.execute(statement, keys)
            if not result.returns_rows:
                raise DirectoryBroken("the directory query gives no rows; it must be a SELECT")
            return [dict(row) for row in result.mappings().fetchmany(1000)]
    except DirectoryBroken as error:
        if _is_unprepared(directory, error):
            return []
        raise


def _is_unprepared(directory: Directory, error: DirectoryBroken) -> bool:
    """Whether no SQL was prepared at all, which is a directory without rows where an unlisted server is set.

    One missing table among others is a fault: taken for emptiness it would let disabled accounts in.
    """
    if directory.unlisted is None or directory.query is not None or not is_missing_table(error.__cause__):
        return False
    with asking():
        return not set(inspect(directory.engine).get_table_names()) & (set(Base.metadata.tables) | {"alembic_version"})


def _is_postgresql(engine: Engine) -> bool:
    return engine.dialect.name == "postgresql"


def _checked_query(query: str) -> TextClause:
    statement = text(query.strip().rstrip(";"))
    if unknown := set(statement.compile().params) - QUERY_PARAMETERS:
        raise DirectoryBroken(
            f"the directory query has unknown parameters {', '.join(f':{name}' for name in sorted(unknown))};"
            f" there are :address :local :domain and :plain (a colon in a text is written \\:)"
        )
    # typed, as PostgreSQL does not guess types where parameters meet one another
    return statement.bindparams(*(bindparam(name, type_=String) for name in statement.compile().params))
