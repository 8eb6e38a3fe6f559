"""Reads the URL of a mail server's service, such as `imaps://imap.example.net:993`.

The scheme says the security: `imaps` TLS from the first byte, `imap` STARTTLS (always, never optional), `imap+plain`
neither. So for smtp and sieve.
"""

import ipaddress
import re
from typing import Literal
from urllib.parse import urlsplit

from app.directory.account import Endpoint, Security
from app.directory.address import ascii_domain

Family = Literal["imap", "smtp", "sieve", "ldap", "doveadm", "poppassd"]

# Ports: RFC 8314 §7.1 and §7.3 (993, 465), RFC 3501 (143), RFC 6409 (587), RFC 5804 (4190; it has STARTTLS only).
_SCHEMES: dict[Family, dict[str, tuple[Security, int]]] = {
    "imap": {"imaps": ("tls", 993), "imap": ("starttls", 143), "imap+plain": ("plain", 143)},
    "smtp": {"smtps": ("tls", 465), "smtp": ("starttls", 587), "smtp+plain": ("plain", 587)},
    "sieve": {"sieve": ("starttls", 4190), "sieve+plain": ("plain", 4190)},
    "ldap": {"ldaps": ("tls", 636), "ldap": ("starttls", 389), "ldap+plain": ("plain", 389)},
    "doveadm": {"doveadm+https": ("tls", 8443), "doveadm+http": ("plain", 8080)},
    "poppassd": {"poppassds": ("tls", 106), "poppassd": ("plain", 106)},
}
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")


def parse_endpoint(url: str, family: Family, *, allow_plaintext: bool = False, ca: str | None = None) -> Endpoint:
    """The endpoint that a URL names. `ca` is the PEM text of a private authority to go with it.

    Raises ValueError with a plain sentence for a person. Without `allow_plaintext` the plain form is for loopback only.
    """
    schemes = _SCHEMES[family]
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ValueError(f"is not a URL: {error}") from None
    if parts.scheme not in schemes:
        raise ValueError(f"must begin with {' or '.join(f'{name}://' for name in schemes)}")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user name or password")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("must end after the host and port")
    security, usual_port = schemes[parts.scheme]
    endpoint = Endpoint(checked_host(host), usual_port if port is None else checked_port(port), security, ca)
    refuse_plaintext(endpoint, allow_plaintext=allow_plaintext)
    return endpoint


def usual_port(family: Family, security: Security) -> int:
    """The port that a service usually has with this security. Raises ValueError for TLS from the start with sieve."""
    for scheme in _SCHEMES[family].values():
        if scheme[0] == security:
            return scheme[1]
    raise ValueError(f"{family} with {security} has no usual port; say which")


def checked_host(host: str) -> str:
    """A host name or IP address in its one written form (lower case, punycode). Raises ValueError."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    name = host.lower() if host.isascii() else ascii_domain(host)
    if not _HOST.fullmatch(name):
        raise ValueError("needs the name or address of a host")
    return name


def checked_port(port: int) -> int:
    """The same port, or ValueError when it is outside 1 to 65535."""
    if not 1 <= port <= 65535:
        raise ValueError("needs a port from 1 to 65535")
    return port


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its very name or address (no DNS is asked)."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def refuse_plaintext(endpoint: Endpoint, *, allow_plaintext: bool) -> None:
    """Raises ValueError where a password would cross a network unencrypted and nobody has said that it may."""
    if endpoint.security == "plain" and not allow_plaintext and not is_loopback(endpoint.host):
        raise ValueError(
            "would send passwords unencrypted; only loopback may be plain unless POSTERN_ALLOW_PLAINTEXT=1"
        )
