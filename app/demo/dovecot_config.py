"""The configuration of the demo's and the tests' Dovecot.

Dovecot 2.3 as an ordinary user needs its own user in every service and no chroot; as root it refuses to touch mail
as root, so mail belongs to nobody. In braces each setting needs its own line.
"""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.demo.certificate import Certificate


@dataclass(frozen=True)
class Layout:
    """Where one Dovecot keeps its files, and what it offers."""

    folder: Path
    run: Path
    ports: Mapping[str, int]
    tls: Certificate | None
    quota: str | None
    master: bool
    hibernate: bool
    options: str
    accounts: str = ""


def configuration(layout: Layout) -> str:
    """Return the text of dovecot.conf."""
    accounts, user = layout.accounts or _accounts(layout), _USER if os.getuid() else _ROOT
    parts = [_base(layout), accounts, _NAMESPACE, _listeners(layout), user]
    if layout.tls:
        parts.append(f"ssl = yes\nssl_cert = <{layout.tls.chain}\nssl_key = <{layout.tls.key}\n")
    if "sieve" in layout.ports:
        parts.append(_SIEVE)
    if layout.quota:
        parts.append(_QUOTA.format(size=layout.quota))
    if layout.hibernate:
        parts.append(_HIBERNATE)
    return "\n".join([*parts, layout.options, ""])


def _base(layout: Layout) -> str:
    protocols = "imap lmtp" + (" sieve" if "sieve" in layout.ports else "")
    names = _own_names()
    return f"""\
protocols = {protocols}
base_dir = {layout.run}
state_dir = {layout.run}
instance_name = postern-{layout.ports["imap"]}
log_path = {layout.folder}/dovecot.log
auth_verbose = yes
default_internal_user = {names[0]}
default_internal_group = {names[1]}
default_login_user = {names[2]}
ssl = no
disable_plaintext_auth = no
login_trusted_networks = 127.0.0.0/8
mail_fsync = never
mail_location = maildir:~/Maildir:LAYOUT=fs
imap_id_retain = yes
first_valid_uid = 0
# A user has 128 inotify instances by default and each connection in IDLE takes one; without, Dovecot looks by itself.
mailbox_idle_check_interval = 2 s
"""


def _own_names() -> tuple[str, str, str]:
    """The internal user, its group and the login user: Debian's for root, one's own for anybody else."""
    if os.getuid() == 0:
        return "dovecot", "dovecot", "dovenull"
    me = pwd.getpwuid(os.getuid()).pw_name
    return me, grp.getgrgid(os.getgid()).gr_name, me


def _accounts(layout: Layout) -> str:
    uid, gid = ("nobody", "nogroup") if os.getuid() == 0 else _own_names()[:2]
    master = f"""\
auth_master_user_separator = *
passdb {{
  driver = passwd-file
  args = {layout.folder}/masters
  master = yes
}}
"""
    return (
        (master if layout.master else "")
        + f"""\
passdb {{
  driver = passwd-file
  args = username_format=%u {layout.folder}/accounts/%u
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={layout.folder}/mail/%u
}}
"""
    )


def _listeners(layout: Layout) -> str:
    ports = layout.ports
    services = [_service("imap-login", {"imap": ports["imap"], "imaps": ports.get("imaps", 0)}, _FAST_LOGIN)]
    services.append(_service("lmtp", {"lmtp": ports["lmtp"]}))
    if "sieve" in ports:
        services.append(_service("managesieve-login", {"sieve": ports["sieve"]}))
    if "sasl" in ports:
        services.append(_service("auth", {"sasl": ports["sasl"]}))
    return "".join(services)


def _service(name: str, listeners: Mapping[str, int], more: str = "") -> str:
    inner = "".join(
        f"  inet_listener {listener} {{\n    address = 127.0.0.1\n    port = {port}\n"
        + ("    ssl = yes\n" if listener == "imaps" and port else "")
        + "  }\n"
        for listener, port in listeners.items()
    )
    return f"service {name} {{\n{inner}{more}}}\n"


_FAST_LOGIN = "  service_count = 0\n  process_min_avail = 1\n"

_NAMESPACE = """\
namespace inbox {
  inbox = yes
  separator = /
  mailbox Drafts {
    special_use = \\Drafts
    auto = subscribe
  }
  mailbox Sent {
    special_use = \\Sent
    auto = subscribe
  }
  mailbox Junk {
    special_use = \\Junk
    auto = subscribe
  }
  mailbox Trash {
    special_use = \\Trash
    auto = subscribe
  }
  mailbox Archive {
    special_use = \\Archive
    auto = subscribe
  }
}
"""

# Failed sign-ins are neither delayed nor remembered by address: all tests come from 127.0.0.1. A site keeps both.
_NO_PENALTY = """\
auth_failure_delay = 0
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
"""

_ROOT = _NO_PENALTY

_USER = (
    _NO_PENALTY
    + "".join(
        f"service {name} {{\n  chroot =\n}}\n" for name in ("anvil", "imap-login", "managesieve-login", "stats", "lmtp")
    )
    + "".join(f"service {name} {{\n  user = $default_internal_user\n}}\n" for name in ("lmtp", "auth-worker"))
)

# Scripts lie in ~/sieve, the active one is ~/.dovecot.sieve; they run as mail is delivered.
_SIEVE = """\
protocol lmtp {
  mail_plugins = $mail_plugins sieve
}
plugin {
  sieve_quota_max_storage = 300K
}
"""

_QUOTA = """\
mail_plugins = $mail_plugins quota
protocol imap {{
  mail_plugins = $mail_plugins imap_quota
}}
plugin {{
  quota = maildir:User quota
  quota_rule = *:storage={size}
}}
"""

_HIBERNATE = """\
imap_hibernate_timeout = 1 s
service imap-hibernate {
  unix_listener imap-hibernate {
    mode = 0666
  }
}
service imap {
  unix_listener imap-master {
    user = $default_internal_user
    mode = 0666
  }
}
"""
