"""A real rspamd with Postern's plugin, and the policy service that it asks: alone, or inside a Namespace as a milter of
a Postfix with its own service there. It has one rule, and no network.

Debian's whole configuration takes 15 s to start; what is left out of it here is rules, and a list of domains that it
compiles.
"""

from __future__ import annotations

import json
import os
import re
import sys
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final, Self

from app.demo.process import answers, end, find_program, free_port, spawn, wait_until
from tests import dovecot24
from tests.mta.guarded import SERVICE, environment
from tests.mta.namespace import Namespace

ROOT = Path(__file__).resolve().parents[2]
MILTER: Final = 11332
_CONFIG: Final = """\
options {{
  pidfile = "{folder}/pid";
  filters = "";
  url_tld = "{folder}/tld";
  local_addrs = ["127.0.0.0/8"];
  dns {{ nameserver = ["127.0.0.1:1"]; timeout = 0.1s; retransmits = 1; }}
  cache_file = "{folder}/cache";
  disable_hyperscan = true;
}}
logging {{ type = "file"; filename = "{folder}/log"; level = "info"; log_format = "{format}"; }}
{worker}
actions {{ reject = 15; add_header = 5; greylist = 4; }}
modules {{ path = "{folder}/plugins/"; }}
settings {{ {settings} }}
{ours}
lua = "{folder}/rules.lua";
"""
_ALONE: Final = 'worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}'
_PROXY: Final = """\
worker "rspamd_proxy" {{
  bind_socket = "127.0.0.1:{port}";
  milter = yes;
  upstream "local" {{ default = yes; self_scan = yes; }}
  count = 1;
}}
"""
# What an antivirus module does (its setting `action`), a rule of six points, and a name of greylisting.
_RULES: Final = """\
require "global_functions" ()
config['regexp'] = {}
local function has(word)
  return function(task)
    local subject = task:get_subject() or ''
    return subject:find(word) ~= nil, subject
  end
end
rspamd_config:register_symbol({ name = 'SIX', score = 6.0, callback = has('viagra') })
rspamd_config:register_symbol({ name = 'GREYLIST_CHECK', score = 0.0, callback = has('') })
rspamd_config:register_symbol({ name = 'VIRUS', score = 0.0, callback = function(task)
  if has('virus')(task) then
    task:set_pre_result('reject', 'virus', 'antivirus')
  end
end })
"""


class Rspamd:
    """`with` starts both. `database`: the service's; "" inside a network, where Postfix has started one. `plugin`: else
    its own settings module asks, which 3.4 cannot. `new`: Debian 13's 3.12."""

    def __init__(
        self, folder: Path, database: str, network: Namespace | None = None, *, plugin: bool = True, new: bool = False
    ) -> None:  # fmt: skip
        self.program = dovecot24.words("/usr/bin/rspamd") if new else ["rspamd"]
        self.folder, self.database, self.network, self.log = folder, database, network, folder / "log"
        self.port, self.service_port = (MILTER, SERVICE) if network else (free_port(), free_port())
        folder.chmod(0o777)
        (folder / "plugins").mkdir()
        (folder / "plugins/postern.lua").write_text((ROOT / "config/rspamd/postern.lua").read_text())
        (folder / "plugins/settings.lua").write_text('dofile(rspamd_paths["PLUGINSDIR"] .. "/settings.lua")\n')
        (folder / "rules.lua").write_text(_RULES)
        (folder / "tld").write_text("example\n")
        ours, settings = (
            (ROOT / f"config/rspamd/{name}").read_text().replace("10040", str(self.service_port))
            for name in ("rspamd.conf.local", "settings.conf")
        )
        filled = {"folder": folder, "format": _log_format(), "worker": _PROXY if network else _ALONE}
        filled |= {"worker": filled["worker"].format(port=self.port)}
        filled |= {"ours": ours, "settings": ""} if plugin else {"ours": "", "settings": f"\n{settings}"}
        (folder / "rspamd.conf").write_text(_CONFIG.format(**filled))

    @staticmethod
    def missing() -> bool:
        """Whether it is not installed."""
        return find_program("rspamd") is None

    def __enter__(self) -> Self:
        if self.database:
            self.serve()
        who = ["-u", "nobody", "-g", "nogroup"] if os.geteuid() == 0 else []
        with open(self.folder / "out", "wb") as output:
            words = [*self.program, "-f", *who, "-c", str(self.folder / "rspamd.conf")]
            self.process = spawn(self.network.words(words) if self.network else words, output=output)
        wait_until(self._is_there, self.process, "rspamd", self.folder / "out", seconds=30)
        return self

    def _is_there(self) -> bool:
        if self.network is None:
            return answers(self.port)
        try:
            self.network.connect(self.port).close()
        except OSError:
            return False
        return True

    def serve(self) -> None:
        """Starts the policy service."""
        own = environment(self.database, POSTERN_POLICY_BIND=f"127.0.0.1:{self.service_port}")
        with open(self.folder / "service", "wb") as output:
            self.service = spawn([sys.executable, "-m", "app.policy.service"], output=output, environ=own)
        wait_until(lambda: answers(self.service_port), self.service, "policy service", self.folder / "service")

    def stop_serving(self) -> None:
        """Ends it."""
        end(self.service)

    def __exit__(self, *_error: object) -> None:
        end(self.process)
        if self.database:
            self.stop_serving()

    def settings(self, *recipients: str, sender: str = "a@sender.example", author: str = "") -> str:
        """What its settings module would be told of the same message, in the words of external_map; "" for nothing."""
        asked = {"client_address": "203.0.113.7", "sender": sender, "author": author or sender, "recipient": recipients}
        line = HTTPConnection("127.0.0.1", self.service_port, timeout=20)
        line.request("POST", "/rspamd/settings", json.dumps(asked), {"Content-Type": "application/json"})
        answer = line.getresponse()
        told = answer.read().decode()
        line.close()
        return told if answer.status == 200 else ""

    def says(
        self, *recipients: str, sender: str = "a@sender.example", author: str = "", subject: str = "news", **more: str
    ) -> dict[str, Any]:
        """The verdict as JSON, of a message that a client at 203.0.113.7 sends."""
        mail = f"From: <{author or sender}>\r\nTo: x@one.example\r\nSubject: {subject}\r\n\r\nHello\r\n"
        line = HTTPConnection("127.0.0.1", self.port, timeout=20)
        line.putrequest("POST", "/checkv2")
        for name, value in {"IP": "203.0.113.7", "From": sender, "Content-Length": str(len(mail)), **more}.items():
            line.putheader(name, value)
        for each in recipients:
            line.putheader("Rcpt", each)
        line.endheaders(mail.encode())
        told: dict[str, Any] = json.load(line.getresponse())
        line.close()
        return told


def _log_format() -> str:
    """Debian's, on one line."""
    found = re.search(r"log_format =<<EOD\n(.*?)\nEOD", Path("/etc/rspamd/logging.inc").read_text(), re.DOTALL)
    assert found is not None
    return found[1].replace("\n", " ")
