"""What saving a draft costs in IMAP: the text travels, what is attached stays where it is."""

from __future__ import annotations

import base64
import re
from html import unescape

import pytest

from tests.budgets.conftest import Counted
from tests.proxy import Counts

pytestmark = pytest.mark.servers

TEXT = "A letter of some length.\n" * 40
_FIELD = re.compile(r'<input type="(?:hidden|checkbox)" name="([^"]+)" value="([^"]*)"')


def draft_with(octets: int) -> bytes:
    """A draft with one file."""
    lines = base64.encodebytes(b"\0" * octets).replace(b"\n", b"\r\n")
    head = (
        "From: alice@one.example\r\nTo: bob@two.example\r\nSubject: Plans\r\nMessage-ID: <draft@one.example>\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nBegun\r\n"
        '--b\r\nContent-Type: application/pdf; name="plans.pdf"\r\nContent-Transfer-Encoding: base64\r\n'
        'Content-Disposition: attachment; filename="plans.pdf"\r\n\r\n'
    )
    return head.encode() + lines + b"\r\n--b--\r\n"


class Draft:
    """A draft that is open in a browser and saves itself."""

    def __init__(self, counted: Counted, octets: int, *, hidden: bytes = b"") -> None:
        self.counted = counted
        counted.proxy.hidden = hidden
        counted.mail.server.fill(counted.mail.login, [draft_with(octets)], mailbox="Drafts", flags="\\Draft \\Seen")
        counted.sign_in()
        page = counted.visitor.get("/mail/Drafts/").text
        found = re.search(r"/mail/Drafts/(\d+)/(\d+)", page)
        assert found
        self.fields = self._read(counted.visitor.get(f"/drafts/{found[1]}/{found[2]}").text)

    @staticmethod
    def _read(page: str) -> dict[str, str]:
        return {name: unescape(value) for name, value in _FIELD.findall(page)}

    def save(self, text: str) -> Counts:
        """One autosave, and what it cost."""
        form = {**self.fields, "to": "bob@two.example", "subject": "Plans", "text": text, "action": "save"}
        with self.counted.proxy.counting() as cost:
            answer = self.counted.visitor.post("/compose", form, {"X-Postern-Fragment": "saved"})
        assert answer.status == 200, answer.text[:500]
        self.fields |= self._read(answer.text)
        return cost


@pytest.mark.parametrize("hidden", [b"", b"CATENATE"])
def test_an_autosave_with_20_mb_attached_moves_the_text_alone(counted: Counted, hidden: bytes) -> None:
    draft = Draft(counted, 20_000_000, hidden=hidden)
    first = draft.save(TEXT)
    assert (first.sent > 20_000_000) is bool(hidden)  # without CATENATE each file is set aside, once
    for number in range(3):
        cost = draft.save(TEXT + str(number))
        if cost.logins:  # a keeper that has no processor for a quarter of a second is left aside for that one request
            cost = draft.save(f"{TEXT}{number} again")
        assert cost.logins == 0 and len(cost.commands) <= 4, cost.commands
        assert cost.received <= 2048, cost.received
        assert cost.sent <= len(TEXT) + 3000, cost.sent


def test_after_many_saves_there_is_one_copy_with_its_file(counted: Counted) -> None:
    draft = Draft(counted, 100_000)
    for number in range(12):
        draft.save(f"Version {number}\n")
    page = counted.visitor.get("/mail/Drafts/").text
    (uid,) = set(re.findall(r'data-uid="(\d+)"', page))
    validity = re.findall(r"/mail/Drafts/(\d+)/", page)[0]
    shown = counted.visitor.get(f"/drafts/{validity}/{uid}").text
    assert "Version 11" in shown and "plans.pdf" in shown
    whole = counted.visitor.get(f"/mail/Drafts/{validity}/{uid}/eml").body
    assert base64.encodebytes(b"\0" * 100_000).replace(b"\n", b"\r\n").strip() in whole
