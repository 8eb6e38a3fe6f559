"""Asks a site's own program to give out, or to delete, what it keeps: one POST of JSON with a shared secret.

`{"action": "release", "kept": "mailscanner:4F5C64474F", "recipient": …, "message_id": …}`; 2xx means done, 4xx that it
does not or no longer has it. Redirects are not followed: the address is the operator's, nobody else names one.
"""

from __future__ import annotations

import http.client
import json
import ssl
from typing import Final
from urllib.parse import urlsplit

from app.policy.errors import BadValue
from app.policy.release import SECONDS, NotReleased, QuarantineAway

ACTIONS: Final = ("release", "delete")


def asked(
    url: str, secret: str, action: str, kept: str, recipient: str, *, message_id: str = "", ca_file: str | None = None,
    seconds: float = SECONDS,
) -> None:  # fmt: skip
    """Raises NotReleased where the program says no, QuarantineAway where it does not answer or is at fault."""
    if action not in ACTIONS:
        raise BadValue("no such action")
    told = {"action": action, "kept": kept, "recipient": recipient, "message_id": message_id}
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {secret}"}
    parts = urlsplit(url)
    line = _line(parts.scheme, parts.hostname or "", parts.port, ca_file, seconds)
    try:
        line.request("POST", parts.path or "/", json.dumps(told).encode(), headers)
        status = line.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise QuarantineAway(type(error).__name__) from None
    finally:
        line.close()
    if not 200 <= status < 300:
        raise (NotReleased if 400 <= status < 500 and status != 429 else QuarantineAway)(f"HTTP {status}")


def _line(scheme: str, host: str, port: int | None, ca_file: str | None, seconds: float) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=seconds)
    context = ssl.create_default_context(cafile=ca_file)
    return http.client.HTTPSConnection(host, port, timeout=seconds, context=context)
