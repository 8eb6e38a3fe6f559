"""Requests of Postfix are read within bounds, and answered one after another on a kept connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from app.policy import delegation
from app.policy.delegation import BadRequest, Request, close_idle, listen, request_of

ASKED = b"request=smtpd_access_policy\nprotocol_state=RCPT\nsender=%s\nrecipient=a@isp.example\n\n"
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter, set[delegation.Connection]], Awaitable[None]]


def talk(folder: Path, script: Talk, times: int = 1) -> None:
    """Speaks with a service whose answer is the sender, so many times."""

    async def answer(request: Request) -> str:
        await asyncio.sleep(0.01)
        return request.sender * times

    async def run() -> None:
        server, open_ones = await listen(f"unix:{folder}/s", answer)
        reader, writer = await asyncio.open_unix_connection(str(folder / "s"))
        await script(reader, writer, open_ones)
        writer.close()
        server.close()

    asyncio.run(run())


def test_only_what_is_of_use_is_kept() -> None:
    found = request_of(b"request=smtpd_access_policy\nsender=a@b.example\nsize=5\nhelo_name=x=y\nrecipient=")
    assert found == Request(sender="a@b.example", helo_name="x=y")


def test_a_request_says_for_how_many_it_is() -> None:
    assert [Request(recipient=each).people for each in ("", "a@b", "a@b,c@d,e@f")] == [1, 1, 3]


@pytest.mark.parametrize("raw", [b"", b"sender", b"GET / HTTP/1.1\nHost=x", b"sender=" + b"x" * 4096])
def test_what_is_no_request_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRequest):
        request_of(raw)


@pytest.mark.parametrize("between", [b"\0", b"\t", b"\x1b", "\N{SOFT HYPHEN}".encode()])
def test_what_no_eye_sees_is_a_blank_and_the_rest_is_there(between: bytes) -> None:
    assert request_of(b"sender=a" + between + b"b@bank.example").sender == "a b@bank.example"


@pytest.mark.parametrize("between", ["\N{SOFT HYPHEN}", "\N{ZERO WIDTH SPACE}", "\x7f"])
def test_what_no_eye_sees_is_nothing_in_a_domain(between: str) -> None:
    assert request_of(f"sender=a{between}b@ba{between}nk.example".encode()).sender == "a b@bank.example"
    assert request_of(f"helo_name=a{between}b".encode()).helo_name == "a b"


@pytest.mark.servers
def test_one_thing_after_another_is_answered_on_a_connection(tmp_path: Path) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _ones: object) -> None:
        whole = b"".join(ASKED % name for name in (b"one", b"two", b"three"))
        writer.write(whole[:40])
        await asyncio.sleep(0.01)
        writer.write(whole[40:])
        for name in (b"one", b"two", b"three"):
            assert await reader.readuntil(b"\n\n") == b"action=" + name + b"\n\n"

    talk(tmp_path, script)


@pytest.mark.servers
def test_postscreen_asks_on_the_same_port(tmp_path: Path) -> None:
    async def answer(request: Request) -> str:
        return {"host203.0.113.7": "reject"}.get(request.policy_context + request.client_address, "DUNNO")

    async def run() -> None:
        server, _ = await listen(f"unix:{tmp_path}/s", answer)
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
        for each in (b"17:hosts 203.0.113.7,17:hosts 203.", b"0.113.8,"):
            writer.write(each)
            await asyncio.sleep(0.01)
        assert await reader.readexactly(24) == b"9:OK reject,9:NOTFOUND ,"
        writer.close()
        server.close()

    asyncio.run(run())


@pytest.mark.servers
@pytest.mark.parametrize("sent", [b"nonsense\n\n", b"sender=x" * 10_000, b"8:others 1,", b"400:hosts 1,"])
def test_nonsense_and_what_does_not_end_ends_the_connection(tmp_path: Path, sent: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _ones: object) -> None:
        writer.write(sent)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)

    talk(tmp_path, script)


@pytest.mark.servers
def test_who_asks_and_does_not_read_is_left(tmp_path: Path) -> None:
    async def script(
        _reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ones: set[delegation.Connection]
    ) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(20):
            writer.write(ASKED % b"one")
            await asyncio.sleep(0.02)
            if not ones:
                return
        raise AssertionError("it is still heard")

    talk(tmp_path, script, times=30_000)


@pytest.mark.servers
def test_connections_are_bounded_in_number_and_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delegation, "CONNECTIONS", 2)

    async def script(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ones: set[delegation.Connection]
    ) -> None:
        others = [await asyncio.open_unix_connection(str(tmp_path / "s")) for _ in range(2)]
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await others[1][0].readexactly(1)
        assert len(ones) == 2
        writer.write(ASKED % b"one")
        await reader.readuntil(b"\n\n")
        close_idle(ones, asyncio.get_running_loop().time() + delegation.IDLE - 1)
        assert len([each for each in ones if each.heard]) == 2
        close_idle(ones, asyncio.get_running_loop().time() + delegation.IDLE + 1)
        await asyncio.sleep(0.01)
        assert not ones

    talk(tmp_path, script)
