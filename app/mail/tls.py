"""Which certificate proves that a mail server is the one that was asked for.

Contexts are built once per authority: `ssl.create_default_context` reads the whole bundle each time.
"""

from __future__ import annotations

import hashlib
import hmac
import socket
import ssl
from functools import lru_cache
from typing import Protocol

from app.mail.errors import ServerAway, Untrusted


class Endpoint(Protocol):
    """Where a service listens. `ca`: PEM text of a private authority; `pin`: SHA-256 of the certificate (DER), hex."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def security(self) -> str: ...
    @property
    def ca(self) -> str | None: ...
    @property
    def pin(self) -> str | None: ...
    @property
    def name(self) -> str | None: ...


def context_for(endpoint: Endpoint, *, ca_file: str | None = None) -> ssl.SSLContext:
    """The context for an endpoint. A pin is compared instead of verified; `ca_file` is the site's own authority."""
    return _context(endpoint.ca, ca_file, bool(endpoint.pin))


@lru_cache(maxsize=256)
def _context(ca: str | None, ca_file: str | None, pinned: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=ca) if ca else ssl.create_default_context(cafile=ca_file)
    if pinned:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def server_name(endpoint: Endpoint) -> str:
    """The name that the certificate must carry."""
    return endpoint.name or endpoint.host


def check_pin(endpoint: Endpoint, certificate: bytes | None) -> None:
    """Compares the certificate (DER) with the endpoint's pin, where it has one. Untrusted where they differ."""
    if not endpoint.pin:
        return
    wanted = endpoint.pin.replace(":", "").lower()
    if not hmac.compare_digest(hashlib.sha256(certificate or b"").hexdigest(), wanted):
        raise Untrusted("the server's certificate is not the pinned one")


def untrusted(error: ssl.SSLError) -> Untrusted:
    """The error of a failed handshake, in words for an operator's log."""
    return Untrusted(getattr(error, "verify_message", "") or error.reason or "the TLS handshake failed")


def secured(sock: socket.socket, endpoint: Endpoint, *, seconds: float, ca_file: str | None = None) -> ssl.SSLSocket:
    """TLS on a connected socket, with the certificate checked. The socket is closed where that fails: Untrusted,
    ServerAway."""
    sock.settimeout(seconds)
    made = context_for(endpoint, ca_file=ca_file).wrap_socket(
        sock, server_hostname=server_name(endpoint), do_handshake_on_connect=False
    )
    try:
        made.do_handshake()
        check_pin(endpoint, made.getpeercert(binary_form=True))
    except ssl.SSLError as error:
        made.close()
        raise untrusted(error) from None
    except OSError as error:
        made.close()
        raise ServerAway(f"TLS: {error.strerror or 'timed out'}") from None
    except Untrusted:
        made.close()
        raise
    return made
