"""The one SQL statement that leads from a typed address to its account, and its like for an account's number.

First `found`: at most one narrow row, the best of all that the address could mean under its domain. Then everything
about that account, each part by its primary key. So it costs the same at 50 accounts and at 50,000.

Best means: an address row for what was typed, then one for it without +detail, then an account of that name on the
site, then the catch-all; a row for the very domain goes before a row for all domains of the site. The best row decides
even when it is disabled: a disabled account is never reached by a lesser row. Where nothing fits, the domain itself is
the row, which says that the domain is the directory's.
"""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    literal,
    null,
    select,
    union_all,
)

from app.directory.tables import ANY_DOMAIN, AccountRow, AddressRow, DomainRow, ServerRow, SiteRow

DOMAIN_ONLY = 9


def resolve_statement() -> Select[Any]:
    """Parameters: `local`, `plain` (without +detail), `any` ("*", or `local` again for no catch-all), `domain`.

    At most one row, whose columns `app/directory/row.py` reads; `precedence` is DOMAIN_ONLY where no account was found.
    """
    found = union_all(_by_address(), _by_username(), _by_domain()).order_by("precedence").limit(1).subquery("found")
    return (
        select(found.c.precedence, and_(found.c.live, *_LIVE).label("enabled"), *_COLUMNS)
        .select_from(found)
        .outerjoin(AccountRow, and_(AccountRow.account_id == found.c.account_id, AccountRow.site_id == found.c.site_id))
        .outerjoin(SiteRow, SiteRow.site_id == AccountRow.site_id)
        .outerjoin(ServerRow, ServerRow.server_id == AccountRow.server_id)
    )


def account_statement() -> Select[Any]:
    """The same columns for the account whose number is the parameter `account_id`."""
    return _whole().where(AccountRow.account_id == bindparam("account_id", type_=Integer))


def neighbour_statement() -> Select[Any]:
    """The same columns for the first account with a mailbox, on the site of the domain `domain`, whose name does not
    stand before `local`. Read by the key (site_id, username)."""
    near = (
        select(AccountRow.account_id)
        .join_from(DomainRow, AccountRow, AccountRow.site_id == DomainRow.site_id)
        .where(DomainRow.name == _text("domain"), DomainRow.enabled)
        .where(AccountRow.username >= _text("local"), AccountRow.server_id.is_not(None))
        .order_by(AccountRow.username)
        .limit(1)
        .scalar_subquery()
    )
    return _whole().where(AccountRow.account_id == near)


def _whole() -> Select[Any]:
    return (
        select(literal(0).label("precedence"), and_(*_LIVE).label("enabled"), *_COLUMNS)
        .select_from(AccountRow)
        .outerjoin(SiteRow, SiteRow.site_id == AccountRow.site_id)
        .outerjoin(ServerRow, ServerRow.server_id == AccountRow.server_id)
    )


def _text(name: str) -> ColumnElement[str]:
    return bindparam(name, type_=String)


def _by_address() -> Select[Any]:
    row, domain = AddressRow, DomainRow
    which = case((row.local == _text("local"), 0), (row.local == _text("plain"), 2), else_=6)
    width = case((row.domain_id == ANY_DOMAIN, 1), else_=0)
    return (
        select(
            (which + width).label("precedence"),
            row.account_id,
            domain.site_id,
            and_(domain.enabled, row.enabled).label("live"),
        )
        .join_from(domain, row, row.site_id == domain.site_id)
        .where(domain.name == _text("domain"))
        .where(row.local.in_([_text("local"), _text("plain"), _text("any")]))
        .where(row.domain_id.in_([literal(ANY_DOMAIN), domain.domain_id]))
    )


def _by_username() -> Select[Any]:
    row, domain = AccountRow, DomainRow
    which = case((row.username == _text("local"), 4), else_=5)
    return (
        select(which.label("precedence"), row.account_id, domain.site_id, domain.enabled.label("live"))
        .join_from(domain, row, row.site_id == domain.site_id)
        .where(domain.name == _text("domain"))
        .where(row.username.in_([_text("local"), _text("plain")]))
    )


def _by_domain() -> Select[Any]:
    columns: tuple[Any, ...] = (
        literal(DOMAIN_ONLY).label("precedence"),
        cast(null(), Integer).label("account_id"),
        DomainRow.site_id,
        DomainRow.enabled.label("live"),
    )
    return select(*columns).where(DomainRow.name == _text("domain"))


_LIVE = (SiteRow.enabled, AccountRow.enabled)
_COLUMNS = (
    (AccountRow.username + "@" + SiteRow.primary_domain).label("address"),
    AccountRow.account_id,
    AccountRow.site_id.label("site"),
    AccountRow.kind,
    AccountRow.login,
    AccountRow.role,
    AccountRow.password_hash,
    AccountRow.display_name,
    case((AccountRow.time_zone.is_(None), SiteRow.time_zone), else_=AccountRow.time_zone).label("time_zone"),
    case((AccountRow.locale.is_(None), SiteRow.locale), else_=AccountRow.locale).label("locale"),
    SiteRow.brand,
    SiteRow.junk_pattern,
    SiteRow.messages_per_hour,
    SiteRow.recipients_per_hour,
    ServerRow.server_id,
    ServerRow.state,
    ServerRow.vacation,
    ServerRow.imap_host,
    ServerRow.imap_port,
    ServerRow.imap_security,
    ServerRow.submission_host,
    ServerRow.submission_port,
    ServerRow.submission_security,
    ServerRow.sieve_host,
    ServerRow.sieve_port,
    ServerRow.sieve_security,
    ServerRow.tls_name,
    ServerRow.tls_ca,
    ServerRow.tls_sha256,
)
