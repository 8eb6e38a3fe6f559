"""Where the tests' mail servers listen, and short ways to borrow from a keeper of the test's own."""

from __future__ import annotations

from app.directory.account import Endpoint, Security


def place(port: int, security: Security = "plain", *, host: str = "127.0.0.1", ca: str | None = None,
          pin: str | None = None) -> Endpoint:  # fmt: skip
    """An endpoint on the loopback."""
    return Endpoint(host, port, security, ca=ca, pin=pin)
