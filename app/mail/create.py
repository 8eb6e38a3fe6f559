"""Makes a mailbox, under the name that the server wants."""

from __future__ import annotations

from app.mail.connection import Connection, quote_mailbox
from app.mail.errors import Refused
from app.mail.listed import decode_name
from app.mail.syntax import named, text


def make(client: Connection, name: str) -> str:
    """Create a mailbox and return its name; "already there" is as good. Raises Refused, OverQuota.

    Where names need a prefix that nothing told of yet (Courier's `INBOX.`), NAMESPACE does (RFC 2342).
    """
    try:
        client.ask(b"CREATE", quote_mailbox(name))
    except Refused as error:
        prefix = b"" if error.code == "ALREADYEXISTS" else _personal_prefix(client)
        full = decode_name(prefix)[0] + name
        if error.code != "ALREADYEXISTS" and (not prefix or name.startswith(decode_name(prefix)[0])):
            raise
        if full != name:
            client.ask(b"CREATE", quote_mailbox(full))
        name = full
    client.ask(b"SUBSCRIBE", quote_mailbox(name))
    return name


def _personal_prefix(client: Connection) -> bytes:
    if not client.has("NAMESPACE"):
        return b""
    for values in named(client.ask(b"NAMESPACE").untagged, b"NAMESPACE"):
        first = values[0][0] if values and isinstance(values[0], list) and values[0] else None
        return text(first[0]) if isinstance(first, list) and first else b""
    return b""
