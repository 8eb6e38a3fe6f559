"""The settings of one account: what it is, where its mail goes, its aliases; and what was changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Response, abort, flash, make_response, redirect, request, url_for
from sqlalchemy import Connection

from app.blocklog.reason import cleaned
from app.directory import edit, forwarding, member
from app.directory.address import BadAddress, local_part
from app.directory.edit import Change
from app.directory.errors import NotAccepted, Overtaken
from app.directory.resolve import account as resolved
from app.directory.tables import ANY_DOMAIN
from app.mail.errors import MailError
from app.mail.quota import Quota, quota
from app.policy import actions
from app.policy.actions import By
from app.policy.errors import Gone
from app.web.admin import doing, tell
from app.web.admin.realm import Realm, is_id, page, realm
from app.web.policy import policy
from app.web.resources import resources
from app.web.serving.log import described, logger
from app.web.session import NoMailbox, imap_of
from app.web.settings import backend

FIELDS = ("display_name", "kind", "forward_to", "time_zone", "locale", "role", "enabled", "server")
OVERTAKEN = "Somebody changed this account while you looked at it. What you typed is still here; compare, then save."
MOST_ALIASES = 200
QUOTA_SECONDS = 1.5
LATEST = 30  # changes that are shown


@dataclass(frozen=True)
class Member:
    """An account that may be looked at, with its site and whether it may be changed by who asks."""

    here: Realm
    row: dict[str, Any]
    site: dict[str, Any]
    servers: Mapping[int, str]
    domains: Mapping[int, str]
    aliases: list[dict[str, Any]] = field(default_factory=list)

    @property
    def id(self) -> str:
        """As rules and the log name it."""
        return str(self.row["account_id"])

    @property
    def address(self) -> str:
        """Its main address."""
        return f"{self.row['username']}@{self.site['primary_domain']}"

    @property
    def own(self) -> bool:
        """Whether it is that of who asks: nobody gives themselves a role, or shuts themselves out."""
        return self.id == self.here.me.account.id

    @property
    def fixed(self) -> bool:
        """Whether a site's administrator looks at somebody of the provider's."""
        return not self.here.of_provider and self.row["role"] == "isp_admin"

    @property
    def roles(self) -> tuple[str, ...]:
        """Those that may be given."""
        return ("user", "site_admin", *(("isp_admin",) if self.here.of_provider else ()))

    def by(self) -> By:
        """For the action log."""
        return self.here.by(account_id=self.id, site=str(self.site["site_id"]))


def member_of(account_id: str) -> Member:
    """The account, for its own site's administrators and the provider's; 404 for all others."""
    here = realm()
    doing.kept_here()
    if not (is_id(account_id) and account_id.isdecimal() and len(account_id) < 10):
        abort(404)
    with doing.directory() as rows:
        row = edit.row_of(rows, "account", int(account_id))
        if row is None or not here.may_see(str(row["site_id"])):
            abort(404)
        site = edit.row_of(rows, "site", row["site_id"])
        assert site is not None
        number = row["site_id"]
        aliases = member.addresses(rows, number, account_id=row["account_id"], limit=MOST_ALIASES)
        here = replace(here, site=str(number))  # the tabs lead to what is about its site
        return Member(here, row, site, member.servers(rows), member.domains(rows, number), aliases)


def changeable(account_id: str) -> Member:
    """The same, where who asks may change it; 404 for somebody of the provider's and a site's administrator."""
    found = member_of(account_id)
    if found.fixed:
        abort(404)
    return found


def show(account_id: str) -> Response:
    """GET /admin/accounts/<account_id>/settings"""
    of = member_of(account_id)
    return shown(of, quota=_quota(of))


def _quota(of: Member) -> Quota | None:
    """How full the mailbox is, where a master user may ask; nothing is said where nobody can."""
    owner = resolved(resources().directory, of.id) if resources().settings.master_user else None
    try:
        if owner is not None and owner.server is not None:
            with imap_of(owner, seconds=QUOTA_SECONDS) as client:
                return quota(client)
    except (MailError, NoMailbox) as error:
        logger.warning("a quota could not be asked for", extra=described(error))
    return None


def shown(
    of: Member, *, typed: Mapping[str, str] | None = None, faults: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """The page; 422 where something is wrong with what was typed."""
    with policy() as engine:
        found = actions.of_account(engine, of.id, limit=LATEST)
    changes = [(each, _undoable(of, each)) for each in found if each.verb != "look"]
    values = {**_values(of), **(typed or {})}
    html = page(
        "editing", of.here, whose=of, typed=values, faults=faults or {}, seen=edit.mark(of.row), changes=changes,
        passwords=may_reset(of), **more,
    )  # fmt: skip
    return make_response(html, 422 if faults else 200)


def may_reset(of: Member) -> bool:
    """Whether who asks may set its password: one that the directory holds, or that the site can set without the
    former one; never their own or of a higher role."""
    way = backend.usual(resources())
    there = bool(of.row[edit.SECRET]) if way is None else way.without_old
    allowed = of.here.of_provider or bool(of.site["reset_passwords"])
    return (of.row["kind"] == "forward" or there) and allowed and not of.own and not of.fixed


def _undoable(of: Member, action: actions.Action) -> bool:
    own = action.by.actor_id == of.here.me.account.id and not doing.of_provider(action)
    return (own or of.here.of_provider) and not of.fixed and doing.undoable(action)


def _values(of: Member) -> dict[str, str]:
    """The row as the form shows it."""
    row = of.row
    told = {name: str(row[name] or "") for name in ("display_name", "kind", "time_zone", "locale", "role")}
    targets = "\n".join(forwarding.stored(row["forward_to"]))
    told |= {"forward_to": targets, "server": str(row["server_id"] or "")}
    return told | {"enabled": "yes" if row["enabled"] else "no"}


def fields_of(form: Mapping[str, str]) -> dict[str, str]:
    """What was typed, without characters that nobody sees; the targets keep their lines."""
    fields = {name: cleaned(form.get(name, ""), 200) for name in FIELDS}
    fields["forward_to"] = "\n".join(cleaned(each, 400) for each in form.get("forward_to", "")[:8000].splitlines())
    return fields | {"enabled": "yes" if form.get("enabled") == "yes" else "no"}


def save(account_id: str) -> Any:
    """POST /admin/accounts/<account_id>/settings"""
    of = changeable(account_id)
    fields = fields_of(request.form)
    if of.own:
        fields |= {"role": str(of.row["role"]), "enabled": "yes"}
    if request.form.get("seen") != edit.mark(of.row):
        return shown(of, typed=fields, faults={"form": OVERTAKEN})
    columns, faults = checked(of, fields)
    if faults:
        return shown(of, typed=fields, faults=faults)
    after = {**of.row, **columns}
    told = tell.early(of.row, after)
    try:
        doing.done(of.by(), "account", of.address, lambda rows: _written(rows, of, columns))
    except Overtaken:
        return shown(member_of(account_id), typed=fields, faults={"form": OVERTAKEN})
    except NotAccepted as error:
        return shown(of, typed=fields, faults={"kind": str(error)})
    if not (told or tell.late(of.row, after)):
        flash("Its owner could not be told by mail. Under Settings they see what was changed.", "warning")
    flash(f"{of.address} is saved.")
    return redirect(url_for("admin.settings", account_id=of.id), 303)


def _written(rows: Connection, of: Member, columns: Mapping[str, Any]) -> list[Change]:
    made = edit.change(rows, "account", of.row, columns)
    if made is not None and (made.after or {}).keys() & {"server_id", "login"}:
        member.check_mailboxes(rows, [{**of.row, **columns}])
    return [made] if made is not None else []


def checked(of: Member, fields: Mapping[str, str]) -> tuple[Mapping[str, Any], dict[str, str]]:
    """The columns that a form says, and what is wrong with it by field."""
    faults: dict[str, str] = {}
    targets: tuple[str, ...] = ()
    try:
        targets = forwarding.targets_of(fields["forward_to"]) if fields["kind"] != "mailbox" else ()
        before = forwarding.stored(of.row["forward_to"])
        if wrong := _against(of, targets):
            faults["forward_to"] = " ".join(wrong) if set(targets) - set(before) else ""
    except ValueError as error:
        faults["forward_to"] = str(error)
    if fields["role"] not in of.roles:
        faults["role"] = "This role is not yours to give."
    told = member.typed(of.site, of.row, fields, server=_server(of, fields), targets=targets)
    if "server" in told.faults and not of.here.of_provider:
        faults["kind"] = "Your provider has to choose a mail server for it first."
    if "login" in told.faults and of.row["account_id"]:
        faults["kind"] = f"It cannot have a mailbox: {told.faults['login']}."
    faults = {**told.faults, **faults}
    return told.columns, {name: text for name, text in faults.items() if text}


def _against(of: Member, targets: tuple[str, ...]) -> list[str]:
    site = str(of.site["site_id"])
    if of.row["account_id"]:
        return forwarding.problems(resources().directory, site, targets, account_id=of.id)
    return forwarding.problems(resources().directory, site, targets)


def _server(of: Member, fields: Mapping[str, str]) -> int | None:
    """Where its mailbox lies: the provider chooses; else where it lies, or where most of the site's do."""
    chosen = fields.get("server", "")
    if of.here.of_provider and chosen.isdecimal() and int(chosen) in of.servers:
        return int(chosen)
    if of.row["server_id"] is not None:
        return int(of.row["server_id"])
    with doing.directory() as rows:
        return member.usual_server(rows, of.site["site_id"])


def add_alias(account_id: str) -> Any:
    """POST /admin/accounts/<account_id>/aliases"""
    of = changeable(account_id)
    typed, domain = request.form.get("local", "").strip(), request.form.get("domain", "")
    try:
        local = local_part(typed)
        number = int(domain) if domain.isdecimal() and len(domain) < 10 else ANY_DOMAIN
        number = number if domain != "" else ANY_DOMAIN
    except BadAddress:
        return shown(of, faults={"local": "This is not the first part of an address."}, alias=cleaned(typed, 64))
    name = f"{local}@{of.domains.get(number, '*')}"
    try:
        doing.done(of.by(), "alias-add", name, lambda rows: [
            member.add_address(
                rows, of.site["site_id"], local, number, account_id=of.row["account_id"], provider=of.here.of_provider
            )
        ])  # fmt: skip
    except Overtaken:
        return shown(of, faults={"local": "The site has this address already."}, alias=local)
    except NotAccepted as error:
        return shown(of, faults={"local": str(error)}, alias=local)
    flash(f"{name} leads to {of.address} now.")
    return redirect(url_for("admin.settings", account_id=of.id), 303)


def remove_alias(account_id: str, number: int) -> Any:
    """POST /admin/accounts/<account_id>/aliases/<number>/remove"""
    of = changeable(account_id)
    with doing.directory() as rows:
        row = edit.row_of(rows, "address", number)
    if row is None or row["account_id"] != of.row["account_id"]:
        flash("That address is gone already.", "warning")
    else:
        name = f"{row['local']}@{of.domains.get(row['domain_id'], '*')}"
        doing.done(of.by(), "alias-remove", name, lambda rows: [edit.remove(rows, "address", row)])
        flash(f"{name} is removed.")
    return redirect(url_for("admin.settings", account_id=of.id), 303)


def undo(account_id: str, number: int) -> Any:
    """POST /admin/accounts/<account_id>/undo/<number>"""
    of = changeable(account_id)
    try:
        action = doing.undo(of.here, of.by(), number)
        flash(f"Taken back: {action.target} is as it was before.")
        if action.verb == "account-add":
            return redirect(url_for("admin.accounts", site=of.site["site_id"] if of.here.of_provider else None), 303)
    except Gone:
        flash("That was taken back already, is longer ago than a day, or is not yours to take back.", "warning")
    except NotAccepted:
        flash("Something that this depends on was changed since. Nothing was taken back.", "warning")
    return redirect(url_for("admin.settings", account_id=of.id), 303)
