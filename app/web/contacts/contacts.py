"""The address book: list, search, one contact, two made one, and whom one wrote to.

Each look-up names the account, so that an id of somebody else's is simply not there. What was typed is never lost: a
form that cannot be kept comes back filled in. Files come and go in files.py.
"""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Response, abort, flash, make_response, redirect, render_template, request, url_for

from app.mail.address import BadAddress, normal
from app.profile import contacts as book
from app.profile import suggest
from app.profile.contact import MOST_ADDRESSES, Contact
from app.profile.errors import Full, ProfileAway
from app.profile.words import line
from app.web.profile import profile
from app.web.session import current
from app.web.urls import local_path

PER_PAGE = 100
MOST_MERGED = 20
NEW = Contact("")
AWAY = "Your address book cannot be reached at the moment. What you typed is still here; try again in a while."
FULL = (
    f"An address book holds {book.MOST:,} contacts, and {book.MOST_OCTETS // 2**20} MB with their pictures and notes."
    " Delete some first."
)
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Form:
    """A contact as its form shows it: what was typed, and by field what is wrong with it."""

    contact: Contact
    addresses: str
    labels: str
    faults: dict[str, str] = field(default_factory=dict)


def show() -> str:
    """GET /contacts?q=&group=&page="""
    me = current()
    sought, label = request.args.get("q", "")[:200], request.args.get("group", "")[:60]
    number = _page_number()
    with profile() as engine:
        found = book.page(
            engine, me.account.id, sought=sought, label=label, offset=(number - 1) * PER_PAGE, limit=PER_PAGE
        )
        labels = book.labels_of(engine, me.account.id)
    return render_template(
        "contacts.html", found=found, sought=sought, label=label, labels=labels, number=number, per_page=PER_PAGE
    )


def _page_number() -> int:
    text = request.args.get("page", "1")
    return max(1, min(int(text), book.MOST)) if text.isdecimal() and text.isascii() and len(text) < 6 else 1


def new() -> Response:
    """GET /contacts/new?name=&address=&next="""
    asked = Contact(line(request.args.get("name", "")), (line(request.args.get("address", ""), 254),))
    return _form_page(_filled(asked))


def add() -> Any:
    """POST /contacts/new"""
    return _kept(NEW)


def edit(number: str) -> Response:
    """GET /contacts/<number>"""
    return _form_page(_filled(_one(number)))


def save(number: str) -> Any:
    """POST /contacts/<number>"""
    try:
        before = _one(number)
    except ProfileAway:
        form = _typed(Contact("", id=_checked(number)))
        return _form_page(replace(form, faults={"form": AWAY}), 503)
    return _kept(before)


def delete(number: str) -> Response:
    """POST /contacts/<number>/delete; the page has asked before."""
    contact = _one(number)
    with profile() as engine:
        book.remove(engine, current().account.id, contact.id)
    flash(f"{contact.name or contact.addresses[0]} was deleted from your contacts.")
    return make_response(redirect(url_for("contacts.show"), 303))


def merge(number: str) -> Response:
    """POST /contacts/<number>/merge: each `other` becomes part of it."""
    others = [_checked(each) for each in request.form.getlist("other")[:MOST_MERGED]] or abort(400)
    with profile() as engine:
        for other in others:
            contact = book.merge(engine, current().account.id, _checked(number), other)
    flash(f"{'Both' if len(others) == 1 else 'All'} are one contact now: {contact.name}.")
    return _next(url_for("contacts.edit", number=contact.id))


def _next(usual: str) -> Response:
    """To where the form was opened from."""
    return make_response(redirect(local_path(request.values.get("next")) or usual, 303))


def recent() -> str:
    """GET /contacts/recent: whom one wrote to who is not in the address book."""
    with profile() as engine:
        return render_template("recent.html", people=suggest.collected(engine, current().account.id))


def forget() -> Response:
    """POST /contacts/recent: `id` of one, or "all"."""
    chosen = request.form.get("id", "")
    with profile() as engine:
        count = suggest.forget(engine, current().account.id, None if chosen == "all" else _checked(chosen))
    flash("Forgotten. They are no longer suggested." if count else "That was forgotten already.")
    return make_response(redirect(url_for("contacts.recent"), 303))


def _checked(number: str) -> str:
    return number if _ID.fullmatch(number) else abort(404)


def _one(number: str) -> Contact:
    with profile() as engine:
        return book.one(engine, current().account.id, _checked(number))


def _filled(contact: Contact) -> Form:
    return Form(contact, "\n".join(contact.addresses), "\n".join(contact.labels))


def _typed(before: Contact) -> Form:
    """What the form holds: each address is checked, empty lines mean nothing."""
    form = request.form
    addresses, wrong = [], []
    for each in re.split(r"[\r\n,;]+", form.get("addresses", "")[:20_000]):
        if text := each.strip():
            try:
                addresses.append(normal(text))
            except BadAddress as error:
                wrong.append(f"“{line(text, 80)}” {error}.")
    labels = tuple(line(each, 60) for each in form.get("labels", "")[:5_000].splitlines())
    contact = replace(
        before, name=line(form.get("name", "")), addresses=tuple(addresses), note=form.get("note", ""),
        labels=tuple(each for each in labels if each),
    )  # fmt: skip
    faults = {"addresses": " ".join(wrong[:5])} if wrong else {}
    if len(addresses) > MOST_ADDRESSES:
        faults["addresses"] = f"A contact holds {MOST_ADDRESSES} addresses."
    if not (contact.name or addresses or wrong):
        faults["name"] = "A contact needs a name or a mail address."
    return Form(contact, form.get("addresses", ""), form.get("labels", ""), faults)


def _kept(before: Contact) -> Any:
    form = _typed(before)
    if form.faults:
        return _form_page(form, 422)
    contact = replace(form.contact, name=form.contact.name or form.contact.addresses[0])
    try:
        with profile() as engine:
            kept = book.save(engine, current().account.id, contact)
    except ProfileAway:
        return _form_page(replace(form, faults={"form": AWAY}), 503)
    except Full:
        return _form_page(replace(form, faults={"form": FULL}), 507)
    flash(f"{kept.name} was saved.")
    return _next(url_for("contacts.edit", number=kept.id))


def _form_page(form: Form, status: int = 200) -> Response:
    """The form, with who shares an address and the groups there are; both are left out while SQL is away."""
    me = current()
    try:
        with profile() as engine:
            same = book.sharing(engine, me.account.id, form.contact)
            labels = book.labels_of(engine, me.account.id)
    except ProfileAway:
        same, labels = (), ()
    back = local_path(request.values.get("next"))
    return make_response(render_template("contact.html", form=form, same=same, labels=labels, back=back), status)
