"""The directory as one CSV file: out, and in again.

One line a record; the column `record` says which kind, the other columns are the fields of all kinds (empty where a
kind has no such field). On the way in a column that is missing leaves its field alone, and an empty cell means the
default.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TextIO

from sqlalchemy import Connection, Engine, Select, case, select

from app.directory.change import Problem, Report, write_records
from app.directory.fields import ALL_DOMAINS
from app.directory.names import Record
from app.directory.record import FORMS, parse_record, show
from app.directory.tables import ANY_DOMAIN, AccountRow, AddressRow, DomainRow, ServerRow, SiteRow

COLUMNS = ("record", *dict.fromkeys(field for form in FORMS.values() for field in form.fields))
SECRET = "password_hash"


def write_csv(engine: Engine, file: TextIO, *, hashes: bool = False) -> int:
    """Write the whole directory and return the number of records. Password hashes only if asked for."""
    columns = [name for name in COLUMNS if hashes or name != SECRET]
    writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    count = 0
    with engine.connect() as connection:
        for record in FORMS:
            for fields in records_of(connection, record):
                writer.writerow({"record": record, **{name: show(value) for name, value in fields.items()}})
                count += 1
    return count


def records_of(connection: Connection, record: str, *, site: str | None = None) -> Iterator[Mapping[str, Any]]:
    """All records of a kind in order of their names, as fields; with `site` those of that site only."""
    statement = _LISTS[record]
    if site is not None and record != "server":
        statement = statement.where(SiteRow.name == site)
    for row in connection.execute(statement).mappings():
        yield dict(row)


def read_csv(engine: Engine, file: TextIO, *, record: str | None = None, dry_run: bool = False) -> Report:
    """Bring the records of a CSV file into the directory: all, or none where the report holds problems.

    `record` is the kind of each line of a file that has no column of that name. `dry_run` writes nothing either way.
    """
    records, problems = parse_csv(file, record)
    if problems:
        return Report(problems=problems)
    with engine.connect() as connection:
        transaction = connection.begin()
        report = write_records(connection, records)
        if report.problems or dry_run:
            transaction.rollback()
        else:
            transaction.commit()
    return report


def parse_csv(
    file: TextIO, record: str | None, preset: Mapping[str, str] | None = None
) -> tuple[list[Record], list[Problem]]:
    """The records of a file, and what is not understood of it; `preset`: what stands for empty cells of some fields."""
    text = file.read().removeprefix("\ufeff")  # spreadsheets write a byte order mark
    header = text.partition("\n")[0]
    reader = csv.DictReader(
        io.StringIO(text), delimiter=";" if header.count(";") > header.count(",") else ",", strict=True
    )
    records: list[Record] = []
    problems: list[Problem] = []
    try:
        if wrong := _header_problems(reader.fieldnames or (), record):
            return [], wrong
        for fields in reader:
            _line(fields, reader.line_num, {"record": record or "", **(preset or {})}, records, problems)
    except csv.Error as error:
        problems.append(Problem(max(reader.line_num, 1), f"not CSV: {error}"))
    return records, problems


def _header_problems(names: Iterable[str], record: str | None) -> list[Problem]:
    names = list(names)
    if len(names) > 2 * len(COLUMNS):
        return [Problem(1, "has far more columns than there are")]
    wrong = [f"column {name!r} is not known" for name in names if name not in COLUMNS]
    wrong += [
        f"column {name!r} stands there twice" for name in sorted({each for each in names if names.count(each) > 1})
    ]
    if "record" not in names and record is None:
        wrong.append("there is no column 'record', and no kind of record was named for the whole file")
    return [Problem(1, text) for text in wrong]


def _line(
    fields: dict[str | Any, Any], line: int, preset: Mapping[str, str], records: list[Record], problems: list[Problem]
) -> None:
    if None in fields or None in fields.values():
        problems.append(Problem(line, "has more or fewer cells than the first line"))
        return
    cells = {name: text.strip() for name, text in fields.items()}
    if not any(cells.values()):
        return
    cells = {**preset, **{name: text for name, text in cells.items() if text or name not in preset}}
    kind = cells.pop("record")
    if kind not in FORMS:
        problems.append(Problem(line, f"record: {kind[:40]!r} is none of {', '.join(FORMS)}"))
        return
    values, wrong = parse_record(kind, cells)
    problems += [Problem(line, f"{kind} {text}") for text in wrong]
    records.append(Record(kind, values, line))


def _columns(record: str, **named: Any) -> list[Any]:
    """A record's fields as columns: those of its own table, or `named` where a name stands for a number."""
    table = FORMS[record].table
    return [named[field].label(field) if field in named else getattr(table, field) for field in FORMS[record].fields]


def _lists() -> dict[str, Select[Any]]:
    site = SiteRow.name
    domain = case((AddressRow.domain_id == ANY_DOMAIN, ALL_DOMAINS), else_=DomainRow.name)
    return {
        "site": select(*_columns("site")).order_by(site),
        "domain": select(*_columns("domain", site=site)).join(SiteRow).order_by(site, DomainRow.name),
        "server": select(*_columns("server")).order_by(ServerRow.name),
        "account": select(*_columns("account", site=site, server=ServerRow.name))
        .select_from(AccountRow)
        .join(SiteRow)
        .outerjoin(ServerRow)
        .order_by(site, AccountRow.username),
        "address": select(*_columns("address", site=site, domain=domain, account=AccountRow.username))
        .select_from(AddressRow)
        .join(SiteRow, SiteRow.site_id == AddressRow.site_id)
        .outerjoin(DomainRow, DomainRow.domain_id == AddressRow.domain_id)
        .outerjoin(AccountRow, AccountRow.account_id == AddressRow.account_id)
        .order_by(site, AddressRow.local, domain),
    }


_LISTS = _lists()
