"""Groups of the address book by name, and contacts that may be the same person."""

from typing import Any

from flask import Response, abort, flash, make_response, redirect, render_template, request, url_for

from app.profile import contacts as book
from app.profile.duplicates import duplicates
from app.profile.words import line
from app.web.profile import profile
from app.web.session import current


def change() -> Response:
    """POST /contacts/groups: `group`, its new `name`, or `action` "remove", which leaves the contacts."""
    group = request.form.get("group", "")[:60] or abort(400)
    removing = request.form.get("action") == "remove"
    name = "" if removing else line(request.form.get("name", ""), 60)
    if not (removing or name):
        flash("A group needs a name.", "warning")
        return _to(group)
    with profile() as engine:
        count = book.relabel(engine, current().account.id, group, name)
    stay = "1 contact stays" if count == 1 else f"{count:,} contacts stay"
    flash(f"The group {group} is removed. Its {stay}." if removing else f"The group is called {name} now.")
    return _to(name)


def _to(group: str) -> Response:
    return make_response(redirect(url_for("contacts.show", group=group or None), 303))


def same() -> Any:
    """GET /contacts/duplicates"""
    with profile() as engine:
        return render_template("duplicates.html", sets=duplicates(engine, current().account.id))
