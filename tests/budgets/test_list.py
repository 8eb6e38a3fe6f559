"""What lists, sign-in, searches and polls cost in IMAP, counted on the wire through a node and its keeper."""

from __future__ import annotations

import imaplib
import json
import os
import re
import time
from collections.abc import Iterator

import pytest

from tests.budgets.conftest import Counted
from tests.keeper.places import until

pytestmark = pytest.mark.servers

LIST = "/mail/INBOX/"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SENTENCE = "A line of ordinary text that a person could have written to another one, about nothing much.\r\n"


def letters(count: int) -> Iterator[bytes]:
    """Messages as they come: plain ones, newsletters, attachments; with the header lines that real mail carries."""
    for number in range(count):
        subject = f"Minutes of the {number}th meeting of the {'garden' if number % 10 == 0 else 'sports'} club"
        head = (
            f"Return-Path: <bounce-{number}@lists.example.org>",
            f"Received: from mx1.example.org (mx1.example.org [203.0.113.{number % 250}]) by one.example with ESMTPS",
            f"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=mail; b={'Zm9v' * 60}",
            f"From: =?UTF-8?Q?J=C3=BCrgen_van_den_Berg_{number % 40}?= <juergen{number % 40}@mail.example.org>",
            "To: Alice Archer <alice@one.example>, Bob Builder <bob@one.example>",
            f"Subject: {subject}",
            f"Date: {DAYS[number % 7]}, {number % 28 + 1} Jun 2026 {number % 24:02}:15:00 +0200",
            f"Message-ID: <{number:032x}.{number}@mail.example.org>",
            "MIME-Version: 1.0",
            (PLAIN, NEWSLETTER, ATTACHED)[number % 3].replace("NUMBER", str(number)),
        )
        yield "\r\n".join(head).encode()


PLAIN = f"Content-Type: text/plain; charset=utf-8\r\n\r\n{SENTENCE * 5}"
TEXT = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
NEWSLETTER = (
    'Content-Type: multipart/alternative; boundary="----=_Part_NUMBER_1234567.NUMBER"\r\n\r\n'
    f"------=_Part_NUMBER_1234567.NUMBER\r\n{TEXT}{SENTENCE * 4}\r\n------=_Part_NUMBER_1234567.NUMBER\r\n"
    f"{TEXT.replace('plain', 'html')}<p>{SENTENCE * 30}</p>\r\n------=_Part_NUMBER_1234567.NUMBER--\r\n"
)
ATTACHED = (
    f'Content-Type: multipart/mixed; boundary="bNUMBER"\r\n\r\n--bNUMBER\r\n{TEXT}{SENTENCE}\r\n--bNUMBER\r\n'
    'Content-Type: application/pdf; name="minutes-NUMBER.pdf"\r\nContent-Transfer-Encoding: base64\r\n'
    f'Content-Disposition: attachment; filename="minutes-NUMBER.pdf"\r\n\r\n{"JVBE" * 200}\r\n--bNUMBER--\r\n'
)


def fill(counted: Counted, count: int, **how: str) -> None:
    counted.mail.server.fill(counted.mail.login, letters(count), **how)


def multiply(counted: Counted, count: int) -> None:
    """As many messages as that, of those in the inbox, under names of their own: to write all anew takes four times as
    long, and to remove them a minute on a disk that is busy."""
    folder = counted.mail.server.maildir(counted.mail.login) / "cur"
    names = os.listdir(folder)
    for number in range(count - len(names)):
        name = names[number % len(names)]
        os.link(folder / name, folder / f"{number}.M1P{number}.copy,{name.partition(',')[2]}")


def uids(text: str) -> list[int]:
    return [int(uid) for uid in re.findall(r'data-uid="(\d+)"', text)]


def warm(counted: Counted) -> None:
    """Signed in, the list seen twice: connection, rows and pane are there."""
    counted.sign_in()
    for _ in range(2):
        counted.get(LIST)


def index(counted: Counted) -> None:
    """The mail server reads every message once, as it would when they came: its first search would take as long."""
    with imaplib.IMAP4("127.0.0.1", counted.mail.server.imap_port) as client:
        client.login(counted.mail.login, counted.mail.password)
        client.select(readonly=True)
        client.search(None, "SUBJECT", "nothing", "FROM", "nobody")


@pytest.fixture
def reader(counted: Counted) -> Counted:
    """A person with 300 messages who has just looked at their inbox."""
    fill(counted, 300)
    warm(counted)
    return counted


def test_from_sign_in_to_the_list_it_is_one_login_and_six_commands(make_counted):
    for _ in range(2):  # a keeper that has no processor for a quarter of a second is left aside for one request
        counted = make_counted()
        fill(counted, 300)
        with counted.proxy.counting() as cost:
            counted.sign_in()
            answer = counted.visitor.get(LIST)
        if cost.logins == 1:
            break
    assert answer.status == 200 and len(uids(answer.text)) == 50
    assert cost.logins == 1
    assert len(cost.commands) <= 6, cost.commands


def test_a_warm_list_costs_two_commands_and_eight_kilobytes(reader):
    answer, cost = reader.get(LIST)
    assert len(uids(answer.text)) == 50
    assert cost.logins == 0 and len(cost.commands) <= 2, cost.commands
    assert cost.received <= 8_000, cost.received


def test_a_page_not_seen_before_costs_three_commands_and_forty_kilobytes(reader):
    answer, cost = reader.get(f"{LIST}?page=2")
    assert len(uids(answer.text)) == 50
    assert cost.logins == 0 and len(cost.commands) <= 3, cost.commands
    assert cost.received <= 40_000, cost.received
    _, again = reader.get(f"{LIST}?page=2")
    assert len(again.commands) <= 2 and again.received <= 8_000


def test_with_new_rows_and_the_folder_pane_it_costs_four_commands(reader):
    for message in letters(3):
        reader.mail.append(message)
    # An own write drops the pane.
    shown = uids(reader.get(LIST)[0].text)
    validity = re.search(r'name="uidvalidity" value="(\d+)"', reader.visitor.get(LIST).text)[1]
    reader.post(f"{LIST}actions", [("uidvalidity", validity), ("uid", str(shown[0])), ("action", "read")])
    for message in letters(2):
        reader.mail.append(message)
    answer, cost = reader.get(LIST)
    assert uids(answer.text)[:2] == [305, 304]
    assert cost.logins == 0 and len(cost.commands) <= 4, cost.commands


@pytest.mark.slow
def test_100_000_messages_cost_what_100_do(make_counted):
    costs, opened = [], []
    for count in (100, 100_000):
        person = make_counted()
        fill(person, min(count, 1000))
        multiply(person, count)
        index(person)
        warm(person)
        answer, cost = person.get(LIST)
        costs.append(cost)
        path = re.findall(r'href="(/mail/INBOX/\d+/\d+)"', answer.text)[30]
        opened.append([person.get(path)[1], person.get(path)[1]])
    small, large = costs
    assert large.commands == small.commands and large.received <= small.received + 500
    assert [each.commands for each in opened[1]] == [each.commands for each in opened[0]]
    assert len(opened[1][0].commands) <= 4 and len(opened[1][1].commands) <= 3
    for query in ("page=1000", "view=unread&page=900", "sort=size&page=3"):
        answer, cost = person.get(f"{LIST}?{query}")
        assert len(uids(answer.text)) == 50 and len(cost.commands) <= 4 and cost.received <= 40 * 1024, (query, cost)
    answer, cost = person.get(f"{LIST}?q=subject:garden")
    assert len(uids(answer.text)) == 50 and "10,000" in answer.text
    assert cost.logins == 0 and len(cost.commands) <= 4, cost.commands
    assert cost.received <= 40_000, cost.received


@pytest.mark.parametrize("query", ["?sort=subject", "?sort=from", "?sort=-date", "?sort=size", "?view=unread"])
def test_orders_and_views_cost_three_commands_warm(reader, query):
    reader.get(LIST + query)
    answer, cost = reader.get(LIST + query)
    assert len(uids(answer.text)) == 50
    assert cost.logins == 0 and len(cost.commands) <= (4 if "view" in query else 3), cost.commands
    assert cost.received <= 8_000, cost.received


def test_a_search_costs_four_commands_and_the_page_s_bytes(reader):
    answer, cost = reader.get(f"{LIST}?q=garden")
    assert len(uids(answer.text)) == 30
    assert cost.logins == 0 and len(cost.commands) <= 4, cost.commands
    assert cost.received <= 40_000
    answer, cost = reader.get(f"{LIST}?q=J%C3%BCrgen")
    assert len(uids(answer.text)) == 50 and len(cost.commands) <= 4 and cost.received <= 40_000


def token_after(reader: Counted, since: str, seconds: float) -> str:
    """Poll as the page does until there is news; their token."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        answer = reader.visitor.get(f"/changes?since={since}")
        assert answer.status in (200, 204)
        if answer.status == 200:
            return str(json.loads(answer.body)["token"])
        time.sleep(0.1)
    raise AssertionError(f"no news within {seconds} s")


def test_a_poll_costs_nothing_and_tells_of_new_mail(reader):
    token = token_after(reader, "", 20)  # the first poll brings a watcher
    until(lambda: reader.proxy.counts.commands[-1] == "IDLE")
    with reader.proxy.counting() as cost:
        for _ in range(20):
            answer = reader.visitor.get(f"/changes?since={token}")
    assert cost.commands == [] and cost.connections == 0
    assert (answer.status, answer.body) == (204, b"")
    reader.mail.deliver(next(letters(1)))
    assert token_after(reader, token, 15) != token


def test_going_to_the_next_message_asks_nothing_for_its_neighbours(reader):
    path = re.search(r'href="(/mail/INBOX/\d+/\d+)"', reader.visitor.get(LIST).text)[1]
    _, first = reader.get(path)
    assert len(first.commands) <= 4, first.commands
    answer, again = reader.get(path)
    assert 'data-testid="message-next"' in answer.text
    assert again.logins == 0 and len(again.commands) <= 3, again.commands
