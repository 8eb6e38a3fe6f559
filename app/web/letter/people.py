"""Whom a message goes to, while it is being typed: who may be meant, and what was read of a line, as chips show it.

The same reading decides here and at sending (mail/recipients.py). Both answers are JSON for write-people.js.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Response, jsonify, request
from sqlalchemy import Engine

from app.mail.misspelt import meant
from app.mail.outgoing import Address, Parsed, recipients
from app.profile.errors import ProfileAway
from app.profile.groups import groups_beginning, members
from app.profile.suggest import Suggestion, suggestions
from app.profile.words import mark
from app.web.letter.letter import written
from app.web.profile import profile
from app.web.resources import resources
from app.web.serving.timing import timed
from app.web.session import Current, current

MOST, FEW = 8, 4
_Found = TypeVar("_Found")


def suggest() -> Response:
    """GET /contacts/suggest?q=: at most 8 of {name, address, source}, groups among them with `people`, their number; or
    ?group=: everybody in one. None of the account's own while SQL is away: typing goes on."""
    me, typed = current(), request.args.get("q", "")
    if group := request.args.get("group", "")[:60]:
        return jsonify([_told(each) for each in _own(lambda engine: members(engine, me.account.id, group))])
    groups = _own(lambda engine: groups_beginning(engine, me.account.id, typed))
    found = list(_own(lambda engine: suggestions(engine, me.account.id, typed, MOST - len(groups))))
    if len(groups) + len(found) < FEW:
        found += _of_the_site(me, typed, {mark(each.address) for each in found})
    told = [{"name": each.name, "address": "", "source": "group", "people": each.people} for each in groups]
    return jsonify([*told, *(_told(each) for each in found)][:MOST])


def _own(ask: Callable[[Engine], tuple[_Found, ...]]) -> tuple[_Found, ...]:
    try:
        with profile() as engine:
            return ask(engine)
    except ProfileAway:
        return ()


def _of_the_site(me: Current, typed: str, known: set[str]) -> list[Suggestion]:
    """From the site's LDAP directory, where it answers at once."""
    ldap = resources().ldap
    if ldap is None:
        return []
    with timed("ldap"):
        found = ldap.suggestions(typed, me.account.address.rpartition("@")[2])
    return [each for each in found if mark(each.address) not in known]


def everybody(me: Current, group: str) -> str:
    """A group's people as a line. Raises ProfileAway."""
    with profile() as engine:
        return written(Address(each.name, each.address) for each in members(engine, me.account.id, group))


def _told(each: Suggestion) -> dict[str, Any]:
    return {"name": each.name, "address": each.address, "source": each.source}


def check() -> Response:
    """POST /compose/check: `text`, read as a line of recipients is at sending."""
    text = request.form.get("text", "")
    return jsonify(chips(current(), recipients(text), text))


def chips(me: Current, parsed: Parsed, text: str = "") -> list[dict[str, str]]:
    """Each of a line as a chip: `typed` is what of the line it stands for, `why` what is wrong with it, `doubt` which
    domain may have been meant."""
    own = me.account.address.rpartition("@")[2]
    good = [
        {"typed": written((each,)), "name": each.name, "address": each.address, "why": "",
         "doubt": meant(each.address, (own,))}
        for each in parsed.addresses
    ]  # fmt: skip
    # What is wrong keeps its quotes and brackets, where the text is nothing else: read again it is the same.
    only = text.strip() if text and not good and len(parsed.faults) == 1 else ""
    wrong = [
        {"typed": only or each.word, "name": "", "address": "", "why": each.why, "doubt": ""} for each in parsed.faults
    ]
    return [*good, *wrong]
