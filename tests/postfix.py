"""A Postfix of one's own on a loopback port, for submission: STARTTLS, SASL through Dovecot, everything handed on to a
sink or delivered by LMTP. Needs root; its queue and logs lie in a folder that is thrown away.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from app.demo.certificate import Certificate
from app.demo.process import free_port
from tests.barepostfix import SERVICES, SETTINGS, log_of

_SERVICES = """\
127.0.0.1:{port} inet n - n - - smtpd
"""
_SETTINGS = """\
myhostname = mx.one.example
mynetworks = 127.0.0.2/32
default_transport = {others}
transport_maps = texthash:{folder}/etc/transport
disable_dns_lookups = yes
message_size_limit = 10000000
smtpd_tls_security_level = encrypt
smtpd_tls_chain_files = {key}, {chain}
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{sasl}
smtpd_sasl_security_options = noanonymous
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = check_recipient_access texthash:{folder}/etc/refused, permit_sasl_authenticated, reject
"""


class Postfix:
    """Listens on `port`. `sasl`: the port of Dovecot's auth; `sink`: the port of the next server; `lmtp`: by domain the
    port of the server that keeps its mail."""

    def __init__(
        self,
        folder: Path,
        certificate: Certificate,
        *,
        sasl: int,
        sink: int | None = None,
        lmtp: Mapping[str, int] | None = None,
    ) -> None:
        self.folder, self.port = folder, free_port()
        for name in ("etc", "queue", "data"):
            (folder / name).mkdir(parents=True)
        shutil.chown(folder / "data", "postfix")
        (folder / "etc/refused").write_text("nobody@one.example 550 5.1.1 no such user\n")
        routes = [f"{domain} lmtp:inet:127.0.0.1:{port}\n" for domain, port in (lmtp or {}).items()]
        (folder / "etc/transport").write_text("".join(routes))
        others = f"smtp:[127.0.0.1]:{sink}" if sink else "error:no such domain"
        names = {"folder": folder, "others": others, "sasl": sasl, "key": certificate.key, "chain": certificate.chain}
        (folder / "etc/main.cf").write_text((SETTINGS + _SETTINGS).format(**names))
        (folder / "etc/master.cf").write_text(_SERVICES.format(port=self.port) + SERVICES)

    @staticmethod
    def missing() -> str | None:
        """Why there can be none here; None where there can."""
        if os.geteuid() != 0:
            return "Postfix starts as root only"
        return None if shutil.which("postfix") else "postfix is not installed"

    def _run(self, words: Sequence[str | Path]) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(words, capture_output=True, timeout=60, check=False)

    def __enter__(self) -> Self:
        done = self._run(["postfix", "-c", self.folder / "etc", "start"])
        assert done.returncode == 0, done.stderr
        return self

    def __exit__(self, *_error: object) -> None:
        self._run(["postfix", "-c", self.folder / "etc", "stop"])
        time.sleep(0.1)

    @property
    def log(self) -> str:
        return log_of(self.folder, self._run)
