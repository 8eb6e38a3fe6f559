"""A site's own settings, and its addresses beside its accounts: catch-alls, and aliases that only forward.

What the provider decides for a site (its brand, limits, what its administrators may do) the site's own see only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, abort, flash, make_response, redirect, request, url_for
from sqlalchemy import Connection

from app.blocklog.reason import cleaned
from app.directory import edit, forwarding, member
from app.directory.address import BadAddress, local_part
from app.directory.edit import Change
from app.directory.errors import NotAccepted, Overtaken
from app.directory.record import by_field, parse_record
from app.directory.resolve import resolve
from app.directory.tables import ANY_DOMAIN, CATCH_ALL
from app.policy import actions
from app.policy.actions import By
from app.policy.errors import Gone
from app.web.admin import doing
from app.web.admin.realm import Realm, page, realm
from app.web.policy import policy
from app.web.resources import resources

OWN = ("primary_domain", "time_zone", "locale", "log_days", "filters_words", "filters_page")
PROVIDERS = ("brand", "messages_per_hour", "recipients_per_hour", "learning", "learn_spam_to", "learn_ham_to")
SWITCHES = ("forward_outside", "forward_here", "reset_passwords")
OVERTAKEN = "Somebody changed this site while you looked at it. What you typed is still here; compare, then save."
MOST = 500  # addresses of one page
LATEST = 30


@dataclass(frozen=True)
class Place:
    """The site that is asked about, by one of its administrators or the provider's."""

    here: Realm
    row: dict[str, Any]
    domains: Mapping[int, str]
    addresses: list[dict[str, Any]]

    @property
    def id(self) -> str:
        """As rules and the log name it."""
        return str(self.row["site_id"])

    @property
    def link(self) -> str | None:
        """What an address of a page about it names it by: the provider's administrators have several."""
        return self.id if self.here.of_provider else None

    def by(self) -> By:
        """For the action log."""
        return self.here.by(site=self.id)


def place() -> Place:
    """The site of the address, or one's own; 404 where it is none."""
    here = realm()
    doing.kept_here()
    site = here.site or ""
    if not (site.isdecimal() and site.isascii() and len(site) < 10):
        abort(404)
    with doing.directory() as rows:
        row = edit.row_of(rows, "site", int(site))
        if row is None:
            abort(404)
        found = member.addresses(rows, int(site), account_id=None, limit=MOST)
        return Place(here, row, member.domains(rows, int(site)), found)


def show() -> Response:
    """GET /admin/site?site="""
    return shown(place())


def shown(
    of: Place, *, typed: Mapping[str, str] | None = None, faults: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """The page; 422 where something is wrong with what was typed."""
    with policy() as engine:
        found = actions.of_site(engine, of.id, limit=LATEST)
    changes = [(each, _undoable(of, each)) for each in found]
    values = {name: str("" if of.row[name] is None else of.row[name]) for name in OWN + PROVIDERS}
    values |= {name: "yes" if of.row[name] else "no" for name in SWITCHES}
    html = page(
        "site", of.here, place=of, typed={**values, **(typed or {})}, faults=faults or {}, seen=edit.mark(of.row),
        changes=changes, brands=sorted(resources().brands.by_id), most=MOST, **more,
    )  # fmt: skip
    return make_response(html, 422 if faults else 200)


def _undoable(of: Place, action: actions.Action) -> bool:
    if not doing.undoable(action):
        return False
    return of.here.of_provider or not doing.of_provider(action)


def save() -> Any:
    """POST /admin/site?site="""
    of = place()
    fields = {name: cleaned(request.form.get(name, ""), 300) for name in OWN}
    if of.here.of_provider:
        fields |= {name: cleaned(request.form.get(name, ""), 300) for name in PROVIDERS}
        fields |= {name: "yes" if request.form.get(name) == "yes" else "no" for name in SWITCHES}
    if request.form.get("seen") != edit.mark(of.row):
        return shown(of, typed=fields, faults={"form": OVERTAKEN})
    columns, faults = _checked(of, fields)
    if faults:
        return shown(of, typed=fields, faults=faults)
    try:
        doing.done(of.by(), "site", str(of.row["name"]), lambda rows: _written(rows, of, columns))
    except Overtaken:
        return shown(place(), typed=fields, faults={"form": OVERTAKEN})
    flash(f"{of.row['name']} is saved.")
    return _back(of)


def _written(rows: Connection, of: Place, columns: Mapping[str, Any]) -> list[Change]:
    made = edit.change(rows, "site", of.row, columns)
    return [made] if made is not None else []


def _checked(of: Place, fields: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    values, wrong = parse_record("site", {"name": str(of.row["name"]), **fields})
    faults = by_field(wrong)
    if values.get("primary_domain") not in of.domains.values():
        faults.setdefault("primary_domain", "One of the site’s own domains.")
    if values.get("log_days") == 0:
        faults["log_days"] = "At least one day; empty: as long as the provider keeps it."
    if fields.get("brand") and values.get("brand") not in resources().brands.by_id:
        faults.setdefault("brand", "There is no such brand.")
    for name in ("learn_spam_to", "learn_ham_to"):
        if values.get("learning") == "address" and not values.get(name):
            faults.setdefault(name, "Type an address: copies are sent there.")
    values.pop("name", None)
    return values, faults


def add_address() -> Any:
    """POST /admin/site/addresses?site=: a catch-all, or an alias that leads to an account or elsewhere."""
    of = place()
    form = {name: request.form.get(name, "") for name in ("what", "local", "domain", "goes_to")}
    typed = {"goes_to": cleaned(form["goes_to"], 2000), "local": cleaned(form["local"], 64), "what": form["what"][:10]}
    domain = int(form["domain"]) if form["domain"].isdecimal() and len(form["domain"]) < 10 else ANY_DOMAIN
    try:
        local = CATCH_ALL if form["what"] == "catch-all" else local_part(form["local"].strip())
    except BadAddress:
        return shown(of, typed=typed, faults={"local": "This is not the first part of an address."})
    leads, fault = _leads(of, local, domain, form["goes_to"])
    if fault:
        return shown(of, typed=typed, faults={"goes_to": fault})
    name = f"{local}@{of.domains.get(domain, '*')}"
    leads |= {"provider": of.here.of_provider}
    site = of.row["site_id"]
    try:
        doing.done(of.by(), "address-add", name, lambda rows: [member.add_address(rows, site, local, domain, **leads)])
    except Overtaken:
        return shown(of, typed=typed, faults={"local": "The site has this address already. Remove it first."})
    except NotAccepted as error:
        return shown(of, typed=typed, faults={"local": str(error)})
    flash(f"{name} is added.")
    return _back(of)


def _leads(of: Place, local: str, domain: int, text: str) -> tuple[dict[str, Any], str]:
    """Where an address leads: to an account of the site, if that is all that was typed, else to addresses."""
    directory = resources().directory
    try:
        targets = forwarding.targets_of(text)
    except ValueError as error:
        return {}, str(error)
    if not targets:
        return {}, "Say who gets the mail."
    found = resolve(directory, targets[0]) if len(targets) == 1 else None
    if found is not None and found.site == of.id and found.id.isdecimal():
        return {"account_id": int(found.id)}, ""
    names = [f"{local}@{name}" for number, name in of.domains.items() if domain in (ANY_DOMAIN, number)]
    return {"forward_to": ", ".join(targets)}, " ".join(forwarding.problems(directory, of.id, targets, names=names))


def remove_address(number: int) -> Any:
    """POST /admin/site/addresses/<number>/remove?site="""
    of = place()
    with doing.directory() as rows:
        row = edit.row_of(rows, "address", number)
    whose = row is not None and row["account_id"] is not None and row["local"] != CATCH_ALL  # stands on that one's page
    if row is None or row["site_id"] != of.row["site_id"] or whose:
        flash("That address is gone already.", "warning")
        return _back(of)
    name = f"{row['local']}@{of.domains.get(row['domain_id'], '*')}"
    doing.done(of.by(), "address-remove", name, lambda rows: [edit.remove(rows, "address", row)])
    flash(f"{name} is removed.")
    return _back(of)


def undo(number: int) -> Any:
    """POST /admin/site/undo/<number>?site="""
    of = place()
    told = doing.undo_all(of.here, of.by(), number)
    if told.action is not None and "part" not in told.action.detail:
        flash(f"Taken back: {told.action.target} is as it was before.")
    elif told.action is not None:
        flash(_in_parts(told))
    kept = "The rest stays as it is." if told.done else "Nothing was taken back."
    if isinstance(told.why, Gone):
        flash("That was taken back already, is longer ago than a day, or is not yours to take back.", "warning")
    elif told.why is not None:
        flash(f"Something that this depends on was changed since. {kept}", "warning")
    return _back(of)


def _in_parts(told: doing.Undone) -> str:
    """How far taking back has come."""
    last = int(told.action.detail.get("part", 1)) if told.action else 1
    done = f"part {last}" if told.done == 1 else f"parts {last + told.done - 1} to {last}"
    if not told.left:
        return f"Taken back: {done}. All of it is as it was before." if last == 1 else f"Taken back: {done}."
    return f"Taken back so far: {done}. Left: {told.left}. Press Undo there again to go on."


def _back(of: Place) -> Any:
    return redirect(url_for("admin.site", site=of.link), 303)
