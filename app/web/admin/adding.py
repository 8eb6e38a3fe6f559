"""A new account of a site: its name, what it is, and a password where the directory holds it."""

from typing import Any

from flask import Response, flash, make_response, redirect, request, url_for
from sqlalchemy import Connection

from app.blocklog.reason import cleaned
from app.directory import edit, member
from app.directory.address import BadAddress, local_part
from app.directory.edit import Change
from app.directory.errors import NotAccepted
from app.directory.fields import mailbox_login
from app.directory.password import hash_password
from app.web.admin import doing, passwords
from app.web.admin.editing import Member, checked, fields_of
from app.web.admin.realm import page
from app.web.admin.site import Place, place

_NEW: dict[str, Any] = dict.fromkeys(
    ("account_id", "server_id", "login", "forward_to", "display_name", "time_zone", "locale", edit.SECRET)
)


def new() -> Response:
    """GET /admin/site/accounts/new?site="""
    of = place()
    return _page(of, _blank(of, ""), {"kind": "mailbox", "role": "user", "enabled": "yes"}, {})


def _blank(of: Place, username: str) -> Member:
    row = {**_NEW, "site_id": of.row["site_id"], "username": username, "kind": "mailbox", "role": "user"}
    with doing.directory() as rows:
        return Member(of.here, {**row, "enabled": True}, of.row, member.servers(rows), of.domains)


def _page(of: Place, whose: Member, typed: dict[str, str], faults: dict[str, str]) -> Response:
    html = page("adding", of.here, place=of, whose=whose, typed=typed, faults=faults)
    return make_response(html, 422 if faults else 200)


def _login(typed: str) -> tuple[str | None, str]:
    """What was typed as the name on the mail server, or what is wrong with it."""
    try:
        return (mailbox_login(typed) if typed else None), ""
    except ValueError as error:
        return None, f"This {error}."


def add() -> Any:
    """POST /admin/site/accounts/new?site="""
    of = place()
    fields = fields_of(request.form) | {"enabled": "yes", "username": cleaned(request.form.get("username", ""), 100)}
    fields["login"] = cleaned(request.form.get("login", ""), 255) if of.here.of_provider else ""
    faults: dict[str, str] = {}
    try:
        whose = _blank(of, local_part(fields["username"]))
    except BadAddress:
        whose, faults["username"] = _blank(of, "nobody"), "This is not the first part of an address."
    whose.row["login"], bad = _login(fields["login"])
    columns, wrong = checked(whose, fields)
    faults |= {"login": bad} if bad else {}
    password = request.form.get("password", "")
    if password and (fault := passwords.wrong(password, whose)):
        faults["password"] = fault
    faults = {**wrong, **faults}
    if "login" in faults and not of.here.of_provider:  # who has no such field
        faults.setdefault("username", faults.pop("login"))
    if faults:
        return _page(of, whose, fields, faults)
    row = {**{name: value for name, value in whose.row.items() if name != "account_id"}, **columns}
    row[edit.SECRET] = hash_password(password) if password else None

    def work(rows: Connection) -> list[Change]:
        member.check_username(rows, row["site_id"], row["username"])
        made = edit.add(rows, "account", row)
        if not fields["login"]:
            member.check_mailboxes(rows, [row])
        return [made]

    try:
        (made,) = doing.done(of.by(), "account-add", whose.address, work, whose=True)
    except NotAccepted as error:
        said = str(error)
        taken = "There is an account of that name already." if said.startswith("is ") else said
        return _page(of, whose, fields, {"username": taken})
    flash(f"{whose.address} is added.")
    return redirect(url_for("admin.settings", account_id=str(made.number)), 303)
