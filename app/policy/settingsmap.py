"""Rspamd's own `settings` asks over HTTP what holds for a message (external_map): a POST of JSON, an object back.

It says what content.py says, and is asked within the bounds of the plugin (config/rspamd/postern.lua): both ways decide
alike. Names and values of the object are ours and numbers: nothing that was asked stands in it.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from app.policy.answers import DENIED
from app.policy.content import MOST, NEVER
from app.policy.delegation import BadRequest, Request, Wire, printable

PATH: Final = b"/rspamd/settings"
HEAD: Final = 2048  # bytes; Rspamd's has 200
BODY: Final = 14_000  # with the head it is less than delegation.REQUEST
FIRST: Final = 5000  # points, as in the plugin
GREYLISTING: Final = ("GREYLIST_CHECK", "GREYLIST_SAVE")
_ACTIONS: Final = ("reject", "add header", "rewrite subject", "greylist")
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d{1,6}) *\r\n", re.IGNORECASE)
# Which no page in a browser sends to another host, unless that agrees first.
_JSON: Final = re.compile(rb"\r\ncontent-type: *application/json *[;\r]", re.IGNORECASE)
_WORD: Final = re.compile(r"[!-~\x80-\uD7FF\uE000-\U0010FFFF]{1,399}")


def _cut(came: bytes) -> tuple[Request, int] | None:
    end = came.find(b"\r\n\r\n") + 4
    if end > HEAD or (end < 4 and len(came) > HEAD):
        raise BadRequest
    if end < 4:
        return None
    head = came[:end]
    lengths = _LENGTH.findall(head)
    if not head.startswith(b"POST %b HTTP/1.1\r\n" % PATH) or not _JSON.search(head) or len(lengths) != 1:
        raise BadRequest
    until = end + int(lengths[0])
    if until > end + BODY:
        raise BadRequest
    return None if len(came) < until else (request_of(came[end:until]), until)


def request_of(body: bytes) -> Request:
    """What is asked: `client_address`, `sender`, `author`, and `recipient`, a list. Raises BadRequest."""
    try:
        asked = json.loads(body.decode(errors="replace"), strict=False)  # libucl escapes not all that it should
    except (ValueError, RecursionError) as error:
        raise BadRequest from error
    if not isinstance(asked, dict):
        raise BadRequest
    recipients = asked.get("recipient", [])
    several = [recipients] if isinstance(recipients, str) else recipients
    if not isinstance(several, list) or len(several) > MOST or not all(_is_word(each) for each in several):
        several = []  # the site's own limits are for all of them
    return Request(
        protocol_state="RCPT",
        policy_context="content",
        client_address=_word(asked.get("client_address")),
        sender=_word(asked.get("sender")),
        author=_word(asked.get("author")),
        recipient=",".join(map(printable, several)),
    )


def _is_word(text: object) -> bool:
    return (
        isinstance(text, str)
        and bool(_WORD.fullmatch(text))
        and not set(text) & set(",<>")
        and len(text.encode()) < 400
    )


def _word(text: object) -> str:
    """An address as one word. Of one that is none, rules about its domain still hold."""
    if not isinstance(text, str):
        return ""
    domain = text.rpartition("@")[2]
    return printable(text) if _is_word(text) else printable(f"@{domain}") if _is_word(domain) else ""


def settings_of(answer: str) -> dict[str, Any] | None:
    """The settings object of an answer of content.py; None where that says nothing."""
    place, *words = answer.split()
    if place != "CONTENT":
        return None
    said = dict(each.split("=") for each in words)
    action, _, rule = said.get("rule", "").partition(":")
    limits = {"reject": float(said["reject"])} | ({} if action == "deny" else {"add header": float(said["junk"])})
    never = dict.fromkeys(_ACTIONS if action else ("greylist",) if said["greylist"] == "0" else (), float(NEVER))
    found: dict[str, Any] = {"actions": never if action == "allow" else never | limits}
    if said["greylist"] == "0":
        found["symbols_disabled"] = GREYLISTING
    if action:
        found["symbols"] = {f"POSTERN_{action.upper()}": {"score": 1.0, "options": [rule]}}
    if action == "deny":
        found |= {"scores": {"POSTERN_DENY": FIRST}, "messages": {"smtp_message": f"{DENIED} [rule {rule}]"}}
    return found


def _told(answer: str) -> bytes:
    """404: Rspamd goes on with the site's own limits."""
    found = settings_of(answer)
    status, body = ("404 Not Found", b"") if found is None else ("200 OK", json.dumps(found).encode())
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


RSPAMD: Final = Wire(_cut, _told)
