"""What the two ways of answering have in common: the page with its form, how it stands, and who is meant."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from flask import make_response, render_template

from app.directory.aliases import addresses_of
from app.mail.difference import Side
from app.profile.contacts import every
from app.sieve.period import Period
from app.sieve.vacation import MOST_CONTACTS, Vacation
from app.web.away import foreign
from app.web.away.form import Typed
from app.web.mailboxes import answering
from app.web.profile import aliases, profile
from app.web.resources import resources
from app.web.session import Current, current

LOOK_UP = "Your own addresses or contacts cannot be looked up at the moment. What you typed is still here; try again."


@dataclass(frozen=True, slots=True)
class Page:
    """What the page shows. `state`: whether it answers, in words · `can`: what the server understands, as the form
    carries it · `above`: rules that run before it · `texts`: the script with this answer, and as it is elsewhere ·
    `sql`: no script has it."""

    typed: Typed
    made: str
    can: str
    state: str = ""
    on: bool = False
    above: int = 0
    then: str = ""
    others: tuple[foreign.Part, ...] = ()
    texts: tuple[Side, Side] | None = None
    sql: bool = False


def people(me: Current, told: Typed) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """All addresses of the account, without which a server stays silent (RFC 5230 §4.5), and where they are wanted
    those of its contacts. Raises DirectoryError, ProfileAway."""
    return (me.account.address, *addresses_of(resources().directory, me.account)), contacts(me, told)


def contacts(me: Current, told: Typed) -> tuple[str, ...]:
    """The addresses of the account's contacts where only they are answered. Raises ProfileAway."""
    if not told.contacts:
        return ()
    with profile() as engine:
        book = every(engine, me.account.id)
    return tuple(dict.fromkeys(each.lower() for one in book for each in one.addresses))


def state(vacation: Vacation | None) -> str:
    """Whether it answers, in words."""
    if vacation is None or not vacation.enabled:
        return "Your mail is not answered."
    now = Period(vacation.start, vacation.end).state(datetime.now(UTC))
    if now == "before" and vacation.start is not None:
        return f"Your mail is answered from {answering.day(vacation.start)}."
    if now == "after" and vacation.end is not None:
        return f"Your mail was answered until {answering.day(vacation.end)}."
    until = f" until {answering.day(vacation.end)}" if vacation.end else ""
    return f"Your mail is answered now{until}."


def saved(vacation: Vacation, book: int) -> str:
    """What is said once it is kept. `book`: how many addresses of contacts there are."""
    more = ""
    if vacation.contacts and book > MOST_CONTACTS:
        more = f" Of your {book:,} contacts the first {MOST_CONTACTS:,} are answered."
    return f"Saved. {state(vacation)}{more}"


def refused(page: Page, words: str, status: int) -> Any:
    """The page with all that was typed, and why nothing was kept."""
    return page_of(replace(page, typed=replace(page.typed, faults={"form": words})), status)


def page_of(page: Page, status: int = 200) -> Any:
    """The page."""
    me = current()
    can = frozenset(page.can.split())
    html = render_template(
        "away/vacation.html",
        page=page,
        typed=page.typed,
        dates={"date", "relational"} <= can,
        answers="vacation" in can,
        addresses=(me.account.address, *aliases(me)),
        zone=me.zone,
        most=MOST_CONTACTS,
    )
    return make_response(html, status)
