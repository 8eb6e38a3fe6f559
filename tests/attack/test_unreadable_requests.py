"""Requests that gunicorn itself refuses: a page of ours, and no word of theirs on it or in the log."""

from __future__ import annotations

import json
import socket

import pytest

from app.demo.node import Node

pytestmark = pytest.mark.servers

HOST = b"Host: localhost\r\n"
WORD = b"tulips-and-pelicans"
UNREADABLE = {
    "a long address": (b"GET /mail/INBOX/?q=" + WORD * 300 + b" HTTP/1.1\r\n" + HOST, 414),
    "many cookies": (b"GET / HTTP/1.1\r\n" + HOST + b"Cookie: " + WORD * 600 + b"\r\n", 431),
    "a search that is not escaped": (b"GET /mail/INBOX/?q=" + WORD + b"\xe4 HTTP/1.1\r\n" + HOST, 400),
    "a cookie with a NUL": (b"GET / HTTP/1.1\r\n" + HOST + b"Cookie: postern=" + WORD + b"\x00\r\n", 400),
    "a field without a colon": (b"GET / HTTP/1.1\r\n" + HOST + WORD + b"\r\n", 400),
    "no method": (b"<" + WORD + b"> / HTTP/1.1\r\n" + HOST, 400),
    "two lengths": (b"POST /login HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n", 400),
    "a length and chunks": (
        b"POST /login HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        400,
    ),
}


def answered(node: Node, request: bytes) -> bytes:
    """All that the node says to a request, until it closes the connection."""
    with socket.create_connection(("127.0.0.1", node.port), timeout=10) as sock:
        sock.sendall(request + b"\r\n")
        parts = []
        while part := sock.recv(65536):
            parts.append(part)
        return b"".join(parts)


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_gets_a_page_with_our_headers_and_nothing_of_its_own(node: Node, name: str) -> None:
    request, status = UNREADABLE[name]
    head, _, page = answered(node, request).decode().partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ")
    for header in ("default-src 'none'", "nosniff", "no-referrer", "same-origin", "no-store", "charset=utf-8"):
        assert header in head
    assert "Nothing was changed." in page and WORD.decode() not in page
    asked = page.partition("<p>Request ")[2][:16]
    lines = [json.loads(line) for line in node.log().splitlines() if asked in line]
    assert [line["status"] for line in lines] == [status]


def test_the_whole_log_is_json_lines_without_what_was_asked_for(node: Node) -> None:
    for request, _ in UNREADABLE.values():
        answered(node, request)
    assert WORD.decode() not in node.log()
    for line in node.log().splitlines():
        assert {"time", "level", "logger", "message"} <= json.loads(line).keys()
