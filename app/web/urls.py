"""How a mailbox name stands in a URL, addresses for templates, and which a sign-in may return to.

A mailbox name may hold slashes, percent signs, quotes, spaces and any script; Werkzeug and proxies decode
%2F early, so every byte of its UTF-8 outside A-Za-z0-9_- is written ~hh. INBOX stays INBOX.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any

from flask import Flask, request
from werkzeug.routing import BaseConverter, ValidationError

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
_ESCAPE = re.compile(r"~([0-9a-f]{2})")
_LOCAL = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
MAX_NAME = 1000


@lru_cache(maxsize=1024)
def escape_mailbox(name: str) -> str:
    """A mailbox name as one path segment of unreserved characters (RFC 3986 §2.3)."""
    return "".join(chr(byte) if byte in _PLAIN else f"~{byte:02x}" for byte in name.encode())


def unescape_mailbox(segment: str) -> str:
    """The mailbox name of a path segment; ValueError where no name is written so, or it holds control characters."""
    raw = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), segment).encode("latin-1")
    name = raw.decode("utf-8")
    if escape_mailbox(name) != segment or not name or any(ord(char) < 32 or ord(char) == 127 for char in name):
        raise ValueError(f"not a mailbox: {segment!r}")
    return name


def local_path(target: str | None) -> str | None:
    """`target` if it is a path on this site, else None: no scheme, no host, no backslash, no control character."""
    if target and len(target) <= 2000 and _LOCAL.fullmatch(target):
        return target
    return None


def remembered(app: Flask) -> Callable[..., str]:
    """`url_for` for templates: the same addresses stand in every page, and building one takes 20 µs."""

    @lru_cache(maxsize=1024)
    def built(_root: str, endpoint: str, values: tuple[tuple[str, Any], ...]) -> str:
        return app.url_for(endpoint, **dict(values))

    def url_for(endpoint: str, **values: Hashable) -> str:
        """The path of an endpoint, as Flask's own builds it."""
        return built(request.script_root, endpoint, tuple(values.items()))

    return url_for


class MailboxConverter(BaseConverter):
    """`<mailbox:name>` in a route: one spelling per mailbox, everything else is not found."""

    regex = rf"[A-Za-z0-9_~-]{{1,{3 * MAX_NAME}}}"

    def to_python(self, value: str) -> str:
        """The name; a segment that no name is written as does not match."""
        try:
            return unescape_mailbox(value)
        except ValueError:
            raise ValidationError(value) from None

    def to_url(self, value: str) -> str:
        """The segment."""
        return escape_mailbox(value)
