"""What any Postfix of the tests is made of: its own services, and settings that keep it on loopback, in one folder."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

SERVICES: Final = """\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
SETTINGS: Final = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
alias_maps =
"""


def log_of(folder: Path, run: Callable[[Sequence[str | Path]], object]) -> str:
    """The log of the Postfix in that folder, with all that its programs have said by now: postlogd, to which each hands
    its lines before it answers a client, writes them a moment later, one after the other."""
    mark = secrets.token_hex(8)
    run(["postlog", "-c", folder / "etc", "-t", "postfix/postfix-script", mark])
    end = time.monotonic() + 30
    while mark not in (text := (folder / "mail.log").read_text(errors="replace")):
        assert time.monotonic() < end, text[-2000:]
        time.sleep(0.02)
    return text
