"""Lines that break inside an answer, at each place where that matters: what is shown is whole, or it is not shown."""

from __future__ import annotations

import base64
import http.client
import random
import re

import pytest

from app.demo.dovecot import Dovecot
from tests.faults.world import INBOX, Person, World, eventually, letter, title, unused
from tests.proxy import Proxy
from tests.scripted import Peer, Scripted

pytestmark = pytest.mark.servers

BROKE = "The connection to your mail server broke"
AWAY = "Your mail server does not answer"
FIRST, LAST = "the-first-words", "the-last-words"
LETTER = letter("Long", FIRST + "\n" + "and so on\n" * 50 + LAST + "\n")
STRUCTURE = b'("TEXT" "PLAIN" ("CHARSET" "utf-8") NIL NIL "7BIT" %d 52 NIL NIL NIL NIL)' % len(LETTER)


def download() -> tuple[bytes, dict[str, int]]:
    """What a server answers to the FETCH of a download, and the offsets at which it is cut."""
    head = b"* 1 FETCH (UID 1 RFC822.SIZE %d BODYSTRUCTURE %b " % (len(LETTER), STRUCTURE)
    head += b"BODY[HEADER.FIELDS (SUBJECT)]<0> {17}\r\nSubject: Long\r\n\r\n"
    mark = b" BODY[]<0> {%d}\r\n" % len(LETTER)
    begin = len(head + mark)
    end = begin + len(LETTER)
    whole = head + mark + LETTER + b")\r\n%t OK done\r\n"
    places = {"nothing came": 0, "inside an item": 30, "inside the mark": begin - 6, "before the literal": begin}
    places |= {"inside the literal": begin + 99, "before its last octet": end - 1, "after the literal": end}
    return whole, places | {"before the tag": end + 3, "inside the tagged line": len(whole) - 9, "before LF": -1}


@pytest.mark.parametrize("place", download()[1])
def test_a_download_is_whole_or_refused_wherever_the_answer_ends(world: World, dovecot: Dovecot, place: str):
    answer, places = download()
    cuts = [0]

    def fetch(peer: Peer, tag: bytes) -> None:
        cuts[0] -= 1
        filled = answer.replace(b"%t", tag)
        peer.send(filled[: places[place]] if cuts[0] >= 0 else filled)
        if cuts[0] >= 0:
            peer.sock.shutdown(2)

    with Scripted({"UID FETCH": fetch}) as server:
        person = world.person(unused(dovecot), port=server.port).signed_in()
        assert person.visitor.get("/mail/INBOX/9/1/eml").body == LETTER
        cuts[0] = 1
        assert person.visitor.get("/mail/INBOX/9/1/eml").body == LETTER, "cut once: read again"
        cuts[0] = 2
        refused = person.visitor.get("/mail/INBOX/9/1/eml")
        assert (refused.status, title(refused)) == (502, BROKE)
        assert FIRST not in refused.text and "attachment" not in refused.headers.get("Content-Disposition", "")
        assert person.visitor.get("/mail/INBOX/9/1/eml").body == LETTER


@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_a_page_shows_the_whole_text_or_none_wherever_the_line_breaks(bob: Person, proxy: Proxy, kind: str):
    bob.mail.append(LETTER)
    path = bob.paths()[0]
    bob.visitor.get(path)  # marks it read, which costs a command more
    with proxy.counting() as usual:
        page = bob.visitor.get(path)
    assert FIRST in page.text and LAST in page.text
    chance, size, told = random.Random(7), usual.received, 0
    for after in [*sorted(chance.sample(range(size - 60), 8)), size - 40, size - 2, size - 1]:
        proxy.fault(kind, after=after)  # type: ignore[arg-type]
        answer = bob.visitor.get(path)
        assert answer.status in (200, 502, 503), f"{answer.status} after {after} of {size}: {title(answer)}"
        if answer.status == 200:
            assert FIRST in answer.text and LAST in answer.text, f"cut after {after} of {size}"
        else:
            told += 1
            assert title(answer) in (BROKE, AWAY) and FIRST not in answer.text
            assert "Try again" in answer.text
        proxy.clear()
        assert bob.list().status == 200
    assert told > 3, "the fault was not met"


@pytest.mark.parametrize("what", ["eml", "part/2", "zip"])
def test_a_download_that_breaks_off_does_not_look_complete(bob: Person, proxy: Proxy, what: str):
    """The headers are sent already: the browser's connection is broken, so that it does not take the file for whole."""
    chance = random.Random(1)
    text = base64.encodebytes(chance.randbytes(2_600_000)).replace(b"\n", b"\r\n")
    bob.mail.append(
        b"Subject: Files\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n"
        b"--b\r\nContent-Type: application/x-data; name=a.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + text
        + b"--b--\r\n"
    )
    path = f"{bob.paths()[0]}/{what}"
    assert len(bob.visitor.get(path).body) > 2_500_000
    for after in (1_500_000, 2_097_400):
        proxy.fault("cut", after=after, once=True)
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            bob.visitor.get(path)
        proxy.clear()
    assert len(bob.visitor.get(path).body) > 2_500_000


def test_a_message_that_shrinks_under_a_download_is_noticed(world: World, dovecot: Dovecot):
    """The server promised more octets than it gives (a broken index does so): never a short file with 200."""
    size = 3_000_000

    def fetch(peer: Peer, tag: bytes) -> None:
        found = re.search(rb"<(\d+)\.1048576>", peer.lines[-1])
        begin = int(found[1]) if found else 0
        piece = b"x" * max(0, min(1_048_576, size - 50_000 - begin))
        items = b"RFC822.SIZE %d BODYSTRUCTURE %b BODY[]<%d> {%d}\r\n" % (size, STRUCTURE, begin, len(piece))
        peer.send(b"* 1 FETCH (UID 1 " + items + piece + b")\r\n" + tag + b" OK done\r\n")

    with Scripted({"UID FETCH": fetch}) as server:
        person = world.person(unused(dovecot), port=server.port).signed_in()
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            person.visitor.get("/mail/INBOX/9/1/eml")


def test_a_list_is_whole_or_not_shown(bob: Person, proxy: Proxy):
    with proxy.counting() as usual:
        assert bob.list().status == 200
    for after in (1, usual.received // 2, usual.received - 1):
        proxy.fault("cut", after=after)
        answer = bob.list()
        assert answer.status in (502, 503) or answer.text.count('data-testid="message-row"') == 5
        proxy.clear()
        eventually(lambda: bob.visitor.get(INBOX).status == 200)
