"""Forms of writing that are not what our pages make: other headers, other people's places, bodies without an end."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from email import message_from_bytes
from urllib.parse import urlencode

import pytest

from tests.faults.test_writing import eventually_taken, form, lying, taken
from tests.faults.world import Memory, Person, World, title

pytestmark = pytest.mark.servers

BREAK = "\r\nX-Injected: yes\r\n\r\nbody"


def stored(person: Person) -> list[bytes]:
    """All drafts as they lie there."""
    return [person.visitor.get(f"{path}/eml").body for path in person.paths("/mail/Drafts/")]


def not_injected(*raw: bytes) -> None:
    for each in raw:
        message = message_from_bytes(each)
        assert all(part["X-Injected"] is None for part in message.walk())
        assert not re.search(rb"^X-Injected", each.partition(b"\r\n\r\n")[0], re.MULTILINE)


@pytest.mark.parametrize(
    "name", ["origin", "draft", "file", "when", "turn", "signed", "html", "next", "action", "lost"]
)
def test_no_hidden_field_writes_a_header_or_breaks_the_page(world: World, alice: Person, name: str):
    begun = form(alice, f"Hidden {name}") | {"action": "save"}
    for value in (
        BREAK,
        f"reply INBOX.1.1{BREAK}",
        json.dumps([f"INBOX.1.1{BREAK}", "1", BREAK, BREAK, 5, BREAK, BREAK, BREAK]),
    ):
        answer = alice.visitor.post("/compose", {**begun, name: value})
        assert answer.status in (303, 400, 404, 409, 422), title(answer)
        assert "X-Injected" not in dict(answer.headers)
    not_injected(*stored(alice))


@pytest.mark.parametrize("header", ["filename", "type"])
def test_a_file_of_a_form_brings_no_header_of_its_own(world: World, alice: Person, header: str):
    begun = form(alice, f"File {header}", action="save")
    name, kind = (
        ("a%0D%0AX-Injected: yes", "text/plain") if header == "filename" else ("a.txt", 'text/plain; x="\\\r\\\n"')
    )
    fields = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in begun.items()
    )
    file = (
        f'--b\r\nContent-Disposition: form-data; name="upload"; filename="{name}"\r\nContent-Type: {kind}\r\n\r\nx\r\n'
    )
    answer = alice.visitor._ask(
        "/compose",
        f"{fields}{file}--b--\r\n".encode(),
        {"Origin": alice.visitor.base, "Content-Type": "multipart/form-data; boundary=b"},
    )
    assert answer.status in (303, 400), title(answer)
    not_injected(*stored(alice))


@pytest.mark.parametrize("field", ["name", "reply_to", "address", "signature_text", "signature_html"])
def test_no_field_of_an_identity_writes_a_header_into_what_is_sent(world: World, alice: Person, field: str):
    page = alice.visitor.get("/settings/identities").text
    own = next(path for path in re.findall(r'"(/settings/identities/[^"/]+)"', page) if not path.endswith("new"))
    typed = {"csrf_token": alice.visitor.token(own), "name": "Alice", "reply_to": "", "is_default": "1"}
    answer = alice.visitor.post(own, {**typed, field: f"a@one.example{BREAK}"})
    assert answer.status in (303, 422), title(answer)
    subject = f"As {field}"
    assert alice.visitor.post("/compose", form(alice, subject)).status == 303
    (mail,) = eventually_taken(world, subject)
    not_injected(mail.content)
    assert mail.sender == alice.address


def test_a_form_cannot_name_what_lies_in_another_account(world: World, alice: Person, carol: Person):
    (theirs, *_) = carol.paths()
    validity, uid = theirs.split("/")[3:5]
    told = json.dumps([f"INBOX.{validity}.{uid}", "1", "theirs.txt", "text/plain", 10, "7bit", None, None])
    answer = alice.visitor.post("/compose", form(alice, "Theirs", file=told, action="save"))
    assert answer.status in (303, 400, 409), title(answer)
    assert not any(carol.mail.login.encode() in each for each in stored(alice))


def raw(world: World, head: str, *, body: Callable[[socket.socket], None]) -> bytes:
    """What a node answers to bytes that no browser sends."""
    host = f"127.0.0.1:{world.node.port}"
    with socket.create_connection(("127.0.0.1", world.node.port), timeout=30) as line:
        line.sendall(f"POST /compose HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n{head}\r\n".encode())
        with suppress(OSError):  # it hangs up as soon as it has seen enough
            body(line)
        try:
            return line.recv(4096)
        except OSError:
            return b""


def cookie(person: Person) -> str:
    return "; ".join(f"{each.name}={each.value}" for each in person.visitor.cookies)


@pytest.mark.parametrize("signed_in", [True, False])
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b"])
def test_a_body_without_an_end_costs_little(world: World, alice: Person, kind: str, signed_in: bool):
    memory, began = Memory(world), time.monotonic()
    sent = 0

    def endless(line: socket.socket) -> None:
        nonlocal sent
        piece = b"%x\r\n" % 65536 + b"x" * 65536 + b"\r\n"
        while time.monotonic() - began < 20 and sent < 300_000_000:
            line.sendall(piece)
            sent += len(piece)

    head = f"Transfer-Encoding: chunked\r\nContent-Type: {kind}\r\n"
    answer = raw(world, head + (f"Cookie: {cookie(alice)}\r\n" if signed_in else ""), body=endless)
    assert sent < 200_000_000, "the whole of it was read"
    assert not answer or answer.split()[1] in (b"400", b"401", b"408", b"411", b"413"), answer[:200]
    assert memory.grown() < 80
    assert alice.list().status == 200


def test_a_body_that_says_it_is_huge_is_refused_unread(world: World, alice: Person):
    head = (
        f"Content-Length: 99999999999\r\nContent-Type: multipart/form-data; boundary=b\r\nCookie: {cookie(alice)}\r\n"
    )
    began = time.monotonic()
    answer = raw(world, head, body=lambda line: line.sendall(b"--b\r\n"))
    assert answer.split()[1] == b"413" and time.monotonic() - began < 10


def test_ten_thousand_fields_and_files_are_told_to_be_too_many(world: World, alice: Person):
    begun = form(alice, "Many fields", action="save")
    many = [*begun.items(), *(("file", "[]") for _ in range(10_000))]
    answer = alice.visitor.post("/compose", many)
    assert answer.status in (400, 413), title(answer)
    parts = "".join(f'--b\r\nContent-Disposition: form-data; name="x{number}"\r\n\r\n\r\n' for number in range(10_000))
    answer = alice.visitor._ask(
        "/compose",
        f"{parts}--b--\r\n".encode(),
        {"Origin": alice.visitor.base, "Content-Type": "multipart/form-data; boundary=b"},
    )
    assert answer.status == 413 and stored(alice) == []
    assert urlencode(begun) and not taken(world, "Many fields") and not lying(alice)
