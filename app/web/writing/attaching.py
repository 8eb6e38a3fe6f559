"""A new message with files of others attached: those of one message, or whole messages that were chosen in a list.

They are named and stay where they lie until the first save. Only our own pages may name them: a link in a mail could
else put somebody's files before them, to be sent to whoever wrote it. A link in plain text stands in one of our pages:
so such an address never says to whom the files go.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from flask import flash, request, url_for
from werkzeug.exceptions import BadRequest

from app.mail.connection import Connection
from app.mail.content import names_bcc, passed_on
from app.mail.part import Place, check_section
from app.web.fault import ForeignRequest
from app.web.letter.kept import kept_files, read_place, told_place
from app.web.letter.letter import Letter
from app.web.session import Current
from app.web.writing import beginning

MOST = 50  # messages at once


def address(place: Place, sections: Sequence[str]) -> str:
    """The address of a new message with these parts of a message attached."""
    return url_for("compose.new", attach=f"{told_place(place)}/{','.join(sections)}")


def address_of_whole(mailbox: str, uidvalidity: int, uids: Sequence[int]) -> str:
    """The address of a new message with these messages attached as they are."""
    return url_for("compose.new", attach=[told_place(Place(mailbox, uidvalidity, uid)) for uid in uids])


def begun(client: Connection, me: Current) -> Letter:
    """The message that GET /compose begins. Raises as `beginning.answer` and what follows."""
    if request.args.get("answer"):
        return beginning.answer(client, me)
    return _letter(client, me) if request.args.get("attach") else beginning.empty(me)


def _letter(client: Connection, me: Current) -> Letter:
    """GET /compose?attach=<place>/<sections>, or attach=<place> for whole messages, several times. One command for each
    mailbox, two for whole messages. Raises ForeignRequest, BadRequest, and the tree of app/mail/errors.py."""
    if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        raise ForeignRequest
    wanted: dict[tuple[str, int], dict[int, tuple[str, ...]]] = {}
    for told in request.args.getlist("attach")[:MOST]:
        place, sections = _read(told)
        wanted.setdefault((place.mailbox, place.uidvalidity), {})[place.uid] = sections
    files = [passed_on(client, mailbox, validity, each) for (mailbox, validity), each in wanted.items()]
    whole = {key: [uid for uid, sections in each.items() if not sections] for key, each in wanted.items()}
    if any(names_bcc(client, *key, uids) for key, uids in whole.items() if uids):
        flash(beginning.SHOWS_BCC, "warning")
    return replace(beginning.empty(me), to="", cc="", bcc="", files=kept_files(chain.from_iterable(files)))


def _read(told: str) -> tuple[Place, tuple[str, ...]]:
    where, _, sections = told.partition("/")
    try:
        place = read_place(where)
    except ValueError as error:
        raise BadRequest("no place of a message") from error
    if place is None:
        raise BadRequest("no place of a message")
    return place, tuple(check_section(each) for each in sections.split(",") if each)[:100]
