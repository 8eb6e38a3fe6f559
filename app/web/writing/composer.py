"""The page of a message being written, and where one gets to from it."""

import secrets
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import render_template, request, url_for
from werkzeug.datastructures import MultiDict

from app.mail.mailbox import Mailbox
from app.web import carry
from app.web.letter import limit, people, uploads
from app.web.letter.letter import Letter
from app.web.mailboxes import pane, undo
from app.web.mailboxes.place import came_from
from app.web.profile import my_identities
from app.web.resources import resources
from app.web.sending import later
from app.web.session import Current
from app.web.settings import texts
from app.web.settings.preferences import preferences
from app.web.urls import local_path
from app.web.writing import conflict, copies

LIST = "list"  # the field that keeps it
HEADINGS = {"reply": "Reply", "forward": "Forward"}


def page(me: Current, boxes: tuple[Mailbox, ...], letter: Letter, **more: Any) -> Any:
    """The form. `fault`, `warnings`, `faults` by field, `saved`: when; `unsaved`: the server has not what it shows."""
    uploads.name_lost([each.name for each in letter.uploads])  # no page can choose a file by itself
    letter = letter if letter.turn else replace(letter, turn=f"{secrets.token_hex(8)}.0")
    beside = letter.origin.place.mailbox if letter.origin else letter.draft.mailbox if letter.draft else "INBOX"
    return render_template(
        "compose.html",
        letter=letter,
        conflict=conflict.fresh(),
        identities=my_identities(me),
        people={name: people.chips(me, line, getattr(letter, name)) for name, line in letter.typed().items()},
        kept=[*letter.hidden(), (carry.TOKEN, carry.page_token()), *_kept_list()],
        heading=HEADINGS.get(letter.origin.kind if letter.origin else "", "New message"),
        most=limit.all_files(me),
        each=limit.one_file(me),
        back_url=back(letter),
        copies=copies.keys(me),
        texts=texts.names(me),
        below=letter.origin is not None and letter.origin.kind == "reply" and not preferences(me).above,
        zone=me.zone,
        open_mailbox=pane.opened(boxes, beside) if boxes else None,
        tree=boxes,
        undo=undo.offered(),
        later=later.offers(datetime.now(me.zone)) if resources().post.can_wait else None,
        **{"faults": {}, **more},
    )


def after(letter: Letter) -> str:
    """Where sending and discarding lead: to the list beside the panel, else to the message answered or the inbox."""
    return local_path(request.form.get("next")) or back(replace(letter, draft=None))


def back(letter: Letter) -> str:
    """Where closing leads: to the message that is answered, else to the list of drafts or the inbox."""
    if letter.origin is not None:
        at = letter.origin.place
        return url_for("message.show", mailbox=at.mailbox, uidvalidity=at.uidvalidity, uid=at.uid, **listed())
    return url_for("mailbox.show", mailbox=letter.draft.mailbox if letter.draft else "INBOX")


def listed() -> dict[str, Any]:
    """The list from which the message that is answered was opened: in the address where writing begins, then in the
    form. Only what names a list is read, as strictly as in the list's own address."""
    told = request.form.get(LIST)
    return came_from(None if told is None else MultiDict(parse_qsl(told[:2000])))


def _kept_list() -> list[tuple[str, str]]:
    told = {name: value for name, value in listed().items() if value is not None}
    return [(LIST, urlencode(told))] if told else []
