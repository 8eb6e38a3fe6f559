"""Copies that a browser keeps of what was typed and is not saved yet: the names and keys that they are sealed with.

Both come from the server's secret and the account, so that any node can tell them and only pages of that account hold
them: who signs out leaves nothing readable behind. What is saved needs no copy.
"""

import base64
import hmac
from typing import Any

from app.mail.connection import Connection
from app.mail.versions import latest
from app.mail.writing import Writing
from app.store.seal import derive
from app.web.letter.letter import Letter
from app.web.resources import resources
from app.web.sending import outbox
from app.web.session import Current, current

UNSAVED = "unsaved"  # a field of the form that signs out: copies are there, and are not to be cleared away


def show() -> Any:
    """GET /compose/copies: for a page that found copies in its browser."""
    return {"copies": keys(current())}


def keys(me: Current) -> str:
    """`name:key` of the account, for each of the server's secrets, the present one first."""
    return " ".join(_pair(secret, me.account.id) for secret in resources().ring.secrets)


def _pair(secret: bytes, account_id: str) -> str:
    name = hmac.digest(derive(secret, "names of copies"), account_id.encode(), "sha256").hex()[:16]
    key = derive(secret, f"copies of {account_id}")
    return f"{name}:{base64.b64encode(key).decode()}"


def known(client: Connection, me: Current, mailbox: str, letter: Letter, writing: Writing) -> bool:
    """Whether these very words were saved or sent. Raises the tree of app/mail/errors.py."""
    words, sent = outbox.words(writing), outbox.sent_before(me, letter)
    if sent is not None and sent.letter.words == words:
        return True
    version = latest(client, mailbox, letter.message_id)
    return version is not None and outbox.words(version.writing) == words


def cleared(form: Any) -> str:
    """Clear-Site-Data for who signs out: everything, but for what was typed and never saved."""
    return '"cache"' if form.get(UNSAVED) else '"cache", "storage"'
