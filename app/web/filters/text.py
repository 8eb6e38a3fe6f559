"""The script as text, for who knows Sieve: checked by the mail server, with its complaints beside the lines."""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote_plus

from flask import flash, g, make_response, redirect, render_template, request, url_for

from app.mail.difference import Side, sides
from app.mail.errors import MailError
from app.sieve.failures import Away, BadScript, Fault, OverQuota, SieveError, TooLarge
from app.sieve.managesieve import MOST_BYTES, ManageSieve
from app.web.filters import kept
from app.web.filters.door import NoSieve, sieve
from app.web.filters.kept import Changed, Kept
from app.web.filters.passing import Forbidden
from app.web.resources import resources
from app.web.session import Current, current

_BESIDE = 20_000  # bytes of a form that are not the text
AWAY = "The mail server cannot be reached at the moment. What you typed is still here; try again in a while."
FULL = "There is no room for it on the mail server. What you typed is still here; nothing was changed."
LARGE = f"A script may have {MOST_BYTES // 1024:,} KB. What you typed is still here; nothing was changed."
SEEN = "You have signed in again. Nothing is saved yet: look at the script once more, and save it."
ELSEWHERE = "The script was changed elsewhere meanwhile. See both below; yours is not saved yet."


@dataclass(frozen=True, slots=True)
class Form:
    """What the page shows. `faults` are beside the text, `fault` above it; `texts`: mine and the other."""

    text: str
    made: str
    name: str = ""
    faults: tuple[tuple[Fault, str], ...] = ()
    fault: str = ""
    texts: tuple[Side, Side] | None = None
    locked: str = ""


def edit() -> Any:
    """GET /filters/text"""
    me = current()
    try:
        with sieve() as client:
            found = kept.fetched(client)
    except NoSieve:
        return redirect(url_for("filters.show"), 303)
    return _page(Form(shown(found.text), kept.made(me, found), found.name, locked=_locked(found)))


def save() -> Any:
    """POST /filters/text with `text`, `made`, and `do` (save, check)."""
    me, form = current(), request.form
    typed = Form(form.get("text", "").replace("\r\n", "\n"), form.get("made", ""), form.get("name", "")[:200])
    if "resumed" in g:  # a script may forward mail: that is never done by signing in
        return _page(replace(typed, fault=SEEN), 409)
    try:
        with sieve() as client:
            return _saved(client, me, typed, only_check=form.get("do") == "check")
    except NoSieve:
        return redirect(url_for("filters.show"), 303)
    except BadScript as error:
        return _page(replace(typed, faults=beside(error, typed.text)), 422)
    except (SieveError, MailError) as error:
        words, status = unkept(error)
        return _page(replace(typed, fault=words), status)


def unkept(error: SieveError | MailError) -> tuple[str, int]:
    """What is said of a script that the mail server does not keep, and the answer's status."""
    if isinstance(error, OverQuota):
        return FULL, 507
    if isinstance(error, TooLarge):
        return LARGE, 413
    return AWAY, 503 if isinstance(error, (Away, MailError)) else 502


def _saved(client: ManageSieve, me: Current, typed: Form, *, only_check: bool) -> Any:
    found = kept.fetched(client)
    if locked := _locked(found):
        return _page(replace(typed, fault=locked), 409)
    text = written(typed.text, found.text)
    if only_check:
        client.check(text)
        flash("The mail server finds nothing wrong with it. It is not saved yet.")
        return _page(typed)
    if text != found.text or not found.scripts.active:
        try:
            kept.put(client, me, found, typed.made, text, copy=bool(request.form.get("instead")))
        except Forbidden as error:
            return _page(replace(typed, fault=error.words), 422)
        except Changed:
            texts = sides(typed.text, shown(found.text))
            return _page(replace(typed, made=kept.made(me, found), name=found.name, texts=texts, fault=ELSEWHERE), 409)
    flash("The script was saved.")
    return redirect(url_for("filters.show"), 303)


def shown(text: bytes) -> str:
    """A script as a page holds it."""
    return text.decode("utf-8", "replace").replace("\r\n", "\n")


def written(typed: str, before: bytes) -> bytes:
    """What was typed as a script: with the line ends that it had, and untouched where nothing was changed."""
    if typed == shown(before):
        return before
    bare = b"\n" in before and b"\r\n" not in before
    return typed.replace("\n", "\n" if bare else "\r\n").encode("utf-8", "replace")


def _locked(found: Kept) -> str:
    """Why the text cannot be edited here; "" where it can."""
    if found.foreign_owner:
        return "SOGo writes this script anew each time you change something there. Change your filters there."
    try:
        text = found.text.decode()
    except UnicodeDecodeError:
        return "This script is not in UTF-8, so a browser would change it. Edit it with the program that wrote it."
    if "\0" in text:
        return "This script holds characters that a browser would change."
    if len(quote_plus(text)) > resources().settings.request_bytes - _BESIDE:
        return "This script is too large to be sent by a form. Edit it with the program that wrote it."
    return ""


def beside(error: BadScript, text: str) -> tuple[tuple[Fault, str], ...]:
    """Each complaint with the line that it is about."""
    lines = text.split("\n")
    faults = [
        each for each in error.faults if each.line
    ] or error.faults  # beside them "validation failed" says nothing
    return tuple((each, lines[each.line - 1].strip()[:200] if 0 < each.line <= len(lines) else "") for each in faults)


def _page(form: Form, status: int = 200) -> Any:
    return make_response(render_template("filters/text.html", form=form, most=MOST_BYTES), status)
