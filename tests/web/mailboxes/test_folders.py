"""The account's own choice of special folders: it counts at once, and only for what the mail server does not mark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from flask import Flask

from app.demo import directory
from app.demo.dovecot import Dovecot
from app.demo.node import Node
from app.mail.mailbox import MANY, Mailbox
from app.web.mailboxes.folders import _typed
from tests.conftest import MakeAccount, Resident, Site
from tests.mail.boxes import letter
from tests.web.reading.test_mailbox import Reader, said

pytestmark = pytest.mark.servers
PAGE = "/settings/folders"
KEEP = 'Keep "& <here>'


UNMARKED = "namespace inbox {\n  mailbox Archive {\n    special_use =\n    auto = no\n  }\n}\n"


@pytest.fixture(scope="module")
def server(servers_folder: Path) -> Iterator[Dovecot]:
    """A mail server that marks no archive."""
    server = Dovecot(servers_folder / "unmarked", options=UNMARKED).start()
    yield server
    server.stop()


@pytest.fixture
def reader(server: Dovecot, site: Site, make_account: MakeAccount, node: Node) -> Reader:
    mail = make_account(server)
    mail.append(letter("one"))
    mail.append(letter("kept"), mailbox=KEEP)
    resident = Resident(f"{mail.login}@unmarked.example", mail)
    with site.engine.begin() as connection:
        number = directory.put_server(connection, "unmarked", {"imap": server.imap_port})
        directory.put_account(connection, resident.address, mail.login, number)
    return Reader(resident, node)


def choices(page: str) -> dict[str, str]:
    """{use: the chosen folder}"""
    found = re.findall(r'data-testid="special-select" data-use="(\w+)">(.*?)</select>', page, re.DOTALL)
    picked = {use: re.search(r'value="([^"]*)" selected', options) for use, options in found}
    return {use: unescape(match[1]) if match else "" for use, match in picked.items()}


def test_a_folder_that_was_chosen_is_the_archive_from_then_on(reader: Reader) -> None:
    assert choices(reader.page(PAGE)) == {"archive": ""}  # the others are marked by Dovecot
    assert reader.page(PAGE).count('data-testid="special-fixed"') == 4
    form = [("archive", KEEP), ("sent", KEEP)]
    assert reader.send(PAGE, *form, page=PAGE).status == 422  # one folder twice
    assert reader.send(PAGE, form[0], page=PAGE).status == 303
    assert choices(reader.page(PAGE)) == {"archive": KEEP}
    assert "moved to" in said(reader.act("archive", 1)) and reader.exists(KEEP) == 2


def test_what_is_no_folder_is_not_chosen(reader: Reader) -> None:
    for wrong in ("Nowhere", "INBOX", "", "x\r\ny"):
        assert reader.send(PAGE, ("archive", wrong), page=PAGE).status == 303
        assert choices(reader.page(PAGE)) == {"archive": ""}


def test_of_very_many_folders_the_special_ones_are_typed(lone_app: Flask) -> None:
    names = ["INBOX", "a/Mine", "b/Mine", "Old", *(f"box {number}" for number in range(MANY))]
    labels = [(name, name.rpartition("/")[2]) for name in names]
    boxes = tuple(Mailbox(name, label, "/", name.count("/"), True, None, None, None) for name, label in labels)
    with lone_app.test_request_context(PAGE, method="POST", data={"archive": "old", "sent": "a/mine"}):
        assert _typed(boxes) == ({"archive": "Old", "sent": "a/Mine"}, "")
    for wrong in ("Nowhere", "Mine", "INBOX"):  # nobody's, of two, and not to be chosen
        with lone_app.test_request_context(PAGE, method="POST", data={"archive": wrong}):
            assert _typed(boxes) == ({}, wrong)
