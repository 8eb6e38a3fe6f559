# ruff: noqa: E501  (attacks and answers stand on one line each)
"""Reading on a real node: the page of a message, its frame, files, source, and choices about remote content."""

from __future__ import annotations

import base64
import io
import json
import random
import re
import zipfile
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from html import unescape

import pytest
from redis import Redis
from sqlalchemy import text

from app.demo.node import Node
from tests.conftest import AUTHSERV_ID, Resident
from tests.visitor import Answer, Visitor

pytestmark = pytest.mark.servers

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


TRACKER = '<img src="https://track.example/1.png">'


def letter(subject: str = "Hello", sender: str = "Carol <carol@shop.example>") -> EmailMessage:
    made = EmailMessage()
    made["Subject"], made["From"], made["To"] = subject, sender, "alice@one.example"
    made["Date"] = "Mon, 05 Jan 2026 10:00:00 +0100"
    return made


@pytest.fixture
def reader(node: Node, resident: Resident) -> Reader:
    return Reader(resident, resident.sign_in(node.url))


class Reader:
    """A resident with a browser."""

    def __init__(self, resident: Resident, visitor: Visitor) -> None:
        self.resident, self.visitor = resident, visitor
        self.uids = 0

    def put(self, message: EmailMessage | bytes) -> str:
        """Puts a message into INBOX; returns the path of its page."""
        raw = message if isinstance(message, bytes) else message.as_bytes().replace(b"\n", b"\r\n")
        self.resident.mail.append(raw)
        listed = self.visitor.get("/mail/INBOX/").text
        paths = re.findall(r'href="(/mail/INBOX/\d+/(\d+))(?:\?[^"]*)?"', listed)
        return max(paths, key=lambda found: int(found[1]))[0]

    def page(self, path: str, **headers: str) -> str:
        answer = self.visitor.get(path, headers)
        assert answer.status == 200, f"{answer.status}: {answer.text[:1500]}"
        return answer.text

    def frame(self, page: str) -> Answer:
        address = re.search(r'<iframe[^>]* src="([^"]+)"', page)
        assert address, "no frame in the page"
        return self.visitor.get(unescape(address[1]))

    def choose(self, path: str, choice: str) -> None:
        answer = self.visitor.post(f"{path}/remote", {"choice": choice, "csrf_token": self.visitor.token(path)})
        assert answer.status == 303, answer.text[:500]


def html_letter(html: str, *, confirmed: bool = False, results: str = "", **options: str) -> EmailMessage:
    made = letter(**options)
    if confirmed:
        domain = made["From"].addresses[0].domain
        results = f"{AUTHSERV_ID}; dmarc=pass header.from={domain}"
    if results:
        made["Authentication-Results"] = results
    made.set_content("the plain alternative")
    made.add_alternative(html, subtype="html")
    return made


def test_a_plain_message_shows_who_wrote_when_and_what(reader: Reader):
    made = letter("Grüße")
    made.set_content("Hello <b>you</b>, see https://shop.example/a?b=1\n> quoted\n")
    page = reader.page(reader.put(made))
    assert "Grüße" in page and "carol@shop.example" in page
    assert "Hello &lt;b&gt;you&lt;/b&gt;" in page
    assert '<a href="https://shop.example/a?b=1" target="_blank" rel="noopener noreferrer nofollow">' in page
    assert '<blockquote class="quote">quoted' in page


def test_html_stands_only_in_the_frame_with_its_policy(reader: Reader):
    page = reader.page(reader.put(html_letter("<p>Dear <script>alert(1)</script>reader</p>")))
    assert "Dear" not in page and "the plain alternative" not in page
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
    frame = reader.frame(page)
    assert "<p>Dear reader</p>" in frame.text
    policy = frame.headers["Content-Security-Policy"]
    assert policy == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
    )
    assert frame.headers["Cache-Control"] == "no-store"
    assert frame.headers["Referrer-Policy"] == "no-referrer"
    assert frame.headers["X-Content-Type-Options"] == "nosniff"


def test_by_itself_the_frame_says_who_wrote_to_whom_and_when(reader: Reader):
    made = html_letter("<style>header{display:none}</style><p>Dear reader</p>", subject="5 < 6 & more")
    page = reader.page(reader.put(made))
    address = re.search(r'href="([^"]+alone=1)" target="_blank" rel="noopener"', page)
    assert address
    alone, framed = reader.visitor.get(unescape(address[1])), reader.frame(page)
    assert "<title>5 &lt; 6 &amp; more</title>" in alone.text
    assert "<h1><bdi>5 &lt; 6 &amp; more</bdi></h1>" in alone.text
    assert "<p>From: <bdi>Carol &lt;carol@shop.example&gt;</bdi></p>" in alone.text
    assert "<p>To: " in alone.text and "<p>Date: " in alone.text and "<p>Dear reader</p>" in alone.text
    assert "<p>From: " not in framed.text and "<title>The message</title>" in framed.text
    for name in ("Content-Security-Policy", "Cache-Control", "Referrer-Policy", "X-Content-Type-Options"):
        assert alone.headers[name] == framed.headers[name]


def test_inline_pictures_come_inside_the_frame_and_are_not_listed(reader: Reader):
    made = letter()
    made.set_content("plain")
    made.add_alternative('<img src="cid:logo@x"><img src="cid:missing">', subtype="html")
    made.get_payload()[1].add_related(PNG, "image", "png", cid="<logo@x>", filename="logo.png")
    page = reader.page(reader.put(made))
    assert 'data-testid="attachment"' not in page
    frame = reader.frame(page)
    assert frame.text.count("data:image/png;base64,") == 1


def test_a_picture_that_is_no_picture_stays_out_of_the_frame(reader: Reader):
    made = letter()
    made.set_content("plain")
    made.add_alternative('<img src="cid:logo@x">', subtype="html")
    made.get_payload()[1].add_related(b"<svg onload=alert(1)>", "image", "png", cid="<logo@x>")
    assert "data:" not in reader.frame(reader.page(reader.put(made))).text.split("</style>", 1)[1]


def test_remote_pictures_wait_until_asked_for_once(reader: Reader):
    html = '<img src="http://track.example/1.png"><div style="background:url(https://track.example/2)">x</div>'
    path = reader.put(html_letter(html))
    page = reader.page(path)
    assert 'data-testid="remote-blocked"' in page
    frame = reader.frame(page)
    assert "track.example" not in frame.text and frame.headers["X-Postern-Remote-Blocked"] == "2"
    reader.choose(path, "once")
    page = reader.page(path)
    assert 'data-testid="remote-blocked"' not in page
    frame = reader.frame(page)
    assert 'src="https://track.example/1.png"' in frame.text and "https://track.example/2" in frame.text
    assert "img-src data: https:;" in frame.headers["Content-Security-Policy"]


@pytest.mark.parametrize(("choice", "same", "other"), [
    ("sender", "carol@shop.example", "dave@shop.example"),
    ("domain", "dave@shop.example", "carol@elsewhere.example"),
])  # fmt: skip
def test_remote_pictures_are_shown_always_for_a_sender_or_a_domain(reader: Reader, choice: str, same: str, other: str):
    reader.choose(reader.put(html_letter(TRACKER, confirmed=True)), choice)
    for sender, shown in ((same, True), (other, False)):
        page = reader.page(reader.put(html_letter(TRACKER, confirmed=True, sender=sender)))
        assert ("track.example" in reader.frame(page).text) is shown
        assert ('data-testid="remote-blocked"' in page) is not shown


FORGED = {
    "nobody looked": "",
    "its check failed": f"{AUTHSERV_ID}; dmarc=fail header.from=shop.example",
    "nothing was found": f"{AUTHSERV_ID}; dmarc=none header.from=shop.example; spf=none",
    "another domain was confirmed": f"{AUTHSERV_ID}; dkim=pass header.d=evil.example; spf=pass smtp.mailfrom=evil.example",
    "the sender confirms himself": "mx.evil.example; dmarc=pass header.from=shop.example",
    "in a comment": f"{AUTHSERV_ID}; spf=fail (; dmarc=pass header.from=shop.example) smtp.mailfrom=evil.example",
}


@pytest.mark.parametrize("results", FORGED.values(), ids=list(FORGED))
def test_who_only_claims_to_be_a_chosen_sender_loads_nothing(reader: Reader, results: str):
    confirmed = reader.put(html_letter(TRACKER, confirmed=True))
    reader.choose(confirmed, "sender")
    reader.choose(confirmed, "domain")
    path = reader.put(html_letter(TRACKER, results=results))
    page = reader.page(path)
    assert 'data-testid="remote-blocked"' in page and "track.example" not in reader.frame(page).text
    assert "show-remote-sender" not in page and "show-remote-domain" not in page and "only this once" in page
    for choice in ("sender", "domain"):
        form = {"choice": choice, "csrf_token": reader.visitor.token(path)}
        assert reader.visitor.post(f"{path}/remote", form).status == 400
    reader.choose(path, "once")
    assert "track.example" in reader.frame(reader.page(path)).text


def test_of_two_senders_none_is_the_chosen_one(reader: Reader):
    reader.choose(reader.put(html_letter(TRACKER, confirmed=True)), "domain")
    raw = html_letter(TRACKER, confirmed=True).as_bytes().replace(b"\n", b"\r\n")
    for twice in (b"From: carol@shop.example\r\nFrom:", b"From: evil@evil.example,"):
        page = reader.page(reader.put(raw.replace(b"From:", twice, 1)))
        assert "track.example" not in reader.frame(page).text and "show-remote-sender" not in page


def test_one_persons_choice_is_not_anothers(node: Node, make_resident: Callable[..., Resident]):
    html = '<img src="https://track.example/1.png">'
    first, second = make_resident(), make_resident("bob")
    one, two = Reader(first, first.sign_in(node.url)), Reader(second, second.sign_in(node.url))
    one.choose(one.put(html_letter(html, confirmed=True)), "sender")
    assert "track.example" not in two.frame(two.page(two.put(html_letter(html, confirmed=True)))).text


def test_a_frame_that_another_site_asks_for_loads_nothing_from_outside(reader: Reader):
    path = reader.put(html_letter('<img src="https://track.example/1.png">'))
    reader.choose(path, "once")
    address = unescape(re.search(r'<iframe[^>]* src="([^"]+)"', reader.page(path))[1])  # type: ignore[index]
    frame = reader.visitor.get(address, {"Sec-Fetch-Site": "cross-site"})
    assert "track.example" not in frame.text and "https:" not in frame.headers["Content-Security-Policy"]


def test_only_who_opens_from_our_pages_marks_it_read(reader: Reader):
    made = letter("Unread one")
    made.set_content("x")
    path = reader.put(made)
    seen = 'data-seen="true"'
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Purpose": "prefetch"}):
        assert reader.visitor.get(path, headers).status == 200
        assert seen not in reader.page("/mail/INBOX/")
    assert reader.visitor.head(path).status == 200
    assert seen not in reader.page("/mail/INBOX/")
    reader.page(path)
    assert seen in reader.page("/mail/INBOX/")


def test_html_without_any_text_to_fetch_is_marked_read_too(reader: Reader):
    made = letter("Picture only")
    made.set_content(PNG, "image", "png", cte="base64")
    page = reader.page(reader.put(made))
    assert re.search(r'<img src="/mail/INBOX/\d+/\d+/part/1\?inline=1"', page)
    assert 'data-seen="true"' in reader.page("/mail/INBOX/")


def attached(content: bytes, name: str, kind: str = "application/octet-stream") -> EmailMessage:
    made = letter("With a file")
    made.set_content("see the file")
    made.add_attachment(content, *kind.split("/"), filename=name)
    return made


@pytest.mark.parametrize(("content", "name", "kind"), [
    (b"<script>alert(1)</script>", "page.html", "text/html"),
    (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "drawing.svg", "image/svg+xml"),
    (b"<script>alert(1)</script>", "lying.png", "image/png"),
    (b"%PDF-1.4", "paper.pdf", "application/pdf"),
    (b"<?xml version='1.0'?><x/>", "x.xml", "text/xml"),
])  # fmt: skip
def test_nothing_but_pictures_and_text_is_ever_shown_inline(reader: Reader, content: bytes, name: str, kind: str):
    path = reader.put(attached(content, name, kind))
    for query in ("", "?inline=1"):
        answer = reader.visitor.get(f"{path}/part/2{query}")
        assert answer.status == 200 and answer.body == content
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"].startswith("attachment;")
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'self'; sandbox"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_pictures_are_previewed_by_their_bytes_and_text_as_text(reader: Reader):
    path = reader.put(attached(PNG, "photo.bin", "application/octet-stream"))
    answer = reader.visitor.get(f"{path}/part/2?inline=1")
    assert answer.headers["Content-Type"] == "image/png"
    path = reader.put(attached("<script>ü".encode("latin-1"), "notes.txt", "text/plain"))
    answer = reader.visitor.get(f"{path}/part/2?inline=1")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.text == "<script>ü"
    path = reader.put(attached(b"a,b\r\n1,2\r\n", "table.csv", "text/csv"))
    assert reader.visitor.get(f"{path}/part/2?inline=1").headers["Content-Type"] == "text/plain; charset=utf-8"


def test_a_photo_of_several_megabytes_is_previewed(reader: Reader):
    content = PNG + random.Random(1).randbytes(3_000_000)
    path = reader.put(attached(content, "photo.png", "image/png"))
    answer = reader.visitor.get(f"{path}/part/2?inline=1")
    assert answer.headers["Content-Type"] == "image/png" and answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith("inline;") and answer.body == content


def test_a_file_name_is_a_label_and_never_a_path_or_a_header(reader: Reader):
    raw = attached(b"x", "plain.txt").as_bytes()
    raw = raw.replace(
        b'filename="plain.txt"', b"filename*=utf-8''..%2F..%2Fetc%2Fpa%0D%0ASet-Cookie%3A%20a%22%E2%80%AEgpj.exe"
    )
    path = reader.put(raw.replace(b"\n", b"\r\n"))
    answer = reader.visitor.get(f"{path}/part/2")
    disposition = answer.headers["Content-Disposition"]
    assert (
        "/" not in disposition.replace("UTF-8''", "") and "\u202e" not in disposition and "%E2%80%AE" not in disposition
    )
    assert answer.headers["Set-Cookie"] is None


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "8bit"])
def test_a_file_of_several_slices_arrives_whole(reader: Reader, encoding: str):
    content = b"".join(b"%08d \xe4 line of a file\r\n" % number for number in range(120_000))
    made = letter("Big")
    made.set_content("see")
    made.add_attachment(content, "application", "x-thing", filename="big.bin", cte=encoding)
    path = reader.put(made.as_bytes(policy=made.policy.clone(linesep="\r\n", max_line_length=998)))
    answer = reader.visitor.get(f"{path}/part/2")
    assert answer.body.rstrip(b"\r\n") == content.rstrip(b"\r\n")


def test_all_files_come_as_one_zip_with_names_of_their_own(reader: Reader):
    made = attached(b"one" * 400_000, "a.txt")
    made.add_attachment(b"two", "application", "octet-stream", filename="A.TXT")
    made.add_attachment(b"", "application", "octet-stream", filename="../../empty")
    path = reader.put(made)
    answer = reader.visitor.get(f"{path}/zip")
    assert answer.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a.txt", "A (2).TXT", "_.._empty"]
        assert archive.read("a.txt") == b"one" * 400_000


def test_the_zip_holds_what_is_listed_and_no_picture_that_is_shown_inside(reader: Reader):
    made = letter()
    made.set_content("plain")
    made.add_alternative('<img src="cid:inside@x">', subtype="html")
    made.get_payload()[1].add_related(PNG, "image", "png", cid="<inside@x>", filename="inside.png")
    made.get_payload()[1].add_related(PNG, "image", "png", cid="<unnamed@x>", filename="unnamed.png")
    made.add_attachment(b"x", "application", "pdf", filename="paper.pdf")
    page = reader.page(reader.put(made))
    address = re.search(r'href="([^"]+/zip[^"]*)"', page)
    assert address and page.count('data-testid="attachment"') == 2
    with zipfile.ZipFile(io.BytesIO(reader.visitor.get(unescape(address[1])).body)) as packed:
        assert sorted(packed.namelist()) == ["paper.pdf", "unnamed.png"]


def test_the_message_downloads_as_it_came(reader: Reader):
    raw = attached(b"\x00\xff" * 900_000, "x.bin").as_bytes().replace(b"\n", b"\r\n")
    answer = reader.visitor.get(f"{reader.put(raw)}/eml")
    assert answer.body == raw and answer.headers["Content-Length"] == str(len(raw))
    assert answer.headers["Content-Disposition"] == 'attachment; filename="With a file.eml"'


def test_an_attached_message_opens_as_a_message(reader: Reader):
    inner = html_letter(
        '<p>inner text</p><img src="https://track.example/1">', subject="The inner one", sender="eve@e.example"
    )
    outer = letter("The outer one")
    outer.set_content("see below")
    outer.add_attachment(inner)
    path = reader.put(outer)
    page = reader.page(path)
    assert f'href="{path}?part=2"' in page and "The inner one" in page
    page = reader.page(f"{path}?part=2")
    assert "The inner one" in page and "eve@e.example" in page and "The outer one" not in page.split("<h1", 1)[1]
    frame = reader.frame(page)
    assert "inner text" in frame.text and "track.example" not in frame.text
    assert "eve@e.example" in reader.page(f"{path}/headers?part=2").lower()
    assert reader.visitor.get(f"{path}/eml?part=2").body.startswith(b"Subject: The inner one")
    assert "inner text" in reader.page(f"{path}/raw?part=2")


def test_headers_and_source_are_shown_as_text(reader: Reader):
    made = letter()
    made["X-Odd"] = "<script>alert(1)</script>"
    made.set_content("x" * 300_000)
    path = reader.put(made)
    page = reader.page(f"{path}/headers")
    assert "X-Odd" in page and "&lt;script&gt;" in page and "<script>alert" not in page
    page = reader.page(f"{path}/raw")
    more = re.search(r'href="([^"]+)" data-testid="source-more"', page)
    assert more and "offset=262144" in more[1]
    assert 'data-testid="source-more"' not in reader.page(unescape(more[1]))


def test_an_invitation_is_shown_as_facts_in_text(reader: Reader):
    made = letter("Lunch")
    made.set_content("You are invited")
    calendar = (
        "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:Lunch <img src=x onerror=alert(1)>\r\n"
        "DTSTART;TZID=Europe/Berlin:20260110T120000\r\nLOCATION:https://meet.example/x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    made.add_alternative(calendar, subtype="calendar")
    page = reader.page(reader.put(made))
    assert "2026-01-10 12:00 (Europe/Berlin)" in page and "You are invited" in page
    assert "<img src=x" not in page and 'href="https://meet.example/x"' in page


def test_files_that_lie_too_deep_for_an_address_leave_a_zip_of_the_others(reader: Reader):
    inner = "Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>x\r\n"
    picture = "--b\r\nContent-Type: image/png\r\nContent-ID: <x@x>\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0K\r\n"
    inner += picture * 40 + "--b--\r\n"
    for number in range(60):
        inner = f"Content-Type: multipart/mixed; boundary=b{number}b\r\n\r\n--b{number}b\r\n{inner}--b{number}b--\r\n"
    paper = "--out\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=paper.pdf\r\n\r\nx\r\n"
    head = "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=out\r\n\r\n"
    page = reader.page(reader.put(f"{head}{paper}--out\r\n{inner}--out--\r\n".encode()))
    address = re.search(r'href="([^"]+/zip[^"]*)"', page)
    assert address and page.count('data-testid="attachment"') == 41
    with zipfile.ZipFile(io.BytesIO(reader.visitor.get(unescape(address[1])).body)) as packed:
        assert packed.namelist() == ["paper.pdf"]


@pytest.mark.parametrize("kind", ["pkcs7-mime; smime-type=enveloped-data", "x-pkcs7-mime; smime-type=signed-data"])
def test_what_hides_its_text_inside_says_so_and_is_a_file(reader: Reader, kind: str):
    page = reader.page(reader.put(f"Subject: x\r\nContent-Type: application/{kind}; name=smime.p7m\r\n\r\nx\r\n".encode()))
    assert "(S/MIME)" in page and "has no text" not in page
    assert page.count('data-testid="attachment"') == 1 and "smime.p7m" in page


def test_the_source_is_shown_without_controls(reader: Reader):
    path = reader.put(b"Subject: x\r\n\r\na\x1b[2Jb\x07\r\n")
    assert "a\ufffd[2Jb\ufffd" in reader.page(f"{path}/raw")


def test_what_is_not_there_is_a_clear_page(reader: Reader):
    made = letter()
    made.set_content("x")
    path = reader.put(made)
    for wrong in ("/part/7", "/part/1.1.1", "/zip", "/frame?section=1", "/frame?section=9", "/eml?part=1"):
        assert reader.visitor.get(path + wrong).status == 404, wrong
    for part in ("1", "TEXT", "1.HEADER"):
        assert reader.visitor.get(f"{path}?part={part}").status == 404
    for wrong in (
        "/part/1%0d%0aNOOP",
        "/part/x",
        "/frame?section=1]&",
        "/frame?section=1&pictures=1-99999999",
        "/raw?part=*",
    ):
        assert reader.visitor.get(path + wrong).status == 400, wrong
    mailbox, uidvalidity, uid = path.rsplit("/", 2)
    assert reader.visitor.get(f"{mailbox}/{int(uidvalidity) + 1}/{uid}").status == 409
    assert reader.visitor.get(f"{mailbox}/{uidvalidity}/999999").status == 404


def _broken() -> Iterator[tuple[str, bytes]]:
    yield "nothing", b"\r\n"
    yield "no header", b"just text, no header at all\r\n"
    yield "no boundary", b"Content-Type: multipart/mixed\r\n\r\ntext\r\n"
    yield "empty boundary", b'Content-Type: multipart/mixed; boundary=""\r\n\r\n--\r\n\r\nx\r\n'
    yield "never opened", b"Content-Type: multipart/mixed; boundary=b\r\n\r\nprologue only\r\n"
    yield (
        "never closed",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<b>x\r\n",
    )
    yield "unknown charset", b"Content-Type: text/plain; charset=x-nobody\r\n\r\n\xff\xfe\x00abc\r\n"
    yield "utf-7", b"Content-Type: text/html; charset=utf-7\r\n\r\n+ADw-script+AD4-alert(1)+ADw-/script+AD4-\r\n"
    yield "broken base64", b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!PGI+====A\r\n"
    yield (
        "broken qp",
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=ZZ=\r\n==3\r\n=",
    )
    yield "unknown encoding", b"Content-Type: text/plain\r\nContent-Transfer-Encoding: x-mine\r\n\r\nhello\r\n"
    yield "odd type", b"Content-Type: \xff\xfe/\xfd; charset=\x80\r\n\r\nhello\r\n"
    yield "html as image", b"Content-Type: image/png\r\n\r\n<script>alert(1)</script>\r\n"
    yield (
        "poisoned from",
        b"From: =?utf-8?q?n=0D=0ABcc:_x?= <\xff@\x00>\r\nSubject: =?utf-8?b?\xff?=\r\nDate: nonsense\r\n\r\nx\r\n",
    )
    yield (
        "report",
        (
            b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
            b"Final-Recipient: rfc822; x\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: y\r\n--b--\r\n"
        ),
    )
    yield (
        "digest",
        b"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: one\r\n\r\nx\r\n--b\r\n\r\n--b--\r\n",
    )
    yield (
        "encrypted",
        (
            b"Content-Type: multipart/encrypted; boundary=b\r\n\r\n--b\r\nContent-Type: application/pgp-encrypted\r\n"
            b"\r\nVersion: 1\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\nxx\r\n--b--\r\n"
        ),
    )
    yield (
        "related without root",
        b"Content-Type: multipart/related; boundary=b; start=x\r\n\r\n--b\r\nContent-Type: image/png\r\nContent-ID: <y>\r\n\r\nx\r\n--b--\r\n",
    )
    yield "long line", b"Subject: " + b"x" * 50_000 + b"\r\n\r\n" + b"y" * 500_000 + b"\r\n"


@pytest.mark.parametrize("raw", [pytest.param(raw, id=name) for name, raw in _broken()])
def test_broken_mail_is_shown_as_far_as_it_goes(reader: Reader, raw: bytes):
    path = reader.put(raw)
    page = reader.page(path)
    assert "<script>alert" not in page
    for under in ("/headers", "/raw", "/eml"):
        assert reader.visitor.get(path + under).status == 200
    for frame in re.findall(r'<iframe[^>]* src="([^"]+)"', page):
        answer = reader.visitor.get(unescape(frame))
        assert answer.status == 200 and "<script" not in answer.text
    for file in re.findall(r'href="([^"]+/part/[^"]+)"', page):
        assert reader.visitor.get(unescape(file)).status == 200


def test_no_page_of_a_message_is_served_without_its_session(node: Node, reader: Reader):
    made = letter()
    made.set_content("x")
    path = reader.put(made)
    stranger = Visitor(node.url)
    for under in ("", "/frame?section=1&alone=1", "/part/1", "/raw", "/eml", "/zip", "/headers"):
        answer = stranger.get(path + under)
        assert answer.status == 303 and "/login" in answer.location
    assert stranger.get(f"{path}/frame?section=1").status == 401  # a form may not stand in the frame


def test_choices_about_remote_content_lie_in_redis_as_hashes_only(node: Node, reader: Reader, site):
    reader.choose(reader.put(html_letter(TRACKER, confirmed=True)), "sender")
    client = Redis.from_url(site.redis.url)
    stored = [(name, client.smembers(name)) for name in client.scan_iter("remote:*")]
    with site.engine.connect() as connection:
        kept = connection.execute(text("SELECT account_id, value FROM setting WHERE name = 'remote'")).all()
    assert kept and "carol" not in repr(kept) and "shop" not in repr(kept)
    assert stored and "carol" not in json.dumps([[repr(name), repr(members)] for name, members in stored])


def test_choices_for_always_outlive_redis(reader: Reader, site):
    client = Redis.from_url(site.redis.url)

    def shown() -> bool:
        page = reader.page(reader.put(html_letter(TRACKER, confirmed=True)))
        return "track.example" in reader.frame(page).text

    assert not shown()
    reader.choose(reader.put(html_letter(TRACKER, confirmed=True)), "sender")
    for name in client.scan_iter("remote:*"):
        client.delete(name)
    assert shown()
    reader.choose(reader.put(html_letter(TRACKER, confirmed=True, sender="x@other.example",
                                         results=f"{AUTHSERV_ID}; dmarc=pass header.from=other.example")), "domain")
    for name in client.scan_iter("remote:*"):
        client.delete(name)
    assert shown(), "the second choice took the first one's place"
