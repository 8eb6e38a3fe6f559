"""An IMAP server that holds a thousand connections in one process, for measuring the memory of those who hold them.

`python -m tests.bench.peer [CHAIN KEY]` prints its port and serves until standard input ends; with a certificate, TLS.
It knows any password, and no more commands than parking needs.
"""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from app.demo.certificate import Certificate

_CAPABILITIES = b"CAPABILITY IMAP4rev1 LITERAL+ SASL-IR AUTH=PLAIN ID IDLE UNSELECT UIDPLUS MOVE CONDSTORE ESEARCH"
_SELECTED = (
    b"* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)\r\n* 100000 EXISTS\r\n* 0 RECENT\r\n"
    b"* OK [UIDVALIDITY 1] .\r\n* OK [UIDNEXT 100001] .\r\n* OK [HIGHESTMODSEQ 1] .\r\n"
)


@contextmanager
def running(certificate: Certificate | None = None) -> Iterator[int]:
    """The port of such a server in a process of its own."""
    more = [str(certificate.chain), str(certificate.key)] if certificate else []
    command = [sys.executable, "-m", "tests.bench.peer", *more]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"* OK [" + _CAPABILITIES + b"] ready\r\n")
    while line := await reader.readline():
        tag, _, rest = line.strip().partition(b" ")
        name = rest.partition(b" ")[0].upper()
        if rest.endswith(b"+}"):  # a literal: LOGIN with strange characters
            await reader.readexactly(int(rest.rpartition(b"{")[2][:-2]))
        if name == b"IDLE":
            writer.write(b"+ idling\r\n")
            await reader.readline()
        elif name in (b"SELECT", b"EXAMINE"):
            writer.write(_SELECTED)
        elif name == b"CAPABILITY":
            writer.write(b"* " + _CAPABILITIES + b"\r\n")
        writer.write(tag + b" OK done\r\n")
        if name == b"LOGOUT":
            break
    writer.close()


async def _main() -> None:
    context = None
    if len(sys.argv) > 2:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
    server = await asyncio.start_server(_serve, "127.0.0.1", 0, ssl=context, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main())
