"""Rspamd's settings module hears over HTTP what its plugin is told, within bounds, whatever stands in a request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.policy.delegation import BadRequest, Request, listen
from app.policy.settingsmap import RSPAMD, request_of, settings_of

ASKED = {
    "author": "boss@bank.example",
    "sender": "info@bank.example",
    "client_address": "192.0.2.7",
    "recipient": ["a@isp.example", "b@isp.example"],
}
NOBODY = Request(protocol_state="RCPT", policy_context="content")


def post(asked: object, head: str = "POST /rspamd/settings HTTP/1.1", more: str = "") -> bytes:
    body = asked if isinstance(asked, bytes) else json.dumps(asked, ensure_ascii=False).encode()
    fields = f"Host: x\r\nContent-Type: application/json\r\n{more}Content-Length: {len(body)}"
    return f"{head}\r\n{fields}\r\n\r\n".encode() + body


def test_a_message_is_asked_about_as_the_plugin_does() -> None:
    assert RSPAMD.cut(post(ASKED) + b"POST") == (
        Request(
            protocol_state="RCPT",
            policy_context="content",
            client_address="192.0.2.7",
            sender="info@bank.example",
            author="boss@bank.example",
            recipient="a@isp.example,b@isp.example",
        ),
        len(post(ASKED)),
    )


def test_it_is_understood_as_rspamd_3_12_sends_it() -> None:
    body = b'{"author":"a@bank.example","sender":"","recipient":["a@isp.example"],"client_address":"192.0.2.7"}'
    head = (
        b"POST /rspamd/settings HTTP/1.1\r\nConnection: keep-alive\r\nHost: 127.0.0.1:10040\r\nContent-Length: 98\r\n"
        b"User-Agent: rspamd-3.12.1\r\nContent-Type: application/json\r\nAccept: */*\r\n\r\n"
    )
    found = RSPAMD.cut(head + body)
    assert found is not None
    assert (found[0].author, found[0].recipient, found[1]) == ("a@bank.example", "a@isp.example", len(head) + len(body))


@pytest.mark.parametrize("until", [4, 5, 40, 130, 200])
def test_what_has_not_come_whole_is_waited_for(until: int) -> None:
    assert RSPAMD.cut(post(ASKED)[:until]) is None


@pytest.mark.parametrize(
    "raw",
    [
        post(ASKED, "POST / HTTP/1.1"),
        post(ASKED, "POST /rspamd/settings HTTP/1.0"),
        post(ASKED, more="Content-Length: 5\r\n"),
        post(ASKED).replace(b"application/json", b"text/plain"),
        post(ASKED).replace(b"Content-Length", b"X-Length"),
        post(ASKED, more="X: " + "x" * 3000),
        b"POST " + b"x" * 3000,
        post({**ASKED, "recipient": [f"a{number}@isp.example" for number in range(10_000)]}),
        post({**ASKED, "sender": "x" * 1_000_000}),
        post(b"[" * 10_000),
        post(b"9" * 10_000),
        post(b"[1]"),
        post(b"{"),
        post(b""),
    ],
)
def test_what_is_no_question_ends_the_connection(raw: bytes) -> None:
    with pytest.raises(BadRequest):
        RSPAMD.cut(raw)


@pytest.mark.parametrize(
    "recipients",
    [
        [],
        None,
        7,
        ["a@isp.example", "b,c@isp.example"],
        ["<a@isp.example>"],
        ["a b@isp.example"],
        ["a@isp.example\r\nrecipient=b"],
        ["a\0@isp.example"],
        ["\ud800@isp.example"],
        ["x" * 400],
        ["é" * 200],
        [["a@isp.example"]],
        [""],
        [f"a{number}@isp.example" for number in range(51)],
    ],
)
def test_recipients_who_cannot_be_told_apart_have_the_sites_own_limits(recipients: object) -> None:
    assert request_of(json.dumps({**ASKED, "recipient": recipients}).encode()).recipient == ""


def test_a_control_character_that_is_not_escaped_hides_nobody() -> None:
    assert request_of(b'{"sender": "x\ty\x01@bank.example", "author": "\xff@bank.example"}') == Request(
        protocol_state="RCPT",
        policy_context="content",
        sender="@bank.example",
        author="\N{REPLACEMENT CHARACTER}@bank.example",
    )


def test_one_recipient_may_stand_without_a_list() -> None:
    assert request_of(b'{"recipient": "a@isp.example"}').recipient == "a@isp.example"


@pytest.mark.parametrize(
    ("sender", "word"),
    [
        ("a b@bank.example", "@bank.example"),
        ("a,b@bank.example", "@bank.example"),
        ("a\nsender=x@bank.example", "@bank.example"),
        ("a@b@bank.example", "a@b@bank.example"),
        ("a@bank example", ""),
        ("a\u00ad@bank.example", "a @bank.example"),
        ("x" * 400 + "@bank.example", "@bank.example"),
        ("", ""),
        (None, ""),
        ({}, ""),
    ],
)
def test_of_a_sender_that_is_no_word_the_domain_is_asked_about(sender: object, word: str) -> None:
    found = request_of(json.dumps({"sender": sender, "author": sender}).encode())
    assert (found.sender, found.author) == (word, word)


@given(
    st.recursive(st.none() | st.text() | st.integers(), lambda each: st.lists(each) | st.dictionaries(st.text(), each))
)
def test_whatever_stands_in_a_question_no_word_of_it_is_two(value: Any) -> None:
    found = request_of(json.dumps(dict.fromkeys(ASKED, value)).encode())
    assert all(each.isprintable() and "," not in each for each in (found.sender, found.author, found.client_address))


def test_an_answer_is_limits() -> None:
    assert settings_of("CONTENT junk=5 reject=7.5 greylist=1") == {"actions": {"reject": 7.5, "add header": 5}}


def test_without_delays_greylisting_is_left_out() -> None:
    found = settings_of("CONTENT junk=5 reject=15 greylist=0")
    assert found is not None
    assert found["actions"]["greylist"] == 9999
    assert found["symbols_disabled"] == ("GREYLIST_CHECK", "GREYLIST_SAVE")


def test_who_is_denied_has_more_points_than_any_limit_and_the_rule_is_named() -> None:
    assert settings_of("CONTENT junk=5 reject=15 greylist=1 rule=deny:42") == {
        "actions": {"reject": 15, "add header": 9999, "rewrite subject": 9999, "greylist": 9999},
        "symbols": {"POSTERN_DENY": {"score": 1.0, "options": ["42"]}},
        "scores": {"POSTERN_DENY": 5000},
        "messages": {"smtp_message": "This address does not accept mail from you [rule 42]"},
    }


def test_for_who_is_allowed_no_score_counts() -> None:
    found = settings_of("CONTENT junk=5 reject=9999 greylist=0 rule=allow:42")
    assert found is not None
    assert set(found["actions"].values()) == {9999}
    assert found["symbols"] == {"POSTERN_ALLOW": {"score": 1.0, "options": ["42"]}}


def test_without_an_answer_nothing_is_set() -> None:
    assert settings_of("DUNNO") is None


@pytest.mark.servers
def test_both_kinds_are_answered_one_after_another_on_a_kept_connection(tmp_path: Path) -> None:
    async def answer(request: Request) -> str:
        return "CONTENT junk=5 reject=15 greylist=1" if request.recipient else "DUNNO"

    async def talk(sent: Sequence[bytes]) -> list[bytes]:
        server, _ = await listen(f"unix:{tmp_path}/s", answer, RSPAMD)
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
        writer.write(b"".join(sent))
        found = []
        for each in sent:
            head = await reader.readuntil(b"\n\n" if each.startswith(b"sender") else b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
            found.append(head.partition(b"\r")[0] + await reader.readexactly(int(length or 0)))
        writer.close()
        server.close()
        return found

    body = json.dumps(settings_of("CONTENT junk=5 reject=15 greylist=1")).encode()
    assert asyncio.run(talk([post(ASKED), b"sender=x\n\n", post({}), post(ASKED)])) == [
        b"HTTP/1.1 200 OK" + body,
        b"action=DUNNO\n\n",
        b"HTTP/1.1 404 Not Found",
        b"HTTP/1.1 200 OK" + body,
    ]
