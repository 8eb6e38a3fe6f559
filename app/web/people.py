"""Whom a message goes to, while it is being typed: who may be meant, and what was read of a line, as chips show it.

The same reading decides here and at sending (mail/recipients.py). Both answers are JSON for write-people.js.
"""

from typing import Any

from flask import Response, jsonify, request

from app.mail.misspelt import meant
from app.mail.outgoing import Address, Parsed, recipients
from app.profile.errors import ProfileAway
from app.profile.groups import groups_beginning, members
from app.profile.suggest import Suggestion, suggestions
from app.web.letter import written
from app.web.profile import profile
from app.web.session import Current, current

MOST = 8


def suggest() -> Response:
    """GET /contacts/suggest?q=: at most 8 of {name, address, source}, groups among them with `people`, their number; or
    ?group=: everybody in one. None while SQL is away: typing goes on."""
    me, group = current(), request.args.get("group", "")[:60]
    try:
        with profile() as engine:
            if group:
                return jsonify([_told(each) for each in members(engine, me.account.id, group)])
            typed = request.args.get("q", "")
            groups = groups_beginning(engine, me.account.id, typed)
            found = suggestions(engine, me.account.id, typed, MOST - len(groups))
    except ProfileAway:
        return jsonify([])
    told = [{"name": each.name, "address": "", "source": "group", "people": each.people} for each in groups]
    return jsonify([*told, *(_told(each) for each in found)])


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
