"""What the commands that write share: records from fields, the site behind an address, a password asked for."""

from collections.abc import Callable, Mapping

import click
from sqlalchemy import Engine, select

from app.directory.address import BadAddress, ascii_domain, parse_address
from app.directory.change import Mode, write_records
from app.directory.engine import asking
from app.directory.fields import ALL_DOMAINS
from app.directory.names import Record
from app.directory.password import hash_password
from app.directory.record import parse_record
from app.directory.tables import CATCH_ALL, DomainRow, SiteRow

Open = Callable[[], Engine]
Fields = Mapping[str, str | None]


def write(engine: Engine, mode: Mode, records: list[tuple[str, Fields]]) -> None:
    """Write records given as fields, all or none. Raises ClickException with all that is wrong."""
    checked, wrong = [], []
    for name, fields in records:
        values, problems = parse_record(name, {field: text for field, text in fields.items() if text is not None})
        checked.append(Record(name, values))
        wrong += problems
    if not wrong:
        with asking(), engine.connect() as connection, connection.begin() as transaction:
            report = write_records(connection, checked, mode=mode)
            wrong = [problem.text for problem in report.problems]
            if wrong:
                transaction.rollback()
    if wrong:
        raise click.ClickException("\n".join(wrong))


def owner(engine: Engine, address: str) -> tuple[str, str, str]:
    """The site's name, the local part and the domain of an address (`*@domain` too). Raises ClickException."""
    local, _, domain = address.rpartition("@")
    try:
        parsed = parse_address(address) if local != CATCH_ALL else None
        name = ascii_domain(domain) if parsed is None else parsed.domain
    except BadAddress as error:
        raise click.ClickException(f"{address!r} {error}") from None
    if name is None:
        raise click.ClickException(f"{address!r} needs a domain")
    with asking(), engine.connect() as connection:
        site = connection.scalar(select(SiteRow.name).join(DomainRow).where(DomainRow.name == name))
    if site is None:
        raise click.ClickException(f"domain {name} is not in the directory")
    return site, CATCH_ALL if parsed is None else parsed.local, name


def key_of(engine: Engine, record: str, name: str, *, all_domains: bool = False) -> dict[str, str]:
    """The fields that name a record, from how people name it: accounts and addresses by address, others by name."""
    if record not in ("account", "address"):
        return {"name": name}
    site, local, domain = owner(engine, name)
    if record == "account":
        return {"site": site, "username": local}
    return {"site": site, "local": local, "domain": ALL_DOMAINS if all_domains else domain}


def asked_password() -> str:
    """The hash of a password that is typed twice."""
    return hash_password(click.prompt("Password", hide_input=True, confirmation_prompt=True))
