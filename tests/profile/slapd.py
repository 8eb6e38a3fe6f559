"""An OpenLDAP server of one's own on a loopback port, with people in it, thrown away afterwards."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from ldap3.utils.dn import escape_rdn

from app.demo.certificate import Certificate
from app.demo.process import answers, end, find_program, free_port, kill_group, spawn, wait_until

BASE = "ou=people,dc=one,dc=example"
READER, PASSWORD = "cn=reader,dc=one,dc=example", "only to read"
_SETTINGS = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile {folder}/pid
modulepath /usr/lib/ldap
moduleload back_mdb
sizelimit 100
{tls}
database mdb
suffix "dc=one,dc=example"
rootdn "{reader}"
rootpw "{password}"
directory {folder}/data
{access}
"""
_TOP = f"""\
dn: dc=one,dc=example
objectClass: dcObject
objectClass: organization
dc: one
o: One

dn: {BASE}
objectClass: organizationalUnit
ou: people
"""


class Slapd:
    """One server; `people` are names and addresses. `anonymous`: whether it may be read without signing in; `access`:
    its rules about that, in place of these; `more`: settings of the whole server."""

    def __init__(
        self, folder: Path, people: dict[str, str], *, certificate: Certificate | None = None, anonymous: bool = True,
        access: str = "", more: str = "",
    ) -> None:
        self.folder, self.port, self.tls_port = folder, free_port(), free_port()
        self.certificate = certificate
        self.process: subprocess.Popen[bytes] | None = None
        (folder / "data").mkdir(parents=True)
        tls = ""
        if certificate:
            tls = f"TLSCertificateFile {certificate.chain}\nTLSCertificateKeyFile {certificate.key}"
        tls = f"{tls}\n{more}"
        access = access or ("" if anonymous else "access to * by anonymous auth")
        settings = _SETTINGS.format(folder=folder, tls=tls, reader=READER, password=PASSWORD, access=access)
        (folder / "slapd.conf").write_text(settings)
        (folder / "people.ldif").write_text(_TOP + "".join(_entry(*each) for each in people.items()))
        self._run("slapadd", "-q", "-l", folder / "people.ldif")

    def _run(self, program: str, *arguments: object) -> None:
        command = [find_program(program) or program, "-f", self.folder / "slapd.conf", *arguments]
        subprocess.run([str(each) for each in command], check=True, capture_output=True)

    def start(self) -> Slapd:
        """Start and wait until it answers."""
        urls = f"ldap://127.0.0.1:{self.port}" + (f" ldaps://127.0.0.1:{self.tls_port}" if self.certificate else "")
        program = find_program("slapd")
        assert program, "no slapd: apt install slapd"
        with (self.folder / "log").open("ab") as log:
            command = [program, "-f", self.folder / "slapd.conf", "-h", urls, "-d", "0"]
            self.process = spawn(command, output=log)
        wait_until(lambda: answers(self.port), self.process, "slapd", self.folder / "log")
        return self

    def stop(self) -> None:
        """Stop it; a second start uses the same ports."""
        if self.process:
            end(self.process)

    def kill(self) -> None:
        """End it at once."""
        if self.process:
            kill_group(self.process)

    def remove(self) -> None:
        """Stop it and take its files away."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def _entry(name: str, address: str) -> str:
    import base64

    def value(text: str) -> str:
        return ": " + base64.b64encode(text.encode()).decode()

    dn = f"mail={escape_rdn(address)},{BASE}"
    return (
        f"\ndn:{value(dn)}\nobjectClass: inetOrgPerson\ncn:{value(name)}\nsn:{value(name.split()[-1])}\n"
        f"mail:{value(address)}\n"
    )
