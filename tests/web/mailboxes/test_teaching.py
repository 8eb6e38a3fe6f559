"""A notice says that the filter learns where it does: by moves into the folder of spam and out of it, but to trash. A
site's own way comes before the settings'."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from app.directory.tables import SiteRow
from app.directory.teaching import Teaching
from app.mail.mailbox import Mailbox
from app.mail.special import Use
from app.web.mailboxes.teaching import SAID, said, way


def box(name: str, use: Use | None) -> Mailbox:
    return Mailbox(name, name, "/", 0, True, use, 0, 0)


BOXES = (box("INBOX", "inbox"), box("Junk", "junk"), box("spam.2026", "junk"), box("Trash", "trash"), box("Shop", None))


class Remembers(dict[str, Any]):
    """A cache of one account."""

    def recall(self, entry: str) -> Any:
        return self.get(entry)

    def remember(self, entry: str, value: Any, *, seconds: int) -> bool:
        self[entry] = value
        return seconds > 0


def somebody(site: str = "1") -> Any:
    """As far as asking for their way goes."""
    return SimpleNamespace(account=SimpleNamespace(site=site), cache=Remembers())


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
            assert said(somebody(), BOXES, source, target, judged=judged) == expected


@pytest.mark.servers
def test_the_site_s_way_comes_first_and_the_settings_hold_where_it_has_none(app: Flask) -> None:
    held = app.extensions["postern"]
    with app.app_context():
        assert way(somebody()) == Teaching("none")
        held.settings = dataclasses.replace(held.settings, learning=True)
        assert way(somebody()) == Teaching("move")
        me = somebody()
        set_way(app, learning="address", learn_spam_to="s@a.example", learn_ham_to="h@a.example")
        assert way(me) == way(me) == Teaching("address", "s@a.example", "h@a.example")
        with held.directory.engine.begin() as rows:
            rows.exec_driver_sql("ALTER TABLE site RENAME TO elsewhere")
        assert way(me).way == "address", "it is remembered"
        assert way(somebody()) == Teaching("move"), "while the directory is away, the settings hold"
