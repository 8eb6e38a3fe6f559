"""Under which names and addresses one writes: the list, and the form of one, with its signature.

An address is offered and taken only where it is the account's own, unless POSTERN_FREE_FROM lets people write under
any. HTML of a signature is cleaned before it is kept.
"""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Response, abort, flash, make_response, redirect, render_template, request, url_for

from app.mail.address import BadAddress, normal
from app.mail.plain import html_text
from app.mail.small import small_html
from app.profile import identities as kept
from app.profile.errors import Full, Gone, ProfileAway
from app.profile.identities import SIGNATURE, Identity
from app.profile.words import line, mark
from app.web import profile
from app.web.resources import resources
from app.web.session import current

AWAY = "Your settings cannot be reached at the moment. What you typed is still here; try again in a while."
_NEW = Identity("", "", "")


@dataclass(frozen=True, slots=True)
class Form:
    """An identity as its form shows it, and by field what is wrong with it."""

    identity: Identity
    faults: dict[str, str] = field(default_factory=dict)


def show() -> str:
    """GET /settings/identities"""
    return render_template("identities.html", identities=profile.my_identities(current()))


def new() -> Response:
    """GET /settings/identities/new: one more, for an address of one's own or, where the site lets, for any."""
    return _page(Form(replace(_NEW, name=current().account.display_name or "")))


def add() -> Any:
    """POST /settings/identities/new"""
    return _taken(_NEW)


def edit(number: str) -> Response:
    """GET /settings/identities/<number>"""
    return _page(Form(_one(number)))


def save(number: str) -> Any:
    """POST /settings/identities/<number>"""
    try:
        before = _of(profile.kept_identities(current()), number)
    except ProfileAway:
        form = _typed(Identity(number, "", line(request.form.get("address", ""), 254) or current().account.address))
        return _page(replace(form, faults={"form": AWAY}), 503)
    return _taken(before)


def remove(number: str) -> Response:
    """POST /settings/identities/<number>/remove: an address of the account comes back as it was at first."""
    identity = _one(number)
    with suppress(Gone), profile.profile() as engine:
        kept.remove(engine, current().account.id, identity.id)
    flash(f"{identity.address} no longer has a name and a signature of its own.")
    return make_response(redirect(url_for("identities.show"), 303))


def _one(number: str) -> Identity:
    return _of(profile.my_identities(current()), number)


def _of(identities: tuple[Identity, ...], number: str) -> Identity:
    return next((each for each in identities if each.id == number), None) or abort(404)


def _addresses() -> tuple[str, ...]:
    me = current()
    return (me.account.address, *profile.aliases(me))


def _typed(before: Identity) -> Form:
    form, faults = request.form, {}
    try:
        address = before.address or _allowed(form.get("address", ""))
    except BadAddress as error:
        address, faults["address"] = line(form.get("address", ""), 254), f"This address {error}."
    try:
        reply_to = normal(form.get("reply_to", "").strip()) if form.get("reply_to", "").strip() else ""
    except BadAddress as error:
        reply_to, faults["reply_to"] = line(form.get("reply_to", ""), 254), f"This address {error}."
    html, text = form.get("signature_html", "").strip(), form.get("signature_text", "").rstrip()
    for name in ("signature_text", "signature_html"):
        if len(form.get(name, "")) > SIGNATURE:
            faults[name] = f"A signature holds {SIGNATURE:,} characters."
    if not faults:
        html = small_html(html)
        html = html if html_text(html).strip() else ""  # an editor leaves an empty line
        text = text or html_text(html)
    identity = Identity(
        before.id, line(form.get("name", "")), address, reply_to, text, html, form.get("is_default") == "1"
    )
    return Form(identity, faults)


def _allowed(typed: str) -> str:
    """The address as it is written, where the account may use it. Raises BadAddress."""
    address = normal(typed.strip())
    own = {mark(each): each for each in _addresses()}
    if mark(address) not in own and not resources().settings.free_from:
        raise BadAddress("is not one of yours")
    return own.get(mark(address), address)


def _taken(before: Identity) -> Any:
    form = _typed(before)
    if form.faults:
        return _page(form, 422)
    try:
        with profile.profile() as engine:
            kept.save(engine, current().account.id, form.identity)
    except ProfileAway:
        return _page(replace(form, faults={"form": AWAY}), 503)
    except Full:
        return _page(
            replace(form, faults={"form": f"You keep {kept.MOST} identities, which is as many as are allowed."}), 507
        )
    flash(f"{form.identity.address} was saved.")
    return redirect(url_for("identities.show"), 303)


def _page(form: Form, status: int = 200) -> Response:
    free = resources().settings.free_from
    page = render_template("identity.html", form=form, addresses=_addresses(), free=free)
    return make_response(page, status)
