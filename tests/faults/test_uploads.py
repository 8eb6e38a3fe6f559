"""Files put on the mail server while a message is written: whole or not at all, one's own, seen in no list."""

from __future__ import annotations

import base64
import email
import json
import re
import select
import socket
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from html import unescape
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from imapclient import IMAPClient
from sqlalchemy import update

from app.demo.pymap import Pymap
from app.directory.tables import ServerRow
from app.mail.flags import FILE
from app.web.letter.limit import BESIDE
from tests.conftest import MailAccount, MakeAccount
from tests.faults.test_writing import FRIEND, fields
from tests.faults.world import Memory, Person, World, eventually, letter, title, toasts
from tests.proxy import Proxy
from tests.smtpsink import Sink
from tests.visitor import Answer

pytestmark = pytest.mark.servers

_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
_KEPT = re.compile(r'<input type="checkbox" name="file" value="([^"]*)"')


def put(person: Person, form: Mapping[str, str], content: bytes, **about: str) -> Answer:
    """One file of the message that `form` is."""
    named = {"name": "plan.pdf", "type": "application/pdf", "message_id": form["message_id"], "draft": "", **about}
    return person.visitor.put(f"/compose/files?{urlencode(named)}", content, {"X-CSRFToken": form["csrf_token"]})


def fields_of(answer: Answer) -> dict[str, str]:
    """The hidden fields of the answer to a script's save."""
    return {name: unescape(value) for name, value in _HIDDEN.findall(answer.text)}


def kept(answer: Answer) -> list[str]:
    """The files of an answer as the form names them."""
    return [unescape(each) for each in _KEPT.findall(answer.text)]


def lying(person: Person) -> list[tuple[bytes, list[bytes]]]:
    """(source, flags) of all that lies in Drafts, hidden or not."""
    with IMAPClient("127.0.0.1", person.mail.server.imap_port, ssl=False) as client:
        client.login(person.mail.login, person.mail.password)
        if not client.folder_exists("Drafts"):
            return []
        client.select_folder("Drafts", readonly=True)
        told = client.fetch(client.search(), ["FLAGS", "BODY.PEEK[]"]).values() if client.search() else ()
        return [(each[b"BODY[]"], list(each[b"FLAGS"])) for each in told]


def save(person: Person, form: Mapping[str, str], *files: str, action: str = "save", **more: str) -> Answer:
    body = [*form.items(), *(("file", each) for each in files), ("text", "Words"), ("to", FRIEND), ("subject", "S")]
    body += more.items()
    headers = {"X-Postern-Fragment": "saved"} if action == "save" else {}
    return person.visitor.post("/compose", [*body, ("action", action)], headers)


def test_a_file_lies_hidden_beside_the_draft_until_a_save_takes_it_in(world: World, alice: Person):
    content = bytes(range(256)) * 1000
    form = fields(alice.visitor.get("/compose"))
    answer = put(alice, form, content)
    assert answer.status == 201 and "plan.pdf" in answer.text, title(answer)
    ((source, flags),) = lying(alice)
    assert FILE.encode() in flags and b"\\Seen" in flags and b"\\Draft" in flags
    assert email.message_from_bytes(source).get_payload(decode=True) == content
    assert "empty" in alice.visitor.get("/mail/Drafts/").text and not alice.paths("/mail/Drafts/")
    saved = save(alice, form, *kept(answer))
    assert saved.status == 200, title(saved)
    ((source, flags),) = lying(alice)
    (attached,) = [part for part in email.message_from_bytes(source).walk() if part.get_filename()]
    assert attached.get_payload(decode=True) == content and FILE.encode() not in flags
    assert attached.get_filename() == "plan.pdf" and attached.get_content_type() == "application/pdf"
    assert len(kept(saved)) == 1 and '"TEXT"' not in kept(saved)[0]


def test_files_of_several_requests_are_sent_with_the_message(world: World, alice: Person):
    form = fields(alice.visitor.get("/compose"))
    files = [kept(put(alice, form, word.encode(), name=f"{word}.txt"))[0] for word in ("one", "two", "three")]
    assert save(alice, form, *files, action="send-anyway").status == 303
    eventually(lambda: [each for each in world.site.smtp.taken if form["message_id"].encode() in each.content])
    (mail,) = [each for each in world.site.smtp.taken if form["message_id"].encode() in each.content]
    parts = [part for part in email.message_from_bytes(mail.content).walk() if part.get_filename()]
    assert [part.get_payload(decode=True) for part in parts] == [b"one", b"two", b"three"]
    eventually(lambda: not lying(alice))


@pytest.fixture
def plain(world: World, make_account: MakeAccount) -> Iterator[Person]:
    """Somebody whose mail server cannot put messages together."""
    mail = make_account(0)
    with Proxy(mail.server.imap_port) as proxy:
        proxy.hidden = b"CATENATE"
        yield world.person(mail, port=proxy.port).signed_in()


def files_of(source: bytes) -> list[bytes]:
    return [part.get_payload(decode=True) for part in email.message_from_bytes(source).walk() if part.get_filename()]


def test_without_catenate_files_stay_set_aside_until_the_form_is_closed(world: World, plain: Person):
    form = fields(plain.visitor.get("/compose"))
    content = bytes(range(256)) * 500
    files = kept(put(plain, form, content))
    for number in range(3):
        answer = save(plain, form, *files, cc=f"n{number}@elsewhere.example")
        assert answer.status == 200, title(answer)
        form, files = form | fields_of(answer), kept(answer)
    hidden = [source for source, flags in lying(plain) if FILE.encode() in flags]
    (draft,) = [source for source, flags in lying(plain) if FILE.encode() not in flags]
    assert len(hidden) == 1 and files_of(draft) == [] and len(draft) < 4000
    (path,) = plain.paths("/mail/Drafts/")
    opened = plain.visitor.get(path.replace("/mail/Drafts/", "/drafts/"))
    assert kept(opened) == files and "plan.pdf" in opened.text
    whole = save(plain, form, *files, whole="1")
    assert whole.status == 200, title(whole)
    ((source, flags),) = lying(plain)
    assert files_of(source) == [content] and FILE.encode() not in flags


def test_without_catenate_a_message_is_sent_with_its_files_and_nothing_is_left(world: World, plain: Person):
    form = fields(plain.visitor.get("/compose"))
    files = [kept(put(plain, form, word.encode(), name=f"{word}.txt"))[0] for word in ("one", "two")]
    answer = save(plain, form, *files)
    form, files = form | fields_of(answer), kept(answer)
    assert save(plain, form, *files, action="send-anyway").status == 303
    eventually(lambda: [each for each in world.site.smtp.taken if form["message_id"].encode() in each.content])
    (mail,) = [each for each in world.site.smtp.taken if form["message_id"].encode() in each.content]
    assert files_of(mail.content) == [b"one", b"two"]
    eventually(lambda: not lying(plain))


def test_a_draft_of_a_stranger_that_names_files_gets_none_of_them(world: World, alice: Person):
    form = fields(alice.visitor.get("/compose"))
    (file,) = kept(put(alice, form, b"mine"))
    _, uidvalidity, uid = json.loads(file)[0].split(".")
    row = quote(json.dumps([[int(uidvalidity), int(uid), "logo.png", "image/png", 4, "base64", None, None]]))
    forged = f"Message-ID: <evil@x.example>\r\nX-Postern-State-files: {row}\r\nSubject: Fill in\r\n\r\ntext\r\n"
    alice.mail.append(forged.encode(), mailbox="Drafts", flags=["\\Draft"])
    (path,) = alice.paths("/mail/Drafts/")
    opened = alice.visitor.get(path.replace("/mail/Drafts/", "/drafts/"))
    assert opened.status == 200 and kept(opened) == [] and "logo.png" in toasts(opened)


def test_a_file_taken_off_before_a_save_is_gone_and_nothing_else_can_be_removed_so(world: World, alice: Person):
    form = fields(alice.visitor.get("/compose"))
    (file,) = kept(put(alice, form, b"one"))
    token = {"X-CSRFToken": form["csrf_token"]}
    other = urlencode({"file": file, "message_id": "<another@one.example>"})
    assert alice.visitor.delete(f"/compose/files?{other}", token).status == 204
    assert len(lying(alice)) == 1
    own = urlencode({"file": file, "message_id": form["message_id"]})
    assert alice.visitor.delete(f"/compose/files?{own}", token).status == 204
    assert lying(alice) == []
    alice.mail.append(b"Subject: a draft of its own\r\n\r\ntext\r\n", mailbox="Drafts", flags=["\\Draft"])
    (path,) = alice.paths("/mail/Drafts/")
    place = f"Drafts.{path.split('/')[3]}.{path.split('/')[4]}"
    forged = urlencode({"file": f'["{place}","TEXT","a","a/b",1,"base64",null,null]', "message_id": form["message_id"]})
    alice.visitor.delete(f"/compose/files?{forged}", token)
    assert len(lying(alice)) == 1


@pytest.mark.parametrize(
    ("about", "name", "kind"),
    [
        ({"name": "../../etc/passwd", "type": "text/html"}, "passwd", "text/html"),
        ({"name": "C:\\x\\photo\u202egpj.exe", "type": "image/png; name=x"}, "photogpj.exe", "image/png"),
        ({"name": "a\r\nX-Injected: yes\r\n\r\n", "type": "a/b\r\nX-Injected: yes"}, "a X-Injected_ yes", None),
        ({"name": "x" * 3000, "type": "y" * 300}, "x" * 180, None),
        ({"name": "", "type": ""}, "file", None),
        ({"name": "mail.eml", "type": "message/rfc822"}, "mail.eml", None),
        ({"name": "m", "type": "multipart/mixed"}, "m", None),
    ],
)
def test_hostile_names_and_types_are_labels_and_nothing_more(
    alice: Person, about: dict[str, str], name: str, kind: str | None
):
    form = fields(alice.visitor.get("/compose"))
    answer = put(alice, form, b"content", **about)
    assert answer.status == 201, title(answer)
    ((source, _),) = lying(alice)
    part = email.message_from_bytes(source)
    assert part.get_filename() == name and part.get_content_type() == (kind or "application/octet-stream")
    assert part["X-Injected"] is None and part.get_payload(decode=True) == b"content"


def test_without_a_session_a_token_or_a_length_nothing_is_stored(world: World, alice: Person):
    form = fields(alice.visitor.get("/compose"))
    about = urlencode({"name": "a", "message_id": form["message_id"]})
    assert alice.visitor.put(f"/compose/files?{about}", b"x", {}).status == 400
    foreign = {"X-CSRFToken": form["csrf_token"], "Sec-Fetch-Site": "cross-site"}
    assert alice.visitor.put(f"/compose/files?{about}", b"x", foreign).status == 403
    as_form = {"X-CSRFToken": form["csrf_token"], "Content-Type": "multipart/form-data; boundary=b"}
    assert alice.visitor.put(f"/compose/files?{about}", b"--b--", as_form).status == 415
    assert put(alice, form, b"x", message_id="<a@b>\r\nBcc: eve@x.example").status == 400
    assert put(alice, form, b"x", draft="~0d~0a.1.1").status == 400
    assert put(alice, form, b"x", beside="999999999999").status == 413
    assert _raw(alice, form, [b"Transfer-Encoding: chunked"], b"1\r\nx\r\n0\r\n\r\n").startswith(b"HTTP/1.1 411")
    stranger = world.stranger()
    stranger.get("/login")
    refused = stranger.put(f"/compose/files?{about}", b"x", {"X-CSRFToken": stranger.token()})
    assert refused.status == 401
    assert lying(alice) == []


def _raw(person: Person, form: Mapping[str, str], head: list[bytes], body: bytes) -> bytes:
    """A PUT written by hand; what comes back, at most."""
    host, _, port = person.visitor.base.removeprefix("http://").partition(":")
    about = urlencode({"name": "a", "message_id": form["message_id"]})
    cookies = "; ".join(f"{each.name}={each.value}" for each in person.visitor.cookies)
    lines = [
        f"PUT /compose/files?{about} HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {cookies}\r\n".encode(),
        f"X-CSRFToken: {form['csrf_token']}\r\nSec-Fetch-Site: same-origin\r\n".encode(),
        b"Content-Type: application/octet-stream\r\nConnection: close\r\n",
        *(each + b"\r\n" for each in head),
        b"\r\n",
    ]
    with socket.create_connection((host, int(port)), timeout=10) as sock:
        sock.sendall(b"".join(lines) + body)
        sock.shutdown(socket.SHUT_WR)
        found = b""
        while piece := sock.recv(65536):
            found += piece
    return found


def test_a_browser_that_hangs_up_leaves_nothing_behind(world: World, alice: Person):
    form = fields(alice.visitor.get("/compose"))
    answer = _raw(alice, form, [b"Content-Length: 3000000"], b"x" * 2_000_000)
    assert not answer.startswith(b"HTTP/1.1 2")
    assert lying(alice) == []
    assert put(alice, form, b"whole").status == 201


def test_a_fourth_upload_at_once_is_told_to_come_again(world: World, alice: Person):
    form = fields(alice.visitor.get("/compose"))
    sockets = [_begun(alice, form) for _ in range(4)]
    try:
        (refused,), _, _ = select.select(sockets, [], [], 10)
        answer = refused.recv(65536)
        assert answer.startswith(b"HTTP/1.1 429") and b"\r\nRetry-After: " in answer
        again = put(alice, form, b"x")
        assert again.status == 429 and "Three files" in title(again)
        assert select.select([each for each in sockets if each is not refused], [], [], 0.2)[0] == []
    finally:
        for each in sockets:
            each.close()
    eventually(lambda: put(alice, form, b"x").status == 201)
    assert len(lying(alice)) == 1


def _begun(person: Person, form: Mapping[str, str]) -> socket.socket:
    """An upload whose browser has sent a part of it."""
    host, _, port = person.visitor.base.removeprefix("http://").partition(":")
    about = urlencode({"name": "a", "message_id": form["message_id"]})
    cookies = "; ".join(f"{each.name}={each.value}" for each in person.visitor.cookies)
    sock = socket.create_connection((host, int(port)), timeout=10)
    sock.sendall(
        f"PUT /compose/files?{about} HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {cookies}\r\n"
        f"X-CSRFToken: {form['csrf_token']}\r\nSec-Fetch-Site: same-origin\r\nContent-Length: 2000000\r\n"
        "Content-Type: application/octet-stream\r\n\r\n".encode()
        + b"x" * 100_000
    )
    return sock


def test_the_submission_servers_limit_is_told_before_anything_is_sent(world: World, make_account: MakeAccount):
    person = world.person(make_account(0))
    with Sink({}, options={"data_size_limit": 500_000}) as small:
        with world.site.engine.begin() as connection:
            here = update(ServerRow).where(ServerRow.name == person.server)
            connection.execute(here.values(submission_port=small.port))
        person.signed_in()
        most = (500_000 - BESIDE) * 57 // 78
        eventually(lambda: f'data-most="{most}"' in person.visitor.get("/compose").text)
        form = fields(person.visitor.get("/compose"))
        assert put(person, form, b"x" * (most + 1)).status == 413
        assert put(person, form, b"x" * 9, beside=str(most)).status == 413
        files = [kept(put(person, form, b"x" * most))[0], *kept(put(person, form, b"y" * most))]
        answer = save(person, form, *files, action="send-anyway")
        assert answer.status == 413 and "can be sent" in answer.text and "The draft is kept" in answer.text
        assert small.taken == [] and len(lying(person)) == 1


def test_a_large_file_passes_through_without_being_held(world: World, alice: Person):
    form = fields(alice.visitor.get("/compose"))
    put(alice, form, b"warm")
    memory = Memory(world)
    content = b"\0" * 25_000_000
    answer = put(alice, form, content, name="large.bin")
    assert answer.status == 201, title(answer)
    assert memory.grown() < 8
    source = max((each for each, _ in lying(alice)), key=len)
    assert source.count(base64.b64encode(b"\0" * 57)) == 25_000_000 // 57


def attaching(opened: Answer) -> str:
    """Where "Attach to a new message" leads."""
    found = re.search(r'href="([^"]+)" data-testid="attach-to-new"', opened.text)
    assert found
    return unescape(found[1])


def test_files_of_a_message_are_attached_to_a_new_one_without_being_moved(world: World, alice: Person):
    made = EmailMessage()
    made["Subject"], made["From"], made["Message-ID"] = "Two plans", "bob@x.example", "<two@x.example>"
    made.set_content("text")
    for name in ("one.pdf", "two.pdf"):
        made.add_attachment(name.encode() * 50, maintype="application", subtype="pdf", filename=name)
    alice.mail.append(made.as_bytes().replace(b"\n", b"\r\n"))
    path = alice.paths()[0]
    url = attaching(alice.visitor.get(path))
    opened = alice.visitor.get(url)
    assert opened.status == 200 and ["one.pdf" in each or "two.pdf" in each for each in kept(opened)] == [True, True]
    assert alice.visitor.get(url, {"Sec-Fetch-Site": "cross-site"}).status == 403
    assert alice.visitor.get(url.replace("INBOX.1", "INBOX.2")).status == 409
    assert alice.visitor.get("/compose?attach=INBOX").status == 400
    form = fields(opened)
    assert save(alice, form, *kept(opened)).status == 200
    ((source, _),) = lying(alice)
    assert files_of(source) == [b"one.pdf" * 50, b"two.pdf" * 50]


def test_chosen_messages_are_forwarded_as_they_are(world: World, alice: Person):
    for subject in ("First", "Second", "Third"):
        alice.mail.append(letter(subject))
    third, _, first = alice.paths()[:3]
    answer = alice.act("forward", first, third)
    assert answer.status == 303
    opened = alice.visitor.follow(answer)
    assert [json.loads(each)[2:4] for each in kept(opened)] == [
        ["First.eml", "message/rfc822"],
        ["Third.eml", "message/rfc822"],
    ]
    assert save(alice, fields(opened), *kept(opened)).status == 200
    ((source, _),) = lying(alice)
    inside = [part for part in email.message_from_bytes(source).walk() if part.get_content_type() == "message/rfc822"]
    assert [part.get_payload(0)["Subject"] for part in inside] == ["First", "Third"]
    many = alice.act("forward", *(f"{first.rpartition('/')[0]}/{number}" for number in range(1, 60)))
    assert "At most 50" in toasts(alice.visitor.follow(many))


def test_files_that_no_draft_names_are_cleared_when_drafts_are_listed_a_week_later(world: World, alice: Person):
    old = b"X-Postern-Draft: <gone@one.example>\r\nContent-Type: a/b\r\n\r\nx"
    with IMAPClient("127.0.0.1", alice.mail.server.imap_port, ssl=False) as client:
        client.login(alice.mail.login, alice.mail.password)
        for days in (8, 1):
            client.append("Drafts", old, ["\\Seen", "\\Draft", FILE], datetime.now(UTC) - timedelta(days=days))
    assert alice.paths("/mail/Drafts/") == [] and len(lying(alice)) == 1


def test_of_files_from_several_messages_only_those_are_lost_whose_message_is_gone(world: World, alice: Person):
    alice.mail.append(letter("Original"))
    path = alice.paths()[0]
    form = fields(alice.visitor.get("/compose"))
    mine = kept(put(alice, form, b"mine", name="mine.txt"))
    place = f"INBOX.{path.split('/')[3]}.{path.split('/')[4]}"
    other = f'["{place}","","Original.eml","message/rfc822",10,"7bit",null,null]'
    alice.act("trash", path)
    answer = save(alice, form, *mine, other)
    assert answer.status == 200 and "Original.eml" in toasts(answer) and "mine.txt" not in toasts(answer)
    ((source, _),) = lying(alice)
    assert files_of(source) == [b"mine"]


def test_on_a_server_that_misses_the_folder_only_after_the_file_nothing_is_lost(world: World, servers_folder: Path):
    server = Pymap(servers_folder / "uploads", {"bare": "secret"}).start()
    try:
        person = world.person(MailAccount(server, "bare", "secret"))  # type: ignore[arg-type]
        form = fields(person.signed_in().visitor.get("/compose"))
        answer = put(person, form, bytes(range(256)) * 400)
        assert answer.status == 201, title(answer)
        whole = save(person, form, *kept(answer), whole="1")
        assert whole.status == 200, title(whole)
        ((source, _),) = lying(person)
        assert files_of(source) == [bytes(range(256)) * 400]
    finally:
        server.stop()
