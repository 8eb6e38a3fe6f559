"""The list of a mailbox, and the poll for new mail.

`show` costs NOOP and one FETCH when rows and folder pane are cached; `changes` costs two round trips to Redis and no
IMAP command. What is done to messages lies in actions.py, its undo in mailboxes/undo.py.
"""

from contextlib import suppress
from typing import cast, get_args

from flask import Response, flash, jsonify, make_response, render_template, request
from redis import ResponseError

from app.mail import listing
from app.mail.errors import MailboxGone, MailError
from app.mail.listing import Page, View
from app.store.notices import Notice, want_watch
from app.web.letter import uploads
from app.web.mailboxes import pane
from app.web.mailboxes.place import DESCENDING, list_name, order
from app.web.mailboxes.undo import offered, undo
from app.web.reading.actions import act
from app.web.resources import resources
from app.web.session import Current, NotSignedIn, current, imap

__all__ = ["act", "changes", "show", "undo"]

ASK_SECONDS = 10  # between two times of saying that an account is polled, and of asking for its watcher


def show(mailbox: str) -> str:
    """GET /mail/<mailbox>/?page=&q=&sort=&view=; `sort` with a minus in front turns the order round."""
    me = current()
    settings = resources().settings
    sort, descending = order(request.args.get("sort", ""))
    view, name = request.args.get("view", "all"), list_name()
    try:
        with imap() as client:
            boxes = pane.folders(client, me, shown=name)
            page = listing.page(
                client,
                mailbox,
                number=_number(request.args.get("page", "")),
                per_page=settings.per_page,
                sort=sort,
                descending=descending,
                view=cast(View, view) if view in get_args(View) else "all",
                query=request.args.get("q"),
                recipients=pane.opened(boxes, mailbox).use in ("sent", "drafts"),
                search_seconds=settings.search_seconds,
                cache=me.cache,
                name=name,
            )
            if pane.opened(boxes, mailbox).use == "drafts":
                uploads.clear_old(client, me, mailbox)
    except MailboxGone:
        pane.drop(me)
        raise
    if page.sort != sort:
        flash("This mail server cannot sort so many messages; they stand as they arrived.", "warning")
    return render_template(
        "mailbox.html",
        page=page,
        open_mailbox=pane.opened(boxes, page.mailbox),
        tree=boxes,
        targets=[box for box in boxes if box.selectable],
        zone=me.zone,
        sort=_parameter(page),
        per_page=settings.per_page,
        undo=offered(),
    )


def _parameter(page: Page) -> str | None:
    """How the order shown stands in an address; None for the usual one."""
    turned = "" if DESCENDING[page.sort] == page.descending else "-"
    return None if (name := turned + page.sort) == "arrival" else name


def _number(text: str) -> int:
    """A page number; absurd ones are the first or the last page."""
    return int(text[:9]) if text.isascii() and text.isdigit() else 1


def changes() -> Response:
    """GET /changes?since=<token>: 204 while nothing is new, else the token and the counts of INBOX. No IMAP command."""
    notice = watched(current())
    if notice is None or str(notice.token) == request.args.get("since"):
        return make_response("", 204)
    return jsonify(token=str(notice.token), unseen=notice.unseen, exists=notice.exists, uidnext=notice.uidnext)


def watched(me: Current) -> Notice | None:
    """The account's last notice of new mail, for who polls: somebody watches from now on. Raises redis.RedisError."""
    with suppress(ResponseError):  # full, or a replica: what is known is told
        if me.redis.set(f"watch-asked:{me.account.id}", b"1", ex=ASK_SECONDS, nx=True) and want_watch(
            me.redis, me.account.id
        ):
            _ask_for_watcher(me)
    return pane.noticed(me)


def _ask_for_watcher(me: Current) -> None:
    """Without one, new mail is seen with the next page: no reason to fail the poll."""
    try:
        resources().borrower.watch(me.login())
    except (MailError, NotSignedIn, OSError):
        return
