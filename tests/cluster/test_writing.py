"""Writing on two nodes that know nothing of each other: one press of Send is one mail, and any node goes on."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path

import pytest
from imapclient import IMAPClient

from app.demo.node import Node
from app.web import carry
from tests.conftest import Resident, Site, make_server_folder
from tests.smtpsink import Taken
from tests.visitor import Answer, Visitor

pytestmark = [pytest.mark.servers, pytest.mark.slow]

PRESSES = 50
FRIEND = "friend@elsewhere.example"
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


@pytest.fixture(scope="module")
def nodes(site: Site) -> Iterator[tuple[Node, Node]]:
    """Two nodes of the site."""
    folder = make_server_folder()
    found = [site.node(Path(folder, name), POSTERN_NODE=name).start(seconds=60) for name in ("node-a", "node-b")]
    yield found[0], found[1]
    for node in found:
        node.stop()


def hidden(answer: Answer, form: str) -> dict[str, str]:
    """The hidden fields of the form with this beginning."""
    part = answer.text.partition(form)[2].partition("</form>")[0]
    return {name: unescape(value) for name, value in _HIDDEN.findall(part)}


def written(visitor: Visitor, subject: str, **more: str) -> dict[str, str]:
    """A message, as its form would post it."""
    begun = hidden(visitor.get("/compose"), '<form class="write-form"')
    return {**begun, "to": FRIEND, "subject": subject, "text": "Typed for an hour", "action": "send", **more}


def taken(site: Site, subject: str) -> list[Taken]:
    return [each for each in site.smtp.taken if f"\r\nSubject: {subject}\r\n".encode() in each.content]


def subjects(person: Resident, mailbox: str) -> Counter[str]:
    """What lies in a mailbox, hidden or not."""
    with IMAPClient("127.0.0.1", person.mail.server.imap_port, ssl=False) as client:
        client.login(person.mail.login, person.mail.password)
        client.select_folder(mailbox, readonly=True)
        told = client.fetch(client.search(), ["ENVELOPE"]).values()
        return Counter(each[b"ENVELOPE"].subject.decode() for each in told)


def until(true: Callable[[], object], *, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def at(other: Visitor, node: Node) -> Visitor:
    """The same browser at another node."""
    visitor = Visitor(node.url)
    for cookie in other.cookies:
        visitor.cookies.set_cookie(cookie)
    return visitor


def test_fifty_presses_of_send_on_two_nodes_are_one_mail(nodes: tuple[Node, Node], resident: Resident, site: Site):
    one = resident.sign_in(nodes[0].url)
    form = written(one, "Fifty times")
    browsers = [at(one, nodes[number % 2]) for number in range(PRESSES)]
    with ThreadPoolExecutor(PRESSES) as pool:
        statuses = Counter(answer.status for answer in pool.map(lambda each: each.post("/compose", form), browsers))
    print(statuses)
    assert statuses[303] >= 1 and not statuses.keys() - {303, 409, 429, 503}, statuses
    until(lambda: subjects(resident, "Sent")["Fifty times"])
    time.sleep(4.0)  # longer than undo waits: a second row would be due
    assert len(taken(site, "Fifty times")) == 1
    assert subjects(resident, "Sent")["Fifty times"] == 1
    drafts = subjects(resident, "Drafts")["Fifty times"]
    assert drafts == 0, f"{drafts} copies were left behind ({statuses})"


def test_a_message_that_meets_an_ended_session_is_sent_after_signing_in_at_the_other_node(
    nodes: tuple[Node, Node], resident: Resident, site: Site
):
    writer = resident.sign_in(nodes[0].url)
    form = written(writer, "At the other node")
    writer.cookies.clear()
    asked = writer.post("/compose", form)
    assert asked.status == 401 and "Typed for an hour" not in asked.text
    sealed = hidden(asked, "<form")["carried"]
    other = at(writer, nodes[1])
    answer = other.post(
        "/login",
        {
            "csrf_token": other.token(),
            "address": resident.address,
            "password": resident.password,
            "carried": sealed,
        },
    )
    assert answer.status == 303, answer.text[:500]
    until(lambda: taken(site, "At the other node"))
    again = at(writer, nodes[0])  # the same sealed form once more: not a second mail
    fields = {"csrf_token": again.token(), "address": resident.address, "password": resident.password}
    assert again.post("/login", {**fields, "carried": sealed}).status == 303
    until(lambda: not subjects(resident, "Drafts"))
    assert len(taken(site, "At the other node")) == 1


def forged(form: dict[str, str], token: str) -> dict[str, str]:
    """The form with another proof of whose page it was; None takes it away."""
    rest = {name: value for name, value in form.items() if name != carry.TOKEN}
    if token == "none":
        return rest
    if token == "another server's":
        return {**rest, carry.TOKEN: f"{int(time.time())}.{'0' * 16}.{'0' * 40}"}
    if token == "made younger":
        issued, _, mac = form[carry.TOKEN].partition(".")
        return {**rest, carry.TOKEN: f"{int(issued) + 1}.{mac}"}
    return form


def test_a_forged_form_sends_nothing_whoever_signs_in(
    nodes: tuple[Node, Node], make_resident: Callable[..., Resident], site: Site
):
    victim, forger = make_resident("victim"), make_resident("forger")
    for token in ("none", "another account's", "another server's", "made younger"):
        reader = forger.sign_in(nodes[0].url)
        form = forged(written(reader, "Forged"), token)
        reader.cookies.clear()
        sealed = hidden(reader.post("/compose", form), "<form").get("carried", "")
        assert bool(sealed) is (token != "none")
        who = forger if token == "made younger" else victim
        fields = {"csrf_token": reader.token(), "address": who.address, "password": who.password}
        answer = reader.post("/login", {**fields, "carried": sealed})
        assert answer.status == 303
        assert "Typed for an hour" not in reader.follow(answer).text
    time.sleep(3.5)
    assert taken(site, "Forged") == []
    for person in (victim, forger):
        assert not subjects(person, "Drafts") + subjects(person, "Sent")
