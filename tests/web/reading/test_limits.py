"""Each limit of taking a message apart is the node's setting: seen by what a node with small ones shows."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from app.demo.node import Node
from tests.conftest import Resident, Site
from tests.web.reading.test_message import Reader, html_letter, letter

pytestmark = pytest.mark.servers

SMALL = {"PARTS": "10", "DEPTH": "5", "HEADER_BYTES": "4096", "HTML_BYTES": "4096", "HTML_DEPTH": "10"}


@pytest.fixture(scope="module")
def narrow(site: Site, servers_folder: Path) -> Iterator[Node]:
    node = site.node(servers_folder / "narrow", **{f"POSTERN_MAX_{name}": value for name, value in SMALL.items()})
    yield node.start()
    node.stop()


@pytest.fixture
def readers(node: Node, narrow: Node, resident: Resident) -> tuple[Reader, Reader]:
    """The same person on a node with the usual limits, and on one with small ones."""
    return Reader(resident, resident.sign_in(node.url)), Reader(resident, resident.sign_in(narrow.url))


def test_parts_beyond_the_number_are_not_listed(readers: tuple[Reader, Reader]) -> None:
    made = letter()
    made.set_content("text")
    for number in range(14):
        made.add_attachment(b"x", "application", "pdf", filename=f"{number}.pdf")
    path = readers[0].put(made)
    pages = [each.page(path) for each in readers]
    assert [page.count('data-testid="attachment"') for page in pages] == [14, 8]
    assert ["has more parts than are shown" in page for page in pages] == [False, True]


def test_parts_beyond_the_depth_are_not_read(readers: tuple[Reader, Reader]) -> None:
    part = "Content-Type: text/plain\r\n\r\nvery deep\r\n"
    for number in range(8):
        part = f"Content-Type: multipart/mixed; boundary=b{number}b\r\n\r\n--b{number}b\r\n{part}\r\n--b{number}b--\r\n"
    path = readers[0].put(f"Subject: x\r\nFrom: a@b.example\r\nMIME-Version: 1.0\r\n{part}".encode())
    assert ["very deep" in each.page(path) for each in readers] == [True, False]


def test_headers_beyond_the_limit_are_not_shown(readers: tuple[Reader, Reader]) -> None:
    made = letter()
    for number in range(100):
        made[f"X-Field-{number}"] = "y" * 60
    made.set_content("text")
    path = readers[0].put(made)
    assert ["X-Field-99" in each.page(f"{path}/headers") for each in readers] == [True, False]


@pytest.mark.parametrize("html", ["<p>word</p>" * 1000 + "<p>the end</p>", ""], ids=["long", "deep"])
def test_html_is_shown_as_far_as_the_limits_say(readers: tuple[Reader, Reader], html: str) -> None:
    made: EmailMessage = html_letter(html or "<div>" * 40 + "x" + "</div>" * 40)
    frames = [each.frame(each.page(readers[0].put(made))).text for each in readers]
    if html:
        assert ["the end" in frame for frame in frames] == [True, False]
    else:
        assert [frame.count("<div>") for frame in frames] == [40, 10]


def test_texts_beyond_those_that_are_shown_are_listed_as_files(readers: tuple[Reader, Reader]) -> None:
    made = letter()
    made.make_mixed()
    for number in range(60):
        text = EmailMessage()
        text.set_content(f"text {number} ends")
        made.attach(text)
    page = readers[0].page(readers[0].put(made))
    assert "text 49 ends" in page and "text 50 ends" not in page
    assert page.count('data-testid="attachment"') == 10


def test_a_text_says_where_it_goes_on(readers: tuple[Reader, Reader]) -> None:
    made = letter()
    made.set_content("short\n" * 25_000 + "the end\n")
    page = readers[0].page(readers[0].put(made))
    assert "the end" not in page and page.count("The text is longer.") == 1
    made = letter()
    made.set_content(("\n" * 70 + "\n") * 5_500 + "after much nothing\n")
    page = readers[0].page(readers[0].put(made))
    assert "This message has no text" not in page and page.count("The text is longer.") == 1


def test_of_many_large_texts_the_last_ones_are_a_link(readers: tuple[Reader, Reader]) -> None:
    made = letter()
    made.make_mixed()
    for number in range(4):
        text = EmailMessage()
        text.set_content(f"text {number} begins\n" + ("x" * 70 + "\n") * 5_700)
        made.attach(text)
    page = readers[0].page(readers[0].put(made))
    assert "text 2 begins" in page and "text 3 begins" not in page
    assert page.count("The text is longer.") == 4
