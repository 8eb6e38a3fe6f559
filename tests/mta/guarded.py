"""A Postfix that obeys Postern, by the lines of config/postfix/postern.cf, and the policy service beside it.

Both run inside a Namespace; people lie in a file, or where `maps` says. A postscreen stands before another port, by
the lines of config/postfix/postscreen.cf.
"""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from app.demo import node as nodes
from tests.barepostfix import SERVICES, SETTINGS, log_of
from tests.mta.namespace import Namespace

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "config/postfix"
PORT, SCREENED, SERVICE = 25, 2526, 10040
LIST = "zen.list.example"
_MASTER = """\
127.0.0.1:25 inet n - n - - smtpd
2526 inet n - n - 1 postscreen
smtpd pass - - n - - smtpd
dnsblog unix - - n - 0 dnsblog
tlsproxy unix - - n - 0 tlsproxy
"""
_MAIN = """\
myhostname = mx1.isp.example
mynetworks = 127.0.0.0/8
default_transport = discard
recipient_delimiter = +
relay_transport = discard
virtual_transport = discard
smtpd_error_sleep_time = 0
smtpd_helo_required = yes
inet_protocols = all
inet_interfaces = 127.0.0.1, ::1
postscreen_greet_wait = 1s
{maps}
{shipped}
postern_lists = {lists}
"""
_FILES = """\
virtual_mailbox_domains = isp.example
virtual_mailbox_maps = texthash:{folder}/etc/mailboxes"""


class Guarded:
    """The server; `log` is its own log file, `said` what is in it. `serve` starts the policy service, whose own log is
    `told`."""

    def __init__(
        self,
        network: Namespace,
        people: tuple[str, ...],
        maps: str = _FILES,
        lists: str = f"reject_rbl_client {LIST}",
        ports: str = "",
    ) -> None:
        self.network, self.folder, self.people, self.maps, self.lists = network, network.folder, people, maps, lists
        self.ports = ports
        (self.folder / "etc").mkdir()
        self.log, self._told = self.folder / "mail.log", self.folder / "service.txt"
        self._service: subprocess.Popen[bytes] | None = None

    @staticmethod
    def missing() -> str | None:
        """Why there can be none here; None where there can."""
        return Namespace.missing() if shutil.which("postfix") else "postfix is not installed"

    def __enter__(self) -> Self:
        for name in ("queue", "data"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "data", "postfix")
        shipped = "".join((SHIPPED / each).read_text() for each in ("postern.cf", "postscreen.cf"))
        maps = self.maps.format(folder=self.folder)
        main = (SETTINGS + _MAIN).format(folder=self.folder, maps=maps, shipped=shipped, lists=self.lists)
        (self.folder / "etc/main.cf").write_text(main)
        (self.folder / "etc/master.cf").write_text(_MASTER + self.ports.format(folder=self.folder) + SERVICES)
        (self.folder / "etc/mailboxes").write_text("".join(f"{each} box\n" for each in self.people))
        self._postfix("start")
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop_serving()
        self._postfix("stop")
        time.sleep(0.1)

    def _postfix(self, word: str) -> None:
        self.network.run(["postfix", "-c", self.folder / "etc", word])

    def serve(self, database: str, **settings: str) -> None:
        """Starts the policy service and waits until it listens."""
        words = self.network.words([sys.executable, "-m", "app.policy.service"])
        with self._told.open("ab") as output:
            self._service = subprocess.Popen(words, env=environment(database, **settings), stderr=output)
        end = time.monotonic() + 30
        while True:
            try:
                self.network.connect(SERVICE).close()
                return
            except OSError:
                assert self._service.poll() is None and time.monotonic() < end, self.told
                time.sleep(0.02)

    def said(self) -> str:
        """Its log, with all that it has to say by now."""
        return log_of(self.folder, self.network.run)

    def stop_serving(self) -> None:
        """Ends it."""
        if self._service is not None:
            self._service.terminate()
            self._service.wait(10)
            self._service = None

    @property
    def told(self) -> str:
        """What the service logged."""
        return self._told.read_text()


def environment(database: str, **settings: str) -> dict[str, str]:
    """What programs of Postern's are started with. In another mount namespace their folder is / again."""
    own = {"POSTERN_DATABASE_URL": database, "POSTERN_SECRET_KEY": secrets.token_urlsafe(32), **settings}
    return {**nodes.environment(own), "PYTHONPATH": str(ROOT)}
