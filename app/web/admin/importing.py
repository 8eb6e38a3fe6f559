"""Accounts and addresses of a site as one CSV file: out, and in again, with a look first at what would change.

The file rides in the page that shows that, and is read anew when it is told to be done: nothing of it is kept.
"""

import csv
import hashlib
import io
import re
from typing import Any

from flask import Response, flash, g, make_response, redirect, request, url_for
from sqlalchemy import Connection

from app.directory import bulk, forwarding
from app.directory.bulk import Leave, Result
from app.directory.edit import Change, row_of
from app.directory.exchange import records_of
from app.directory.record import show
from app.mail.filename import content_disposition
from app.web import carry, spool
from app.web.admin import doing, tell
from app.web.admin.realm import page
from app.web.admin.site import Place, place
from app.web.blocked.export import harmless

MOST_OCTETS = 400_000
SHOWN = 300  # lines of one page
MOST_TOLD = 50  # owners, by mail
COLUMNS = ("record", "username", "kind", "forward_to", "display_name", "time_zone", "locale", "role", "enabled")
OF_PROVIDER = ("server", "login")
OF_ADDRESSES = ("local", "domain", "account")
_GUARD = ("'=", "'+", "'-", "'@", "'\t", "'\uff1d", "'\uff0b", "'\uff0d", "'\uff20")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef\ufffe\uffff]")
_NO_FILE = "Choose a file first."
_LOST = "You had to sign in again, and the file did not come along. Nothing was done. Choose it once more."
ANEW = "Something was changed since you looked. Look once more."
MANY = f"Mail of more than {MOST_TOLD} accounts would go to somebody new, and each owner is told. Split the file up."


class _Only(Exception):
    """Nothing is to be written: what would be is told."""


def export() -> Response:
    """GET /admin/site/accounts.csv?site="""
    of = place()
    columns = [*COLUMNS, *(OF_PROVIDER if of.here.of_provider else ()), *OF_ADDRESSES]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    with doing.directory() as rows:
        for record in bulk.KINDS:
            for fields in records_of(rows, record, site=str(of.row["name"])):
                told = {"record": record, **{name: show(value) for name, value in fields.items()}}
                writer.writerow([harmless(told.get(name, "")) for name in columns])
    response = make_response("\ufeff" + text.getvalue())
    response.headers["Content-Type"] = "text/csv; charset=utf-8"
    response.headers["Content-Disposition"] = content_disposition("attachment", "accounts.csv")
    return response


def choose() -> Response:
    """GET /admin/site/import?site="""
    return _page(place())


def read() -> Any:
    """POST /admin/site/import?site=: a file, which is looked at; or the one that was, which is brought in. Where the
    session had ended, either is looked at after signing in."""
    of = place()
    told, kept = request.form.get("text"), request.form.get(carry.FILE)
    try:
        text = told if told is not None else kept if kept is not None else _file()
        if len(text.encode()) > MOST_OCTETS:
            return _page(of, fault=f"The file is larger than {MOST_OCTETS // 1000} kB. Split it into several.")
        if found := _CONTROL.search(text):
            return _page(of, fault=f"The file holds a control character (number {ord(found[0])}).")
    except ValueError as error:
        return _page(of, fault=str(error))
    text = unguarded(text)
    if told is None or "resumed" in g:  # whoever signed in again looks once more, and nothing is done before
        return _page(of, text=text, result=_looked(of, text))
    return _brought(of, text)


def _file() -> str:
    if spool.dropped("file"):
        raise spool.NoRoom
    file = request.files.get("file")
    if file is None or not file.filename:
        raise ValueError(_LOST if "resumed" in g else _NO_FILE)
    data = file.stream.read(MOST_OCTETS + 3)
    try:
        return data.decode("utf-8-sig") if len(data) <= MOST_OCTETS else "x" * (MOST_OCTETS + 1)
    except UnicodeDecodeError as error:
        raise ValueError(f"The file is not UTF-8 (byte {error.start + 1}). Save it as “CSV UTF-8”.") from None


def unguarded(text: str) -> str:
    """Cells as they were before `harmless` kept a spreadsheet from running them. Others stay as they are."""
    for guard in _GUARD:
        for before in (",", ";", '"', "\n"):
            text = text.replace(before + guard, before + guard[1:])
    return text


def _leave(of: Place) -> Leave:
    me = of.here.me.account.id
    return Leave(int(me) if me.isdecimal() else None, of.here.of_provider)


def _looked(of: Place, text: str) -> Result:
    """What a file would do. Nothing is written."""
    found: list[Result] = []
    try:
        with doing.directory() as rows:
            found.append(bulk.bring_in(rows, of.row, text, _leave(of)))
            raise _Only
    except _Only:
        return found[0]


def _seal(result: Result) -> str:
    told = repr([(line, name, each.before, each.after) for line, name, each in result.changes])
    return hashlib.sha256(told.encode()).hexdigest()[:24]


def _page(of: Place, *, fault: str = "", text: str = "", result: Result | None = None, note: str = "") -> Response:
    html = page(
        "importing", of.here, place=of, fault=fault, text=text, result=result, shown=SHOWN, note=note,
        seal=_seal(result) if result else "", most=MOST_OCTETS,
    )  # fmt: skip
    return make_response(html, 422 if fault or note or (result and result.problems) else 200)


def _brought(of: Place, text: str) -> Any:
    looked = _looked(of, text)
    if looked.problems or _seal(looked) != request.form.get("seal"):
        return _page(of, text=text, result=looked, note="" if looked.problems else ANEW)
    pairs = _sent_on(looked)
    if len(pairs) > MOST_TOLD:
        return _page(of, text=text, result=looked, note=MANY)
    domain = of.row["primary_domain"]
    names: dict[int, str] = {}
    told = [tell.early(*pair) for pair in pairs]

    def work(rows: Connection) -> list[Change]:
        result = bulk.bring_in(rows, of.row, text, _leave(of))
        if result.problems or _seal(result) != _seal(looked):
            raise _Only
        names.update({each.number: f"{name}@{domain}" for _, name, each in result.changes if each.table == "account"})
        return [each for _, _, each in result.changes]

    try:
        changes = doing.done(of.by(), "import", str(of.row["name"]), work, names=names)
    except _Only:
        return _page(of, text=text, result=_looked(of, text), note=ANEW)
    flash(f"Imported: {len(changes)} changed or added, {looked.same} the same.")
    if left := sum(not (done or tell.late(*pair)) for done, pair in zip(told, pairs, strict=True)):
        flash(f"{left} owners of new forwarding were not told by mail. They see it in their settings.", "warning")
    return redirect(url_for("admin.accounts", site=of.link), 303)


def _sent_on(result: Result) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Accounts whose owners are to be told of new forwarding, before and after."""
    changes = [each for _, _, each in result.changes if each.table == "account" and each.before is not None]
    pairs = []
    with doing.directory() as rows:
        for each in changes:
            if (each.after or {}).keys() & {"kind", "forward_to", "enabled"}:
                row = row_of(rows, "account", each.number) or {}
                pairs.append((row, {**row, **(each.after or {})}))
    return [pair for pair in pairs if forwarding.news(*pair)]
