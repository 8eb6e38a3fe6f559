"""A stream alone, on a pair of sockets: when it may be handed back, and with what."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from app.mail.note import Note
from app.mail.response import REST_LIMIT
from app.mail.stream import Stream
from app.mail.wire import Literal


@pytest.fixture
def ends() -> Iterator[tuple[Stream, socket.socket]]:
    ours, server = socket.socketpair()
    yield Stream(ours, Note(), tag_prefix="L1x", timeout=20, silence=20), server
    ours.close()
    server.close()


def test_it_may_be_handed_back_once_every_command_has_its_answer(ends: tuple[Stream, socket.socket]) -> None:
    stream, server = ends
    assert stream.reusable
    first, second = stream.start((b"NOOP",)), stream.start((b"NOOP",))
    for tag in (first, second):
        assert not stream.reusable
        server.sendall(tag + b" OK done\r\n")
        stream.response()
    assert stream.reusable


@pytest.mark.parametrize("half", [b"* 1 FETCH (BODY[] {10}\r\nabc", b"* 1 FETCH (BODY[] {3}\r\nabc"])
def test_it_may_not_be_handed_back_in_the_middle_of_a_response(ends: tuple[Stream, socket.socket], half: bytes) -> None:
    stream, server = ends
    tag = stream.start((b"NOOP",))
    server.sendall(tag + b" OK done\r\n" + half)
    stream.response()
    assert stream.responses.response() is None
    assert not stream.reusable


def test_what_was_read_ahead_goes_along_up_to_64_kilobytes(ends: tuple[Stream, socket.socket]) -> None:
    stream, _ = ends
    stream.responses.feed(b"* OK " + b"x" * (REST_LIMIT - 5))
    assert stream.reusable
    stream.responses.feed(b"x")
    assert not stream.reusable


def test_an_answer_in_place_of_a_continuation_must_be_read_first(ends: tuple[Stream, socket.socket]) -> None:
    stream, server = ends
    server.sendall(b"L1x0 NO too large\r\n")
    stream.start((b"APPEND", b"INBOX", Literal(b"mail")))
    assert not stream.reusable
    stream.response()
    assert stream.reusable
