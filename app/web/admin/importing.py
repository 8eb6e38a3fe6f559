"""Accounts and addresses of a site as one CSV file: out, and in again, with a look first at what would change.

The file rides in the page that shows that, and is read anew when it is told to be done: nothing of it is kept.
"""

import csv
import hashlib
import io
import re
from typing import Any

from flask import Response, flash, make_response, redirect, request, url_for
from sqlalchemy import Connection

from app.directory import bulk, forwarding
from app.directory.bulk import Leave, Result
from app.directory.edit import Change
from app.directory.engine import asking
from app.directory.exchange import records_of
from app.directory.record import show
from app.directory.resolve import account as resolved
from app.mail.filename import content_disposition
from app.web import spool
from app.web.admin import doing
from app.web.admin.realm import page
from app.web.admin.site import Place, place
from app.web.blocked.export import harmless
from app.web.notice import announce
from app.web.resources import resources

MOST_OCTETS = 400_000
SHOWN = 300  # lines of one page
MOST_TOLD = 20  # owners, by mail
COLUMNS = ("record", "username", "kind", "forward_to", "display_name", "time_zone", "locale", "role", "enabled")
OF_PROVIDER = ("server", "login")
OF_ADDRESSES = ("local", "domain", "account")
_GUARD = ("'=", "'+", "'-", "'@", "'\t", "'\uff1d", "'\uff0b", "'\uff0d", "'\uff20")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")
_NO_FILE = "Choose a file first."


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
    """POST /admin/site/import?site=: a file, which is looked at; or the one that was, which is brought in."""
    of = place()
    told = request.form.get("text")
    try:
        text = told if told is not None else _file()
        if len(text.encode()) > MOST_OCTETS:
            return _page(of, fault=f"The file is larger than {MOST_OCTETS // 1000} kB. Take several.")
        if found := _CONTROL.search(text):
            return _page(of, fault=f"The file holds a control character (number {ord(found[0])}).")
    except ValueError as error:
        return _page(of, fault=str(error))
    text = unguarded(text)
    if told is None:
        return _page(of, text=text, result=_looked(of, text))
    return _brought(of, text)


def _file() -> str:
    if spool.dropped("file"):
        raise spool.NoRoom
    file = request.files.get("file")
    if file is None or not file.filename:
        raise ValueError(_NO_FILE)
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
    results: list[Result] = []
    names: dict[int, str] = {}

    def work(rows: Connection) -> list[Change]:
        result = bulk.bring_in(rows, of.row, text, _leave(of))
        results[:] = [result]
        if result.problems or _seal(result) != request.form.get("seal"):
            raise _Only
        domain = of.row["primary_domain"]
        names.update({each.number: f"{name}@{domain}" for _, name, each in result.changes if each.table == "account"})
        return [each for _, _, each in result.changes]

    name = str(of.row["name"])
    try:
        changes = doing.done(of.by(), "import", name, work, names=names)
    except _Only:
        note = "" if results[0].problems else "Something was changed since you looked. Look once more."
        return _page(of, text=text, result=results[0], note=note)
    flash(f"Brought in: {len(changes)} changed or added, {results[0].same} the same.")
    _announced(of, changes)
    return redirect(url_for("admin.accounts", site=of.link), 303)


def _announced(of: Place, changes: Any) -> None:
    """Owners of accounts that forward outside from now on are told by mail, the first of them."""
    directory, left = resources().directory, []
    with asking():
        for each in changes:
            before, after = each.before or {}, each.after or {}
            if each.table != "account" or each.before is None or not after.get("forward_to"):
                continue
            former = forwarding.stored(before.get("forward_to"))
            fresh = [target for target in forwarding.stored(after["forward_to"]) if target not in former]
            if fresh and forwarding.outside(directory, of.id, fresh):
                left.append((each.number, fresh, former))
    told = 0
    for number, fresh, former in left[:MOST_TOLD]:
        owner = resolved(directory, str(number))
        told += owner is not None and announce.forwarding(owner, fresh, doing.now(), by_admin=True, former=former)
    if rest := len(left) - told:
        flash(f"{rest} owners of new forwarding were not told by mail. They see it in their settings.", "warning")
