"""What somebody writes again and again: texts with a name, to be put into messages."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, delete, func, select

from app.profile.asking import asking, put
from app.profile.errors import Full, Gone
from app.profile.tables import TextRow
from app.profile.words import line, paragraph

_TABLE: Any = TextRow.__table__
_C: Any = _TABLE.c
MOST = 100
NAME, SUBJECT, BODY = 100, 500, 64 * 1024


@dataclass(frozen=True, slots=True)
class Text:
    """`id` is "" for a new one; `subject` is "" for none."""

    id: str
    name: str
    subject: str = ""
    body: str = ""


def names_of(engine: Engine, account_id: str) -> tuple[tuple[str, str], ...]:
    """(id, name) of each, by name. Raises ProfileAway."""
    theirs = select(_C.text_id, _C.name).where(_C.account_id == account_id).order_by(_C.name, _C.text_id).limit(MOST)
    with asking(), engine.connect() as connection:
        return tuple((row.text_id, row.name) for row in connection.execute(theirs))


def read(engine: Engine, account_id: str, text_id: str) -> Text:
    """One of the account's. Raises Gone, ProfileAway."""
    theirs = select(_TABLE).where(_C.account_id == account_id, _C.text_id == text_id)
    with asking(), engine.connect() as connection:
        row = connection.execute(theirs).first()
    if row is None:
        raise Gone(text_id)
    return Text(row.text_id, row.name, row.subject, row.body)


def save(engine: Engine, account_id: str, text: Text) -> Text:
    """Keeps a text, new where its id is "". Raises Full, ProfileAway; Gone for an id that is not the account's."""
    kept = text.id or secrets.token_hex(16)
    with asking(), engine.connect() as connection:
        owner = connection.scalar(select(_C.account_id).where(_C.text_id == kept))
        count = int(connection.scalar(select(func.count()).where(_C.account_id == account_id)) or 0)
    if (text.id and owner is None) or owner not in (None, account_id):
        raise Gone(kept)
    if owner is None and count >= MOST:
        raise Full(f"{count} texts")
    values = {
        "name": line(text.name, NAME),
        "subject": line(text.subject, SUBJECT),
        "body": paragraph(text.body, BODY),
    }
    put(engine, _TABLE, {"text_id": kept, "account_id": account_id}, values)
    return Text(kept, **values)


def remove(engine: Engine, account_id: str, text_id: str) -> None:
    """Forgets a text. Raises Gone, ProfileAway."""
    with asking(), engine.begin() as connection:
        theirs = delete(_TABLE).where(_C.account_id == account_id, _C.text_id == text_id)
        if not connection.execute(theirs).rowcount:
            raise Gone(text_id)
