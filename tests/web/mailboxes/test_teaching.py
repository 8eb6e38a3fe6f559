"""A notice says that the filter learns where it does: by moves into the folder of spam and out of it, but to trash. A
site's own way comes before the settings'."""

from __future__ import annotations

import dataclasses
from itertools import count

import pytest
from flask import Flask
from sqlalchemy import update

from app.directory.account import Account
from app.directory.tables import SiteRow
from app.directory.teaching import Teaching
from app.mail.mailbox import Mailbox
from app.mail.special import Use
from app.store.session import Record
from app.web.mailboxes.teaching import SAID, said, way
from app.web.session import Current

_NUMBERS = count(1)


def box(name: str, use: Use | None) -> Mailbox:
    return Mailbox(name, name, "/", 0, True, use, 0, 0)


BOXES = (box("INBOX", "inbox"), box("Junk", "junk"), box("spam.2026", "junk"), box("Trash", "trash"), box("Shop", None))


def somebody(app: Flask) -> Current:
    """Of site 1, whose way nobody has asked for yet."""
    number = str(next(_NUMBERS))
    record = Record(number, "{}", 0, 0, 0, "", 0, "", "", "")
    return Current(Account(number, "ann@one.example", "1"), record, b"", app.extensions["postern"].redis)


def set_way(app: Flask, **values: str | None) -> None:
    with app.extensions["postern"].directory.engine.begin() as rows:
        rows.execute(update(SiteRow.__table__).values(values))


@pytest.mark.servers
@pytest.mark.parametrize(
    ("source", "target", "judged", "told"),
    [
        ("INBOX", "Junk", True, SAID),
        ("Shop", "spam.2026", False, SAID),
        ("Junk", "Shop", False, SAID),
        ("INBOX", "not there yet", True, SAID),
        ("Junk", "Trash", False, ""),
        ("Junk", "spam.2026", False, ""),
        ("INBOX", "Shop", False, ""),
        ("INBOX", "Trash", False, ""),
    ],
)
def test_moves_that_teach_are_said_to(app: Flask, source: str, target: str, judged: bool, told: str) -> None:
    for learning, expected in (("move", told), ("none", ""), ("address", "")):
        set_way(app, learning=learning)
        with app.app_context():
            assert said(somebody(app), BOXES, source, target, judged=judged) == expected


@pytest.mark.servers
def test_the_site_s_way_comes_first_and_the_settings_hold_where_it_has_none(app: Flask) -> None:
    held = app.extensions["postern"]
    with app.app_context():
        assert way(somebody(app)) == Teaching("none")
        held.settings = dataclasses.replace(held.settings, learning=True)
        assert way(somebody(app)) == Teaching("move")
        me = somebody(app)
        set_way(app, learning="address", learn_spam_to="s@a.example", learn_ham_to="h@a.example")
        assert way(me) == way(me) == Teaching("address", "s@a.example", "h@a.example")
        with held.directory.engine.begin() as rows:
            rows.exec_driver_sql("ALTER TABLE site RENAME TO elsewhere")
        assert way(me).way == "address", "it is remembered"
        assert way(somebody(app)) == Teaching("move"), "while the directory is away, the settings hold"
