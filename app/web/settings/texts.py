"""What somebody writes again and again: the list and the form of these texts, and how one gets into a message."""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Response, abort, flash, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound

from app.mail.composed import composed
from app.profile import texts as kept
from app.profile.errors import Full, Gone, ProfileAway
from app.profile.texts import BODY, NAME, SUBJECT, Text
from app.web.letter.letter import Letter
from app.web.profile import FRESH_SECONDS, profile
from app.web.session import Current, current

AWAY = "Your texts cannot be reached at the moment. What you typed is still here; try again in a while."
_ENTRY = "names of texts"
_SIGN = "\n-- \n"


@dataclass(frozen=True, slots=True)
class Form:
    """A text as its form shows it, and by field what is wrong with it."""

    text: Text
    faults: dict[str, str] = field(default_factory=dict)


def show() -> str:
    """GET /settings/texts"""
    with profile() as engine:
        return render_template("texts.html", texts=kept.names_of(engine, current().account.id))


def new() -> Response:
    """GET /settings/texts/new"""
    return _page(Form(Text("", "")))


def add() -> Any:
    """POST /settings/texts/new"""
    return _taken("")


def edit(number: str) -> Response:
    """GET /settings/texts/<number>"""
    return _page(Form(_one(number)))


def save(number: str) -> Any:
    """POST /settings/texts/<number>"""
    return _taken(number)


def remove(number: str) -> Any:
    """POST /settings/texts/<number>/remove"""
    me = current()
    with suppress(Gone), profile() as engine:
        kept.remove(engine, me.account.id, number)
    me.cache.forget(_ENTRY)
    flash("The text was removed.")
    return redirect(url_for("texts.show"), 303)


def told(number: str) -> Any:
    """GET /compose/texts/<number>: for a script, which puts it where the caret is."""
    text = _one(number)
    return {"subject": text.subject, "text": text.body}


def names(me: Current) -> list[list[str]]:
    """[id, name] of each, for the menu of a message being written. Never raises: without SQL there is no menu."""
    found = me.cache.recall(_ENTRY)
    if isinstance(found, list):
        return found
    try:
        with profile() as engine:
            found = [list(each) for each in kept.names_of(engine, me.account.id)]
    except ProfileAway:
        return []
    me.cache.remember(_ENTRY, found, seconds=FRESH_SECONDS)
    return found


def inserted(letter: Letter, number: str) -> Letter:
    """The letter with a text put in front of its signature, or of what it quotes. Raises ProfileAway."""
    try:
        text = _one(number)
    except NotFound:
        flash("That text is no longer there. Nothing was changed.", "warning")
        return letter
    subject = letter.subject or text.subject
    if letter.html is not None:
        return replace(letter, subject=subject, html=composed(text.body) + letter.html)
    before, mark, after = letter.text.partition(_SIGN)
    if not mark and letter.origin is not None:
        before, after = "", letter.text
    between = "\n" if before.strip() and not before.endswith("\n") else ""
    return replace(letter, subject=subject, text=f"{before}{between}{text.body}\n{mark}{after}")


def _one(number: str) -> Text:
    try:
        with profile() as engine:
            return kept.read(engine, current().account.id, number)
    except Gone:
        abort(404)


def _taken(number: str) -> Any:
    me, typed = current(), request.form
    text = Text(number, typed.get("name", ""), typed.get("subject", ""), typed.get("text", ""))
    faults = {}
    if not text.name.strip():
        faults["name"] = "Give it a name: you choose it by that."
    for name, value, most in (("name", text.name, NAME), ("subject", text.subject, SUBJECT), ("text", text.body, BODY)):
        if len(value.replace("\r\n", "\n")) > most:
            faults[name] = f"It holds {most:,} characters."
    if not faults:
        try:
            with profile() as engine:
                kept.save(engine, me.account.id, text)
        except ProfileAway:
            return _page(Form(text, {"form": AWAY}), 503)
        except Full:
            return _page(Form(text, {"form": f"You keep {kept.MOST} texts, which is as many as are allowed."}), 507)
        except Gone:
            return _page(Form(replace(text, id=""), {"form": "It was removed meanwhile. Save it to keep it."}), 409)
        me.cache.forget(_ENTRY)
        flash("The text was saved.")
        return redirect(url_for("texts.show"), 303)
    return _page(Form(text, faults), 422)


def _page(form: Form, status: int = 200) -> Response:
    return make_response(render_template("text.html", form=form, longest=BODY), status)
