"""The mail servers for doctor.py, without a login: their addresses, greeting, certificate and capabilities.

What is on this machine only where a mail server is (inotify) belongs to them.
"""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from app.directory.account import Endpoint, Server
from app.directory.check import unreachable
from app.directory.endpoint import is_loopback
from app.directory.open import unlisted
from app.mail.direct import introduce
from app.mail.errors import MailError, Untrusted
from app.web.operating.diagnosis import PART_SECONDS, Finding, Part, State
from config.default import Settings

DAYS_LEFT = 14
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INSTANCES = 1024
WANTED = ("PREVIEW", "SORT", "ESORT", "CONDSTORE", "MOVE", "UIDPLUS", "SPECIAL-USE")

Listed = list[tuple[str, Server]]


def mail_servers(settings: Settings, listed: Listed) -> list[Part]:
    """A part for each service of each mail server."""
    usual = unlisted(settings)
    servers = [*listed, *([("POSTERN_IMAP_URL", usual.server)] if usual else [])]
    parts: list[Part] = []
    for name, server in servers:
        parts.append((f"mail server {name}", partial(_imap, settings, server.imap)))
        for service, endpoint in (("submission", server.submission), ("sieve", server.sieve)):
            if endpoint is not None:
                parts.append((f"{service} of {name}", partial(_reached, endpoint)))
    if any(is_loopback(server.imap.host) for _, server in servers):
        parts.append(("inotify", _inotify))
    return parts


def _imap(settings: Settings, endpoint: Endpoint) -> Iterator[Finding]:
    yield from _reached(endpoint)
    ca_file = str(settings.ca_file) if settings.ca_file else None
    try:
        met = introduce(endpoint, seconds=PART_SECONDS / 2, ca_file=ca_file)
    except Untrusted as error:
        todo = "renew the certificate, or name its authority (tls_ca of the server, POSTERN_CA_FILE)"
        yield Finding("fault", f"its certificate does not prove who it is: {error.text}", todo)
        return
    except MailError as error:
        yield Finding("fault", f"IMAP: {error.text}", "see that it runs and lets this node in")
        return
    yield from _certificate(endpoint, met.expires)
    yield from _capabilities(met.capabilities)


def _reached(endpoint: Endpoint) -> Iterator[Finding]:
    """Every address of its name takes a connection."""
    silent = list(unreachable(endpoint, timeout=PART_SECONDS / 5))
    yield Finding("ok", f"{endpoint.host} port {endpoint.port}, {endpoint.security}")
    for text in silent:
        yield Finding("fault", text, "see its name, its addresses and the firewall")
    if endpoint.security == "plain" and not is_loopback(endpoint.host):
        yield Finding("warning", "passwords cross the network readable", "tls or starttls")


def _certificate(endpoint: Endpoint, expires: float | None) -> Iterator[Finding]:
    if endpoint.pin:
        yield Finding("ok", "the certificate is the pinned one")
    elif expires is not None:
        days = int((expires - time.time()) // 86400)
        state: State = "ok" if days >= DAYS_LEFT else "warning"
        yield Finding(state, f"certificate valid for {days} days", "" if state == "ok" else "renew the certificate")


def _capabilities(offered: tuple[str, ...]) -> Iterator[Finding]:
    """What speeds pages up. Dovecot names most of it after a login only, so what is missing here is no warning."""
    names = {name.upper() for name in offered}
    if "AUTH=PLAIN" not in names and "LOGINDISABLED" in names:
        yield Finding("fault", "it offers no way to sign in with a password", "permit AUTH=PLAIN under TLS")
    wanted = [name for name in WANTED if name in names]
    named = ", ".join(wanted) or f"none of {', '.join(WANTED)} (many servers name them after it)"
    yield Finding("ok", f"before a login it names {named}")


def _inotify() -> Iterator[Finding]:
    """Only where a mail server is on this machine: each connection that Dovecot hibernates is one instance."""
    try:
        most = int(INOTIFY.read_text())
    except (OSError, ValueError):
        yield Finding("ok", "the limit of instances is not known")
        return
    todo = "sysctl fs.inotify.max_user_instances=65536 where Dovecot hibernates connections (docs/operations.md)"
    state: State = "ok" if most >= INSTANCES else "warning"
    yield Finding(state, f"{most} instances for each user of this machine", "" if state == "ok" else todo)
