"""The answer while somebody is away: on and off, its days, its words, to whom. It is a rule of their script, the first.

Where the script was changed elsewhere both texts are shown, and the answer goes into it only when its owner says so.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for

from app.directory.errors import DirectoryError
from app.mail.difference import sides
from app.mail.errors import MailError
from app.profile.errors import ProfileAway
from app.sieve.errors import BadRule
from app.sieve.failures import BadScript, SieveError
from app.sieve.managesieve import ManageSieve
from app.sieve.needs import needs
from app.sieve.script import Script
from app.sieve.vacation import Vacation
from app.web.away import foreign, stored
from app.web.away.answer import LOOK_UP, Page, page_of, people, refused, saved, state
from app.web.away.form import Typed, typed, typed_of, vacation_of
from app.web.filters import kept
from app.web.filters.door import NoSieve, sieve
from app.web.filters.elsewhere import said
from app.web.filters.kept import Changed, Kept
from app.web.filters.passing import Forbidden
from app.web.filters.text import ELSEWHERE, shown, unkept
from app.web.mailboxes import answering, pane
from app.web.session import Current, current

LOCKED = "Nothing can be put into the script that runs now. What you typed is still here."


def show() -> Any:
    """GET /vacation"""
    me = current()
    if stored.owns(me):
        return stored.show(me)
    try:
        with sieve() as client:
            found = kept.fetched(client)
    except NoSieve:
        return make_response(render_template("away/none.html", what="vacation.show", **said(me)))
    _note(me, found)
    if not found.editable:
        parts = _others(found, None)
        return make_response(render_template("away/closed.html", what="vacation.show", kept=found, parts=parts))
    at = _place(found.script)
    return page_of(_page(me, found, at, typed_of(_vacation(found.script, at))))


def save() -> Any:
    """POST /vacation"""
    me, told = current(), typed(request.form)
    if stored.owns(me):
        return stored.save(me, told)
    page = Page(told, request.form.get("made", ""), request.form.get("can", "")[:4000])
    try:
        addresses, contacts = people(me, told)
        with sieve() as client:
            return _saved(client, me, page, addresses, contacts)
    except NoSieve:
        return refused(page, LOCKED, 409)
    except (DirectoryError, ProfileAway):
        return refused(page, LOOK_UP, 503)
    except (SieveError, MailError) as error:
        return refused(page, *unkept(error))


def _saved(client: ManageSieve, me: Current, page: Page, addresses: Sequence[str], contacts: Sequence[str]) -> Any:
    found = kept.fetched(client)
    if not found.editable:
        return refused(page, LOCKED, 409)
    at = _place(found.script)
    before = _vacation(found.script, at)
    page = replace(_page(me, found, at, page.typed), made=page.made)
    own = dict.fromkeys([*addresses, *(before.addresses if before else ())])
    vacation, judged = vacation_of(page.typed, before, me.zone, addresses=tuple(own), contacts=contacts)
    if vacation is None:
        return page_of(replace(page, typed=judged), 422)
    if lacking := sorted(needs(vacation) - found.extensions):
        return refused(page, f"Your mail server does not know how to do that ({', '.join(lacking)}).", 422)
    try:
        after = found.script.put(at, vacation)
        kept.put(client, me, found, page.made, bytes(after))
        kept.warn(found.script, after)
    except (BadRule, Forbidden) as error:
        return refused(page, error.words, 422)
    except BadScript as error:
        return refused(page, f"The mail server does not take it: {error.text}", 422)
    except Changed:
        if vacation == before:  # sent twice, or its answer was lost
            return _done(vacation, len(contacts))
        texts = sides(shown(bytes(after)), shown(found.text))
        return refused(replace(page, made=kept.made(me, found), texts=texts), ELSEWHERE, 409)
    return _done(vacation, len(contacts))


def _done(vacation: Vacation, contacts: int) -> Any:
    flash(saved(vacation, contacts))
    return redirect(url_for("vacation.show"), 303)


def _note(me: Current, found: Kept) -> None:
    if found.scripts.active is not None and answering.noted(me, found.script):
        pane.drop(me)


def _place(script: Script) -> int | None:
    return next((at for at in script.shown if script.blocks[at].kind == "vacation"), None)


def _vacation(script: Script, at: int | None) -> Vacation | None:
    rule = None if at is None else script.blocks[at].rule
    return rule if isinstance(rule, Vacation) else None


def _others(found: Kept, at: int | None) -> tuple[foreign.Part, ...]:
    return foreign.parts(found.script, b"vacation", besides=at)


def _page(me: Current, found: Kept, at: int | None, told: Typed) -> Page:
    vacation = _vacation(found.script, at)
    return Page(
        told,
        kept.made(me, found),
        " ".join(sorted(found.extensions))[:4000],
        state(vacation),
        vacation is not None and vacation.enabled,
        0 if at is None else found.script.shown.index(at),
        vacation.then if vacation is not None else "",
        _others(found, at),
    )
