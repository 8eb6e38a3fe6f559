"""Messages made to hurt, and large ones: an answer in bounded time and memory, the list intact, every worker alive."""

from __future__ import annotations

import base64
import hashlib
import http.client
import re
import time
from collections.abc import Callable
from html import unescape

import pytest

from tests.conftest import MakeAccount
from tests.faults.world import INBOX, Memory, Person, Work, World

pytestmark = pytest.mark.servers

HEAD = b"From: Mallory <mallory@example.org>\r\nTo: alice@one.example\r\nSubject: %b\r\nMIME-Version: 1.0\r\n"
MEGABYTES = 40  # that a worker may grow by for one of these; a worker at rest has 70
SECONDS = 2.0  # of processor time, all pages of one message together


def html(markup: bytes) -> bytes:
    return HEAD % b"Poison" + b"Content-Type: text/html; charset=utf-8\r\n\r\n" + markup + b"\r\n"


def many_headers() -> bytes:
    extra = b"".join(b"X-Header-%d: %b\r\n" % (number, b"v" * 20) for number in range(50_000))
    return HEAD % b"Poison" + extra + b"\r\nshort text\r\n"


def nested_parts(depth: int) -> bytes:
    opening = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (number, number) for number in range(depth)
    )
    closing = b"".join(b"--b%d--\r\n" % number for number in reversed(range(depth)))
    return HEAD % b"Poison" + opening + b"Content-Type: text/plain\r\n\r\ninnermost\r\n" + closing


def many_parts(count: int) -> bytes:
    part = b"--b\r\nContent-Type: image/png; name=x.png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n"
    return HEAD % b"Poison" + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * count + b"--b--\r\n"


def messages_in_messages(depth: int) -> bytes:
    inside = HEAD % b"Poison" + b"Content-Type: message/rfc822\r\n\r\n"
    return inside * depth + HEAD % b"innermost" + b"\r\ntext\r\n"


def many_addresses() -> bytes:
    to = b",\r\n ".join(b'"Name %d" <someone%d@example.org>' % (number, number) for number in range(8_000))
    return HEAD % b"Poison" + b"Cc: " + to + b"\r\n\r\ntext\r\n"


POISON: dict[str, Callable[[], bytes]] = {
    "12,000 nested div": lambda: html(b"<div>" * 12_000),
    "unclosed everything": lambda: html(b"<table><tr><td><b><i><font color=red>" * 3_000 + b"x"),
    "one long attribute": lambda: html(b'<a href="https://a.example/' + b"a" * 900_000 + b'">x</a>'),
    "style of 400 kB": lambda: html(b"<style>" + b"a{color:red;}" * 30_000 + b"</style><p>x"),
    "50,000 headers": many_headers,
    "subject of 1 MB": lambda: HEAD % (b"Poison " + b"\r\n ".join([b"=?utf-8?q?=E2=82?="] * 50_000)) + b"\r\ntext\r\n",
    "8,000 addresses": many_addresses,
    "1,000 nested parts": lambda: nested_parts(1_000),
    "5,000 parts": lambda: many_parts(5_000),
    "300 messages in each other": lambda: messages_in_messages(300),
    "a line of 3 MB": lambda: HEAD % b"Poison" + b"\r\n" + b"a@b.example " * 250_000 + b"\r\n",
}


@pytest.mark.parametrize("name", POISON)
def test_a_poisonous_message_costs_little_and_harms_nothing(world: World, make_account: MakeAccount, name: str):
    mail = make_account(0)
    mail.server.fill(mail.login, [HEAD % b"Before" + b"\r\nx\r\n", POISON[name](), HEAD % b"After" + b"\r\nx\r\n"])
    person = world.person(mail).signed_in()
    person.visitor.get("/settings/sessions")
    memory, work = Memory(world), Work(world)
    listed = person.list()
    assert listed.status == 200
    assert "Before" in listed.text and "After" in listed.text
    path = person.paths()[1]
    page = person.visitor.get(path)
    assert page.status == 200
    for frame in re.findall(r'<iframe[^>]* src="([^"]+)"', page.text):
        assert person.visitor.get(unescape(frame)).status == 200
    for tail in ("/headers", "/raw"):
        assert person.visitor.get(path + tail).status == 200
    spent, grown = work.seconds(), memory.grown()
    print(f"{name}: {spent:.2f} s, {grown:.0f} MB")
    assert spent < SECONDS
    assert grown < MEGABYTES
    assert len(person.visitor.get(f"{path}/eml").body) > 30_000
    assert len(person.paths()) == 3


@pytest.fixture(scope="module")
def hundred_megabytes() -> tuple[bytes, bytes]:
    """A message with a file of 75 MB in base64, and the SHA-256 of the file."""
    piece = hashlib.shake_256(b"file").digest(57 * 1024)
    count = 75 * 1024 * 1024 // len(piece)
    head = HEAD % b"Large" + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n"
    head += b"Content-Type: application/x-data; name=a.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    lines = base64.encodebytes(piece).replace(b"\n", b"\r\n")
    return head + lines * count + b"--b--\r\n", hashlib.sha256(piece * count).digest()


def test_a_message_of_100_mb_goes_through_in_little_memory(
    world: World, make_account: MakeAccount, hundred_megabytes: tuple[bytes, bytes], alice: Person
):
    message, digest = hundred_megabytes
    mail = make_account(0)
    mail.server.fill(mail.login, [message])
    person = world.person(mail).signed_in()
    path = person.paths()[0]
    memory = Memory(world)
    assert person.visitor.get(path).status == 200
    sizes = {"/part/2": digest, "/eml": hashlib.sha256(message).digest()}
    for tail, wanted in sizes.items():
        began = time.monotonic()
        assert received(person, path + tail, alice) == wanted, tail
        print(f"{tail}: {time.monotonic() - began:.1f} s, {memory.grown():.0f} MB")
    assert memory.grown() < MEGABYTES


def received(person: Person, path: str, other: Person) -> bytes:
    """SHA-256 of a download that is read slowly at first, while others go on."""
    host = person.visitor.base.removeprefix("http://")
    line = http.client.HTTPConnection(host, timeout=60)
    cookies = "; ".join(f"{each.name}={each.value}" for each in person.visitor.cookies)
    line.request("GET", path, headers={"Cookie": cookies})
    answer = line.getresponse()
    assert answer.status == 200
    found = hashlib.sha256()
    for turn in range(3):
        found.update(answer.read(1000))
        assert other.visitor.get(INBOX).status == 200, f"while a browser reads slowly, turn {turn}"
    while piece := answer.read(1 << 20):
        found.update(piece)
    line.close()
    return found.digest()
