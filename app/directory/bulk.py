"""Many accounts and addresses of one site at once, from a CSV file: read, compared with what is there, written.

All of them or none, in the caller's transaction, which has to be rolled back where something is wrong. What a single
change must not do, no line of a file does: forward in a circle, take an account's name, reach into another site.
"""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, select

from app.directory.change import Problem, Report, Written, write_records
from app.directory.circles import Ways
from app.directory.edit import Change
from app.directory.errors import NotAccepted
from app.directory.exchange import SECRET, parse_csv
from app.directory.forwarding import stored, targets_of
from app.directory.member import check_mailboxes, domains, guarded, meant, one_at_a_time, servers, usual_server
from app.directory.names import Record
from app.directory.tables import ANY_DOMAIN, AccountRow, AddressRow

MOST: Final = 5000  # records of one file
KINDS: Final = ("account", "address")
PLACE: Final = frozenset({"server_id", "login"})  # where a mailbox lies is the provider's matter


@dataclass(frozen=True, slots=True)
class Leave:
    """What who asks may do: `me` is their own account's number. A site's administrator leaves mail servers and the
    provider's people alone; nobody changes their own role, or shuts themselves out."""

    me: int | None
    provider: bool


@dataclass(frozen=True, slots=True)
class Result:
    """What a file changes, line by line, or what is wrong with it."""

    changes: tuple[tuple[int, str, Change], ...] = ()
    same: int = 0
    problems: tuple[Problem, ...] = ()


def bring_in(connection: Connection, site: Mapping[str, Any], text: str, leave: Leave) -> Result:
    """Writes what a file says. Where `problems` are, the transaction has to be rolled back."""
    if text.count("\n") > MOST + 1:  # no cell holds one
        return Result(problems=(Problem(0, f"more than {MOST} lines; split it into several files"),))
    records, problems = parse_csv(io.StringIO(text), "account", {"site": str(site["name"])})
    problems += [Problem(each.line, text) for each in records for text in _foreign(each, site)]
    if problems:
        return Result(problems=tuple(problems))
    one_at_a_time(connection, site["site_id"])
    taken = _taken(connection, site["site_id"])
    theirs = set() if leave.provider else guarded(connection, site["site_id"])
    usual = usual_server(connection, site["site_id"])
    report = write_records(connection, _completed(connection, site, usual, records))
    wrong = report.problems or [*_refused(report.rows, leave, theirs), *_targets(connection, site, report.rows)]
    if not leave.provider and not report.problems:
        wrong += _moved(connection, site, usual, report.rows)
    wrong += [] if wrong else _circles(connection, site["site_id"], report.rows)
    wrong += [] if wrong else [Problem(0, f"{name}: an account has that name, and its mail would go elsewhere")
                               for name in sorted(_taken(connection, site["site_id"]) - taken)]  # fmt: skip
    if wrong:
        return Result(problems=tuple(sorted(wrong, key=lambda each: each.line)))
    return Result(tuple(_changes(connection, site["site_id"], report)), sum(report.same.values()))


def _foreign(each: Record, site: Mapping[str, Any]) -> list[str]:
    if each.record not in KINDS:
        return [f"{each.record}: only accounts and addresses are taken here"]
    wrong = [] if each.values.get("site") == str(site["name"]).lower() else ["site: not this one"]
    return wrong + ([f"{SECRET}: is not taken here"] if each.values.get(SECRET) else [])


def _completed(
    connection: Connection, site: Mapping[str, Any], number: int | None, records: Iterable[Record]
) -> list[Record]:
    """The records with what a site's administrator need not know: the mail server that most of the site lie on; and
    without it where an account only forwards."""
    usual = servers(connection).get(number) if number is not None else None
    asked = select(AccountRow.username, AccountRow.server_id, AccountRow.kind)
    there = {name: (server, kind) for name, server, kind in
             connection.execute(asked.where(AccountRow.site_id == site["site_id"]))}  # fmt: skip
    found = []
    for each in records:
        values = {name: value for name, value in each.values.items() if name != SECRET} | {"site": site["name"]}
        if each.record == "account":
            old_server, old_kind = there.get(values["username"], (None, "mailbox"))
            kind = values.get("kind", old_kind)
            if kind == "forward":
                values |= {"server": None, "login": None}
            elif old_server is not None and values.get("server") is None:
                values.pop("server", None)  # an empty cell moves nobody
            elif values.get("server") is None:
                values["server"] = usual
            if kind != "forward" and values.get("login") is None:
                values.pop("login", None)
            if kind == "mailbox":
                values["forward_to"] = None
        found.append(replace(each, values=values))
    return found


def _refused(rows: Iterable[Written], leave: Leave, theirs: set[str]) -> Iterable[Problem]:
    """Lines that are not theirs to write who asks. `theirs`: addresses of the provider's people."""
    for each in rows:
        if each.record == "address" and theirs.intersection(meant(each.new["local"])):
            yield Problem(each.line, "local: somebody of the provider has that address")
        if each.record != "account":
            continue
        old = each.old or {}
        roles = {old.get("role"), each.new["role"]}
        if not leave.provider and "isp_admin" in roles:
            yield Problem(each.line, "role: the provider’s administrators are not yours to change")
        own = leave.me is not None and old.get("account_id") == leave.me
        if own and (old["role"], old["enabled"]) != (each.new["role"], each.new["enabled"]):
            yield Problem(each.line, "role: nobody changes their own, nor disables themselves")


def _moved(
    connection: Connection, site: Mapping[str, Any], usual: int | None, rows: Iterable[Written]
) -> Iterable[Problem]:
    """Accounts whose mailbox would not be their own: where one lies, and its name there, is the provider's to say."""
    fresh = []
    for each in rows:
        if each.record != "account" or each.new["kind"] == "forward":
            continue
        old = each.old or {}
        place = {"server_id": usual, "login": f"{each.new['username']}@{site['primary_domain']}"}
        place |= {name: old[name] for name in PLACE if old.get(name) is not None}
        if any(each.new[name] != place[name] for name in PLACE):
            yield Problem(each.line, "server: only your provider moves mailboxes")
        elif old.get("login") is None:
            fresh.append(each.new)
    try:
        check_mailboxes(connection, fresh)
    except NotAccepted as error:
        yield Problem(0, str(error))


def _targets(connection: Connection, site: Mapping[str, Any], rows: Iterable[Written]) -> Iterable[Problem]:
    """Forwarding that is none, or goes where the site does not let it."""
    own = set(domains(connection, site["site_id"]).values())
    for each in rows:
        text = each.new["forward_to"]
        if each.record == "account" and each.new["kind"] != "mailbox" and not text:
            yield Problem(each.line, "forward_to: say where its mail goes")
        if not text or (each.old is not None and each.old["forward_to"] == text):
            continue
        try:
            targets = targets_of(text)
        except ValueError as error:
            yield Problem(each.line, f"forward_to: {error}")
            continue
        away = [target for target in targets if target.rpartition("@")[2] not in own]
        if away and not site["forward_outside"]:
            yield Problem(each.line, f"forward_to: outside of this site: {', '.join(away)}")


def _circles(connection: Connection, site_id: int, rows: Sequence[Written]) -> list[Problem]:
    """Forwarding that leads back to where it began, as everything is now."""
    ways = Ways(connection, site_id)
    wrong = []
    for each in rows:
        of_account = each.record == "account"
        start = (
            ways.account(each.new["username"]) if of_account else ways.address(each.new["local"], each.new["domain_id"])
        )
        try:
            if each.new["forward_to"] and ways.back(start, stored(each.new["forward_to"])):
                wrong.append(Problem(each.line, "forward_to: leads back here"))
        except NotAccepted as error:
            return [*wrong, Problem(each.line, f"forward_to: {error}")]
    return wrong


def _taken(connection: Connection, site_id: int) -> set[str]:
    """Addresses and accounts that get the mail of an account's name, or of that name with +detail, in its stead."""
    people = select(AccountRow.username, AccountRow.account_id).where(AccountRow.site_id == site_id)
    by_name: dict[str, int] = dict(connection.execute(people).all())
    rows = select(AddressRow.local, AddressRow.account_id).where(AddressRow.site_id == site_id)
    addresses = connection.execute(rows).all()
    plain = {local: number for local, number in addresses if "+" not in local}
    taken = {local for local, number in addresses for name in meant(local) if by_name.get(name, number) != number}
    return taken | {
        name for name, number in by_name.items() if "+" in name
        if (before := meant(name)[1]) in by_name or plain.get(before, number) != number
    }  # fmt: skip


def _changes(connection: Connection, site_id: int, report: Report) -> Iterable[tuple[int, str, Change]]:
    """Each row that was written, as a change: its line, what it is called, and what differs."""
    account, address = AccountRow, AddressRow
    people = select(account.username, account.account_id).where(account.site_id == site_id)
    numbers: dict[Any, int] = dict(connection.execute(people).all())
    rows = select(address.local, address.domain_id, address.address_id).where(address.site_id == site_id)
    numbers |= {(local, domain): number for local, domain, number in connection.execute(rows)}
    names = {ANY_DOMAIN: "*", **domains(connection, site_id)}
    for each in report.rows:
        of_account = each.record == "account"
        key = each.new["username"] if of_account else (each.new["local"], each.new["domain_id"])
        name = str(key) if of_account else f"{each.new['local']}@{names.get(each.new['domain_id'], '?')}"
        new = {column: value for column, value in each.new.items() if column not in (f"{each.record}_id", SECRET)}
        if each.old is None:
            yield each.line, name, Change(each.record, numbers[key], None, new)
        else:
            differs = [column for column in new if new[column] != each.old[column]]
            before, after = ({column: row[column] for column in differs} for row in (each.old, new))
            yield each.line, name, Change(each.record, numbers[key], before, after)
