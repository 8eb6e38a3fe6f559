"""What opening costs: commands and bytes of IMAP for a message's page, its frame and its files, counted on the wire."""

from __future__ import annotations

import http.client
import re
from email.message import EmailMessage
from html import unescape

import pytest
from redis import Redis

from tests.budgets.conftest import Counted
from tests.conftest import Site

pytestmark = pytest.mark.servers

LIST = "/mail/INBOX/"
MEGABYTE = 1024 * 1024


def newsletter(pictures: int = 3) -> EmailMessage:
    made = EmailMessage()
    made["Subject"], made["From"], made["To"] = "News", "Shop <news@shop.example>", "alice@one.example"
    made.set_content("the plain text")
    html = "".join(f'<p>row {number}<img src="cid:p{number}@x"></p>' for number in range(pictures))
    made.add_alternative(html + "<p>long</p>" * 8000, subtype="html")
    for number in range(pictures):
        made.get_payload()[1].add_related(b"\x89PNG\r\n\x1a\n" + bytes(9000), "image", "png", cid=f"<p{number}@x>")
    made.add_attachment(bytes(3 * MEGABYTE), "application", "octet-stream", filename="big.bin")
    return made


@pytest.fixture
def opened(counted: Counted) -> tuple[Counted, str]:
    """A person with a newsletter that has pictures and a file, and its path; the list was seen."""
    counted.mail.deliver(newsletter().as_bytes().replace(b"\n", b"\r\n"))
    counted.sign_in()
    found = re.search(r'href="(/mail/INBOX/\d+/\d+)', counted.get(LIST)[0].text)
    assert found
    return counted, found[1]


def test_opening_costs_three_commands_and_one_more_when_it_was_unread(opened: tuple[Counted, str]):
    reader, path = opened
    _, first = reader.get(path)
    assert first.logins == 0 and len(first.commands) <= 4, first.commands
    _, again = reader.get(path)
    assert again.logins == 0 and len(again.commands) <= 3, again.commands
    assert again.received < 80_000  # of 3 MB: structure, header, 64 KB of the HTML


@pytest.mark.parametrize("query", ["", "?view=unread", "?q=newsletter&sort=-subject"])
def test_a_page_asks_the_cache_once_whatever_list_it_is_of_or_was_opened_from(
    opened: tuple[Counted, str], site: Site, query: str
) -> None:
    def asked(path: str) -> int:
        def count() -> int:
            return int(redis.info("commandstats")["cmdstat_mget"]["calls"])  # type: ignore[index]

        before = count()
        reader.visitor.get(path)
        return count() - before

    (reader, path), redis = opened, Redis.from_url(site.redis.url)
    for each in (LIST + query, path + query):
        reader.get(each)
        # Each of two workers asks for the rows' summaries once, and the keeper asks something now and then.
        assert min(asked(each) for _ in range(4)) == 1, each


def test_a_step_past_the_end_of_a_page_costs_two_commands_more(counted: Counted):
    counted.mail.server.fill(counted.mail.login, [newsletter(0).as_bytes().replace(b"\n", b"\r\n")] * 60)
    counted.sign_in()
    rows = re.findall(r'href="(/mail/INBOX/\d+/\d+\?[^"]*)"', counted.get(LIST + "?q=news&sort=-subject")[0].text)
    last = counted.get(unescape(rows[-1]))[0].text
    over = re.search(r'href="([^"]*)" title="Next', last)
    assert over
    for steps in (2, 0):  # what was asked is kept
        page, cost = counted.get(unescape(over[1]))
        assert "page=2" in re.findall(r'href="([^"]*)" title="Next', page.text)[0]
        assert len(cost.commands) <= 4 + steps - (steps == 0), cost.commands


def test_the_frame_costs_two_commands_with_its_pictures(opened: tuple[Counted, str]):
    reader, path = opened
    page, _ = reader.get(path)
    address = re.search(r'<iframe[^>]* src="([^"]+)"', page.text)
    assert address
    frame, cost = reader.get(unescape(address[1]))
    assert frame.text.count("data:image/png;base64,") == 3
    assert cost.logins == 0 and len(cost.commands) <= 2, cost.commands
    assert cost.received < 160_000


def test_a_file_comes_in_slices_and_a_small_one_in_one(opened: tuple[Counted, str]):
    reader, path = opened
    file, cost = reader.get(f"{path}/part/2")
    assert file.body == bytes(3 * MEGABYTE)
    slices = cost.commands.count("UID FETCH")
    assert slices == 5 and cost.received < 4.3 * MEGABYTE, cost.commands  # 4.1 MB of base64


def test_a_line_that_breaks_in_the_middle_of_a_file_breaks_the_download(opened: tuple[Counted, str]):
    reader, path = opened
    reader.get(path)
    reader.proxy.fault("cut", "down", 2 * MEGABYTE)
    with pytest.raises((OSError, http.client.HTTPException)):
        reader.visitor.get(f"{path}/part/2")
    reader.proxy.clear()
    assert reader.visitor.get(f"{path}/part/2").body == bytes(3 * MEGABYTE)
