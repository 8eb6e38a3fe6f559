"""Forwarding by the directory: of accounts that only forward, and where a site's mail servers keep no scripts.

Then the directory alone owns it: a redirect in a script beside it would send everything twice.
"""

from contextlib import suppress
from typing import Any

from sqlalchemy import Connection

from app.directory import edit, forwarding
from app.directory.elsewhere import elsewhere
from app.directory.errors import DirectoryError, Overtaken, ReadOnly
from app.mail.errors import MailError
from app.policy.actions import By
from app.policy.errors import PolicyAway
from app.sieve.failures import SieveError
from app.web.admin import doing
from app.web.away import foreign
from app.web.away.way import NotPut, Standing
from app.web.filters import kept
from app.web.filters.door import NoSieve, sieve
from app.web.resources import resources
from app.web.session import Current, client_address

SEVERAL = "Your administrator set several addresses. Ask them to change that."
THEIRS = "Your administrator set this. Ask them to change it."
QUERIED = "Your provider keeps this setting elsewhere. Change it there."
AWAY = "The directory cannot be reached at the moment. Nothing was changed; try again in a while."
ANEW = "It was changed elsewhere meanwhile. This is how it is now; nothing was changed."


def owns(me: Current) -> bool:
    """Whether the directory forwards an account's mail, or is to. Raises DirectoryError."""
    server = me.account.server
    if me.account.kind != "mailbox":
        return True
    return (server is None or server.sieve is None) and elsewhere(resources().directory, me.account.site).forwards


def standing(me: Current) -> Standing:
    """How the directory has it. Raises DirectoryError."""
    others = _others()
    if resources().directory.query is not None or not me.account.id.isdecimal():
        return Standing((), True, "", fixed=QUERIED, others=others)
    row = _row(me)
    targets = forwarding.stored(row["forward_to"]) if row["kind"] != "mailbox" else ()
    only = row["kind"] == "forward"
    fixed = SEVERAL if len(targets) > 1 else ""
    if not only and not elsewhere(resources().directory, me.account.site).forwards:
        fixed = THEIRS
    return Standing(targets, not only, edit.mark(row), chooses=False, stops=not only, fixed=fixed, others=others)


def put(me: Current, target: str, *, made: str) -> None:
    """Forwards to an address, with "" to none. Raises NotPut."""
    try:
        now = standing(me)
        if now.fixed or not (target or now.stops):
            raise NotPut(now.fixed or "Mail that nobody keeps has to go somewhere.", 422)
        if now.made != made:
            raise NotPut(ANEW, 409)
        row = _row(me)
        columns: dict[str, Any] = {"forward_to": target, "kind": "both" if row["kind"] == "mailbox" else row["kind"]}
        _written(me, row, columns if target else {"forward_to": None, "kind": "mailbox"})
    except ReadOnly:
        raise NotPut("This website may read the directory, and not change it. Ask your administrator.", 403) from None
    except Overtaken:
        raise NotPut(ANEW, 409) from None
    except (DirectoryError, PolicyAway):
        raise NotPut(AWAY, 503) from None


def _written(me: Current, row: edit.Row, columns: edit.Row) -> None:
    """Raises DirectoryError, PolicyAway."""

    def work(rows: Connection) -> list[edit.Change]:
        made = edit.change(rows, "account", row, columns)
        return [made] if made is not None else []

    by = By(me.account.id, me.account.id, me.account.site, client_address())
    doing.done(by, "account", me.account.address, work)


def _row(me: Current) -> dict[str, Any]:
    with doing.directory() as rows:
        row = edit.row_of(rows, "account", int(me.account.id))
    if row is None:
        raise Overtaken("is gone")
    return row


def _others() -> tuple[foreign.Part, ...]:
    """What the script sends on beside it; nothing where that cannot be asked."""
    with suppress(NoSieve, SieveError, MailError), sieve() as client:
        return foreign.parts(kept.fetched(client).script, b"redirect", besides=None)
    return ()
