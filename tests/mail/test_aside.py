"""Files set aside: hidden messages beside their draft, known for its own by their header alone."""

import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from app.mail import aside
from app.mail.draft import read, save, set_aside
from app.mail.flags import FILE, flags_of
from app.mail.listing import page
from app.mail.outgoing import Address, File, Upload, Writing, pieces
from app.mail.part import Place, slices
from tests.mail.boxes import Remembered, Spent, letter, opened

ID, OTHER = "<d@example.org>", "<e@example.org>"
CONTENT = bytes(range(256)) * 300


@pytest.fixture
def client(mail_account):
    with opened(mail_account.server.imap_port, mail_account.login, mail_account.password) as connection:
        yield connection


def upload(name: str = "a.bin") -> File:
    return File(name, "image/png", Upload(io.BytesIO(CONTENT), len(CONTENT)), "one@x")


@pytest.mark.servers
@pytest.mark.parametrize("missing", [(), ("UIDPLUS", "CATENATE")])
def test_a_file_is_found_again_by_the_draft_that_names_it(client, mail_account, missing):
    client.note.capabilities = tuple(each for each in client.note.capabilities if each not in missing)
    file = set_aside(client, "Drafts", upload(), ID)
    at = file.content
    assert FILE.lower() in flags_of(client, [at.uid])[at.uid] if client.select("Drafts") else False
    draft = Writing(Address("", "a@example.org"), text="Hello", files=(file,), message_id=ID)
    saved = save(client, "Drafts", pieces(aside.apart(draft), final=False))
    again = read(client, "Drafts", saved.uidvalidity, saved.uid)
    assert again.files == (file,) and dict(again.state) == {} and again.text == "Hello"
    assert [row.uid for row in page(client, "Drafts", cache=Remembered()).rows] == [saved.uid]

    def lease():
        return opened(mail_account.server.imap_port, mail_account.login, mail_account.password)

    place = Place(at.mailbox, at.uidvalidity, at.uid)
    assert sum(map(len, slices(lease, place, at.section))) == at.size
    whole = save(client, "Drafts", pieces(again, final=False), lease=lease)
    (held,) = read(client, "Drafts", whole.uidvalidity, whole.uid).files
    assert held.content.size == at.size and held.content.section != aside.SECTION


@pytest.mark.servers
def test_only_files_of_the_draft_are_removed(client):
    mine, other = (set_aside(client, "Drafts", upload(), each).content for each in (ID, OTHER))
    validity, _ = mine.uidvalidity, client.append("Drafts", letter("a draft"))
    note = client.select("Drafts")
    aside.remove(client, "Drafts", validity, range(1, 20), ID)
    assert sorted(flags_of(client, range(1, 20))) == [other.uid, other.uid + 1] and note.uidvalidity == validity


@pytest.mark.servers
@pytest.mark.parametrize("keywords", [True, False])
def test_old_files_without_their_draft_are_cleared_and_no_others(client, keywords):
    saved = save(client, "Drafts", pieces(Writing(Address("", "a@example.org"), message_id=ID), final=False))
    flags = aside.FLAGS if keywords else ("\\Seen",)
    for message_id, days in ((OTHER, 9), (OTHER, 30), (ID, 30), (OTHER, 2)):
        made = b"".join(aside.message(File("a", "a/b", b"x"), message_id))  # type: ignore[arg-type]
        client.append("Drafts", made, flags, datetime.now(UTC) - timedelta(days=days))
    client.append("Drafts", letter("An old draft"), ("\\Draft",), datetime.now(UTC) - timedelta(days=90))
    if not keywords:
        client.note.permanentflags = ("\\Seen",)
    client.noop()
    week = (datetime.now(UTC) - timedelta(days=7)).date()
    assert aside.clear(client, "Drafts", before=week) == 2
    left = sorted(flags_of(client, range(1, 20)))
    assert left == [saved.uid, saved.uid + 3, saved.uid + 4, saved.uid + 5]
    spent = Spent(client)
    assert aside.clear(client, "Drafts", before=week - timedelta(days=300)) == 0 and spent.commands == 1


@pytest.mark.servers
def test_what_a_draft_names_that_is_not_its_own_is_told_and_not_taken(client):
    file = set_aside(client, "Drafts", upload("plan.pdf"), OTHER)
    draft = Writing(Address("", "a@example.org"), files=(file,), message_id=ID)
    saved = save(client, "Drafts", pieces(aside.apart(draft), final=False))
    again = read(client, "Drafts", saved.uidvalidity, saved.uid)
    assert again.files == () and again.state == {"gone": "plan.pdf"}


@pytest.mark.parametrize(
    "told",
    ["", "[", "{}", "7", "[7]", '[["1"]]', "[" * 9000, json.dumps([[1, 0, "a", "a/b", 1, "base64", None, None]]),
     json.dumps([[1, 2, "a", "a/b", "1", "base64", None, None]]), json.dumps([[1, 2, 3, "a/b", 1, "7bit", None, None]]),
     json.dumps([[True, 2, "a", "a/b", 1, "7bit", 5, None]])],
)  # fmt: skip
def test_nonsense_in_a_draft_names_no_file(told: str) -> None:
    assert [aside._file("Drafts", row) for row in aside._rows(told)].count(None) == len(aside._rows(told))
