"""The site's own way to change a password, as its settings name it. Whose password the directory itself checks, as an
account that only forwards, has it changed there, whatever the others' way is."""

import ssl
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import Engine

from app.directory.account import Account
from app.directory.endpoint import Family, parse_endpoint
from app.directory.engine import open_engine
from app.directory.password import hash_password
from app.directory.tables import AccountRow
from app.password.backend import Backend, Change
from app.password.command import Command
from app.password.doveadm import Dict, Doveadm
from app.password.ldap import ANYBODY, Ldap, Search
from app.password.poppassd import Poppassd
from app.password.sql import Sql
from app.profile.ldap import Source, close, opened
from app.web.resources import Resources, resources
from app.web.session import signed_in
from config.default import Settings
from config.password import FAMILIES

OWN = f"UPDATE {AccountRow.__tablename__} SET password_hash = :hash WHERE account_id = :number"


def offered() -> bool:
    """Whether who is signed in may change their password here; for the menu of the settings."""
    me = signed_in()
    return me is not None and backend_of(me.account) is not None


def backend_of(account: Account) -> Backend | None:
    """The way of this account's password; None where there is none."""
    held = resources()
    if not held.settings.password_url:
        return None
    if account.server is None:
        return own(held) if held.directory.query is None else None
    found = usual(held)
    needs_row = found is not None and is_own(found)
    return found if not needs_row or _number(account) is not None else None


def is_own(way: Backend) -> bool:
    """Whether it writes into our own directory."""
    return isinstance(way, Sql) and "number" in way.names


def change_of(account: Account, old: str | None, new: str) -> Change:
    """The change, as a back-end takes it."""
    return Change(account.address, account.login or account.address, new, old, _number(account))


def _number(account: Account) -> int | None:
    """Its row of our own directory."""
    own_tables = resources().directory.query is None and account.id.isdecimal()
    return int(account.id) if own_tables else None


def own(held: Resources) -> Sql:
    """Our own directory."""
    return Sql(held.directory.whole, OWN, partial(hash_password, scheme=held.settings.password_scheme))


def usual(held: Resources) -> Backend | None:
    """What the settings name; made once a process."""
    return made(held.settings, held.directory.whole, held.directory.query is None)


@lru_cache(maxsize=4)
def made(settings: Settings, directory: Engine, own_tables: bool) -> Backend | None:
    """The back-end of some settings, which were checked at the start; None for none."""
    scheme, _, rest = (settings.password_url or "").partition(":")
    hashed = partial(hash_password, scheme=settings.password_scheme)
    if scheme == "sql":
        if settings.password_statement is None:
            return Sql(directory, OWN, hashed) if own_tables else None
        url = settings.password_database_url
        return Sql(open_engine(url) if url else directory, settings.password_statement, hashed)
    if scheme == "command":
        return Command(rest, without_old=settings.password_reset)
    family: Any = FAMILIES.get(scheme)
    return None if family is None else _far(settings, family, hashed)


def _far(settings: Settings, family: Family, hashed: Any) -> Backend:
    """One that is asked over the network."""
    at = parse_endpoint(settings.password_url or "", family, allow_plaintext=settings.allow_plaintext)
    ca_file = str(settings.ca_file) if settings.ca_file else None
    context = ssl.create_default_context(cafile=ca_file) if at.security == "tls" else None
    secret = settings.password_secret or ""
    if family == "doveadm":
        kept = Dict(settings.password_dict or "", settings.password_dict_key, settings.password_dict_value)
        return Doveadm(at.host, at.port, secret, kept, hashed, context)
    if family == "poppassd":
        return Poppassd(at.host, at.port, context=context, login=settings.password_login)
    setter = (settings.password_bind_dn, secret) if settings.password_bind_dn else None

    def bound(dn: str, password: str) -> Any:
        return opened(Source(at.host, at.port, at.security, "", "", dn, password, ca_file=ca_file))

    return Ldap(bound, close, settings.password_dn or _search(settings), setter)


def _search(settings: Settings) -> Search:
    asks = settings.password_ldap_search_dn
    who = (asks, settings.password_ldap_search_secret or "") if asks else ANYBODY
    return Search(settings.password_ldap_filter or "", settings.password_ldap_base or "", who)
