"""The answer while somebody is away, where their mail server keeps no scripts and Exim answers out of SQL instead.

A server that has ManageSieve never comes here: one place alone answers.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import flash, redirect, request, url_for

from app.mail.difference import sides
from app.policy import away
from app.policy.away import Away
from app.policy.errors import Changed, PolicyAway
from app.profile.errors import ProfileAway
from app.sieve.vacation import MOST_CONTACTS, Bound, Vacation
from app.web.away.answer import LOOK_UP, Page, contacts, page_of, refused, saved, state
from app.web.away.form import USUAL_DAYS, Typed, typed_of, vacation_of
from app.web.mailboxes import answering, pane
from app.web.policy import policy
from app.web.session import Current

CAN = "date relational vacation"  # as a script's server would say it
YEARS = range(2000, 2200)
AWAY = "The database cannot be reached at the moment. What you typed is still here; try again in a while."
ELSEWHERE = "It was changed elsewhere since this page was opened. What you typed is still here; save again to keep it."


def owns(me: Current) -> bool:
    """Whether an account's mail is answered out of SQL."""
    server = me.account.server
    return server is not None and server.sieve is None and server.vacation == "sql" and me.account.id.isdecimal()


def show(me: Current) -> Any:
    """The page. Raises PolicyAway."""
    kept = _kept(me)
    vacation = _vacation(kept)
    if answering.answers(me, vacation):
        pane.drop(me)
    return page_of(_page(kept, typed_of(vacation)))


def save(me: Current, told: Typed) -> Any:
    """Keeps what was typed, without its formatting: Exim sends plain text."""
    page = Page(told, request.form.get("made", "")[:40], CAN, sql=True)
    try:
        kept = _kept(me)
        page = replace(_page(kept, told), made=page.made)
        book = contacts(me, told)
        vacation, judged = _typed(me, told, book)
        if vacation is None:
            return page_of(replace(page, typed=judged), 422)
        with policy() as engine:
            away.keep(engine, me.account.id, _away(me, vacation), datetime.now(UTC), seen=page.made)
    except Changed:
        texts = sides(_lines(vacation), _lines(_vacation(kept)))
        return refused(replace(page, made=away.mark(kept), texts=texts), ELSEWHERE, 409)
    except PolicyAway:
        return refused(page, AWAY, 503)
    except ProfileAway:
        return refused(page, LOOK_UP, 503)
    if answering.answers(me, vacation):
        pane.drop(me)
    flash(saved(vacation, len(book)))
    return redirect(url_for("vacation.show"), 303)


def _typed(me: Current, told: Typed, book: tuple[str, ...]) -> tuple[Vacation | None, Typed]:
    """What is meant, or None and the form with what is wrong."""
    vacation, judged = vacation_of(told, None, me.zone, addresses=(), contacts=book)
    bounds = {"start": vacation.start, "end": vacation.end} if vacation is not None else {}
    far = {name: "A day of these years." for name, bound in bounds.items() if bound and bound.day.year not in YEARS}
    return (None, replace(told, faults=far)) if far else (vacation, judged)


def _kept(me: Current) -> Away | None:
    with policy() as engine:
        return away.away(engine, me.account.id)


def _page(kept: Away | None, told: Typed) -> Page:
    vacation = _vacation(kept)
    return Page(told, away.mark(kept), CAN, state(vacation), vacation is not None and vacation.enabled, sql=True)


def _vacation(kept: Away | None) -> Vacation | None:
    """The answer as both ways show it."""
    if kept is None:
        return None
    zone = ZoneInfo(kept.zone)
    start, end = (None if day is None else Bound.of(day, zone) for day in (kept.first, kept.last))
    people = kept.contacts or ()
    return Vacation(kept.text, "", kept.subject, kept.days, start=start, end=end, contacts=people, enabled=kept.on)


def _lines(vacation: Vacation | None) -> str:
    """An answer as lines that are compared."""
    return "" if vacation is None else f"{state(vacation)}\n{vacation.subject}\n\n{vacation.text}"


def _away(me: Current, vacation: Vacation) -> Away:
    """The row that is to be."""
    return Away(
        vacation.enabled,
        vacation.text,
        vacation.subject,
        vacation.days or USUAL_DAYS,
        vacation.start.day if vacation.start else None,
        vacation.end.day if vacation.end else None,
        me.zone.key,
        vacation.contacts[:MOST_CONTACTS] or None,
    )
