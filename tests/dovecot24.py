"""A Dovecot 2.4 of one's own, as app/demo/dovecot.py starts a 2.3: Debian 13's, which .ci/debian13 unpacked.

It runs in a root of its own, since its libc is newer than this system's; temporary files and the network are the
system's. Needs root. Only what the tests of 2.4 want of a server is written in its syntax.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from app.demo.dovecot import Dovecot
from app.demo.dovecot_config import Layout
from tests.mta.namespace import Namespace

ROOT = Path(__file__).resolve().parents[1] / "var/cache/debian13"  # Rspamd 3.12 lies there, too
_COMPLAINT = re.compile(r" (?:Warning|Error|Fatal|Panic): ")
_INSIDE = """\
root=$1 && shift
for each in /dev /proc {folder}; do mkdir -p "$root$each" && mount --rbind "$each" "$root$each"; done
exec chroot "$root" "$@"
"""


def missing() -> str | None:
    """Why there can be none here; None where there can."""
    if not (ROOT / "usr/sbin/dovecot").exists():
        return "Dovecot 2.4 is not unpacked: .ci/debian13"
    return Namespace.missing()


def words(path: str) -> list[str | Path]:
    """How a program of that root is begun."""
    inside = _INSIDE.format(folder=tempfile.gettempdir())
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", inside, "sh", ROOT, path]


def compile_scripts(server: Dovecot) -> None:
    """The scripts beside its configuration, as an operator compiles them."""
    for each in server.folder.glob("*.sieve"):
        subprocess.run([*server.program("sievec"), "-c", server.folder / "dovecot.conf", each], check=True)


def complaints(server: Dovecot) -> list[str]:
    """What it has logged that an operator would have to look into."""
    return [line for line in server.log().splitlines() if _COMPLAINT.search(line)]


class Dovecot24(Dovecot):
    """One mail server of version 2.4; options and blocks of accounts are in its syntax."""

    def program(self, name: str) -> list[str | Path]:
        return words("/usr/sbin/dovecot" if name == "dovecot" else f"/usr/bin/{name}")

    def configuration(self, layout: Layout) -> str:
        parts = [_VERSION, _BASE.format(layout=layout, protocols=_protocols(layout))]
        parts.append(layout.accounts or _accounts(layout))
        parts += [_NAMESPACE, _listeners(layout), _SIEVE if "sieve" in layout.ports else ""]
        parts.append(_TLS.format(tls=layout.tls) if layout.tls else "ssl = no\n")
        if layout.quota:
            parts.append(_QUOTA.format(size=layout.quota))
        if layout.hibernate:
            parts.append(_HIBERNATE)
        return "\n".join([*parts, layout.options, ""])

    def complaints(self, lines: str) -> str:
        """What `doveconf -n` has against some lines behind Debian's own files."""
        file = self.folder / "asked.conf"
        file.write_text(f"{_VERSION}!include /usr/share/dovecot/conf.d/*.conf\n{lines}")
        words = [*self.program("doveconf"), "-n", "-c", file]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=20)
        return done.stderr if done.returncode == 0 else f"{done.returncode}: {done.stderr}"


def _protocols(layout: Layout) -> str:
    names = ["imap", "lmtp", *(["sieve"] if "sieve" in layout.ports else [])]
    return "\n".join(f"  {name} = yes" for name in names)


_VERSION = "dovecot_config_version = 2.4.1\ndovecot_storage_version = 2.4.1\n"
_BASE = """\
protocols {{
{protocols}
}}
base_dir = {layout.run}
state_dir = {layout.run}
instance_name = postern-{layout.ports[imap]}
log_path = {layout.folder}/dovecot.log
auth_verbose = yes
auth_allow_cleartext = yes
auth_failure_delay = 0
login_trusted_networks = 127.0.0.0/8
mail_fsync = never
mail_driver = maildir
mail_path = ~/Maildir
mailbox_list_layout = fs
imap_id_retain = yes
first_valid_uid = 0
mailbox_idle_check_interval = 2 s
# As Debian's own files have it: what is shipped comes behind them.
protocol lmtp {{
  auth_username_format = %{{user | username | lower}}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""


def _accounts(layout: Layout) -> str:
    master = f"""\
auth_master_user_separator = *
passdb masters {{
  driver = passwd-file
  passwd_file_path = {layout.folder}/masters
  master = yes
}}
"""
    own = f"""\
passdb passwd-file {{
  passwd_file_path = {layout.folder}/accounts/%{{user}}
}}
userdb static {{
  fields {{
    uid = nobody
    gid = nogroup
    home = {layout.folder}/mail/%{{user}}
  }}
}}
"""
    return (master if layout.master else "") + own


def _listeners(layout: Layout) -> str:
    ports = {"imaps": 0, **layout.ports}
    return "".join(_LISTENER.format(service=_SERVICES[name], name=name, port=ports[name]) for name in ports)


_SERVICES = {
    "imap": "imap-login",
    "imaps": "imap-login",
    "lmtp": "lmtp",
    "sieve": "managesieve-login",
    "sasl": "auth",
}
_LISTENER = """\
service {service} {{
  inet_listener {name} {{
    listen = 127.0.0.1
    port = {port}
  }}
}}
"""
_MAILBOXES = "".join(
    f"  mailbox {name} {{\n    special_use = \\{name}\n    auto = subscribe\n  }}\n"
    for name in ("Drafts", "Sent", "Junk", "Trash", "Archive")
)
_NAMESPACE = f"namespace inbox {{\n  inbox = yes\n  separator = /\n{_MAILBOXES}}}\n"

# The script that somebody saves by ManageSieve; it runs as mail is delivered.
_SIEVE = """\
protocol lmtp {
  mail_plugins {
    sieve = yes
  }
}
sieve_quota_storage_size = 300K
sieve_script personal {
  type = personal
  path = ~/sieve
  active_path = ~/.dovecot.sieve
}
"""

_QUOTA = """\
mail_plugins {{
  quota = yes
}}
protocol imap {{
  mail_plugins {{
    imap_quota = yes
  }}
}}
quota "User quota" {{
  driver = maildir
  storage_size = {size}
  storage_grace = 0
}}
"""
_TLS = """\
ssl = yes
ssl_server_cert_file = {tls.chain}
ssl_server_key_file = {tls.key}
"""
_HIBERNATE = """\
imap_hibernate_timeout = 1 s
service imap {
  extra_groups = $SET:default_internal_group
  unix_listener imap-master {
    user = $SET:default_internal_user
  }
}
"""

VERSIONS: dict[str, type[Dovecot]] = {"2.3": Dovecot, "2.4": Dovecot24}
