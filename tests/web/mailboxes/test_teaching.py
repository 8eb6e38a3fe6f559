"""A notice says that the filter learns where it does: by moves into the folder of spam and out of it, but to trash."""

from __future__ import annotations

import dataclasses

import pytest
from flask import Flask

from app.mail.mailbox import Mailbox
from app.mail.special import Use
from app.web.mailboxes.teaching import SAID, said


def box(name: str, use: Use | None) -> Mailbox:
    return Mailbox(name, name, "/", 0, True, use, 0, 0)


BOXES = (box("INBOX", "inbox"), box("Junk", "junk"), box("spam.2026", "junk"), box("Trash", "trash"), box("Shop", None))


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
def test_moves_that_teach_are_said_to(lone_app: Flask, source: str, target: str, judged: bool, told: str) -> None:
    held = lone_app.extensions["postern"]
    with lone_app.app_context():
        held.settings = dataclasses.replace(held.settings, learning=True)
        assert said(BOXES, source, target, judged=judged) == told
        held.settings = dataclasses.replace(held.settings, learning=False)
        assert said(BOXES, source, target, judged=judged) == ""
