"""Odd, broken and hostile messages, each opened in every way: a page that is right, in bounded time and memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP
from html import unescape
from pathlib import Path

import pytest

from app.demo.pymap import Pymap
from tests.conftest import MailAccount, MakeAccount
from tests.faults.world import INBOX, Memory, Person, Work, World
from tests.hostile.harmless import judge
from tests.hostile.letters import letters
from tests.visitor import Answer
from tests.web.pages import check_part

pytestmark = pytest.mark.servers

SECONDS = 2.0  # of processor time for all that is asked about one message
MEGABYTES = 60  # that a worker may grow by for all of them
CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
READ = 100_000  # octets of a page that are read strictly: a parser in Python takes seconds for more
MOST = 8  # files of one message that are looked at
INLINE = {"image/png", "image/gif", "image/jpeg", "image/webp", "text/plain; charset=utf-8"}


def test_every_letter_is_shown_in_every_way(world: World, make_account: MakeAccount):
    mail, sent = make_account(0), letters()
    mail.server.fill(mail.login, sent.values())
    person = world.person(mail).signed_in()
    memory = Memory(world)
    paths = listed(person, len(sent))
    for name, path in zip(sent, paths, strict=True):
        work = Work(world)
        try:
            opened(person, path)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error
        assert work.seconds() < SECONDS, name
    assert memory.grown() < MEGABYTES


def listed(person: Person, count: int) -> list[str]:
    """The paths of all messages, the oldest first, from the pages of the list."""
    found: dict[str, None] = {}
    for page in range(1, count // 50 + 2):
        answer = person.visitor.get(f"{INBOX}?page={page}")
        right(answer)
        found |= dict.fromkeys(re.findall(r'href="(/mail/INBOX/\d+/\d+)[?"]', answer.text))
    return sorted(found, key=lambda path: int(path.rsplit("/", 1)[1]))


def opened(person: Person, path: str) -> None:
    """The page, and all that it leads to below its own address."""
    get = person.visitor.get
    page = right(get(path))
    assert "<script>alert" not in page and "onerror=alert(1)>" not in page
    assert "\u202e" not in page.partition('data-testid="message-body"')[0], "a name turns what stands beside it"
    for tail in ("/headers", "/raw"):
        right(get(path + tail))
    assert get(f"{path}/eml").status == 200
    if packed := re.search(r'href="([^"]+/zip[^"]*)"', page):
        assert get(unescape(packed[1])).status == 200
    for link in sorted(links(page, path)):
        answer = get(link)
        assert answer.status == 200, f"{answer.status} at {link}"
        looked_at(link, answer)


def links(page: str, path: str) -> Iterator[str]:
    found = {unescape(each) for each in re.findall(r'(?:href|src)="([^"]+)"', page)}
    for below in ("/frame", "/part/", "?part="):
        yield from [each for each in sorted(found) if each.startswith(path + below)][:MOST]


def looked_at(link: str, answer: Answer) -> None:
    kind, told = answer.headers["Content-Type"], answer.headers.get("Content-Disposition", "")
    if "/frame" in link:
        judge(answer.text.partition("</head>")[2])
    elif "/part/" in link:
        assert told.startswith("attachment") or ("inline=1" in link and kind in INLINE), f"{kind} {told}"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert not set(told) & set("\r\n\0/\\"), told
    else:
        right(answer)


def right(answer: Answer) -> str:
    """A page of ours whose middle is as strictly read as every page in the tests of the web."""
    page = answer.text
    assert answer.status == 200 and not CONTROLS.search(page), answer.status
    if len(page) < READ:
        check_part(page.partition("<main")[2].partition("</main>")[0], answer.headers["Content-Security-Policy"])
    return page


def test_large_files_come_whole_from_a_server_that_counts_their_headers_into_their_sizes(
    world: World, servers_folder: Path
):
    table, inner, made = ("a;b" * 20 + "\n") * 18_000, EmailMessage(), EmailMessage()
    inner["Subject"] = "inner"
    inner.set_content(table, cte="7bit")
    made["Subject"] = "outer"
    made.add_attachment(table, "csv", filename="table.csv", cte="7bit")
    made.add_attachment(inner)
    server = Pymap(servers_folder / "counting", {"counting": "secret"}).start()
    try:
        server.append("counting", made.as_bytes(policy=SMTP))
        person = world.person(MailAccount(server, "counting", "secret")).signed_in()  # type: ignore[arg-type]
        (path,) = listed(person, 1)
        assert person.visitor.get(f"{path}/part/1").text.split() == table.split()
        assert person.visitor.get(f"{path}/eml?part=2").text.count("a;b") == 360_000
    finally:
        server.stop()
