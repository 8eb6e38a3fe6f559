"""A network of the tests' own: mail servers that ask DNS and clients with any address, and no packet leaves it.

    with Namespace(folder, ["203.0.113.7"]) as network:
        network.run(["postfix", …]); network.connect(25, "203.0.113.7"); network.listen(53, udp=True)

A network and mount namespace of Linux with addresses on its loopback, /etc/resolv.conf naming 127.0.0.1, and a /dev of
its own whose log is `network.syslog`. Sockets are made by a thread that enters the network for that, and serve the
test's process as any other.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self, TypeVar

_CLONE_NEWNET = 0x40000000
_INSIDE = """
set -e
dev={folder}/dev
mkdir -p $dev; mount -t tmpfs none $dev
for name in null zero full random urandom tty; do touch $dev/$name; mount --bind /dev/$name $dev/$name; done
mkdir $dev/shm; mount --bind /dev/shm $dev/shm; ln -s /proc/self/fd $dev/fd
touch $dev/log; mount --bind {folder}/syslog $dev/log
mount --move $dev /dev
mount --bind {folder}/resolv.conf /etc/resolv.conf
ip link set lo up
for address in {addresses}; do ip address add $address dev lo; done
echo ready
read _
"""
Made = TypeVar("Made")


class Namespace:
    """`addresses`: what clients may come from. `log`: what programs inside say to syslog, with `host` put in."""

    def __init__(self, folder: Path, addresses: Iterable[str] = (), host: str = "mx1") -> None:
        self.folder, self.host = folder, host
        self.addresses = [f"{each}/{128 if ':' in each else 32}" for each in addresses]
        self.log = folder / "syslog.txt"
        self._syslog = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._lock = threading.Lock()

    @staticmethod
    def missing() -> str | None:
        """Why there can be none here; None where there can."""
        if os.geteuid() != 0:
            return "a network of one's own needs root"
        absent = [word for word in ("unshare", "nsenter", "ip") if not shutil.which(word)]
        if absent:
            return f"{', '.join(absent)} not installed"
        done = subprocess.run(["unshare", "-n", "-m", "true"], capture_output=True, check=False)
        return None if done.returncode == 0 else "unshare is not permitted here"

    def __enter__(self) -> Self:
        self._syslog.bind(str(self.folder / "syslog"))
        (self.folder / "syslog").chmod(0o666)
        self.log.touch()
        (self.folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        script = _INSIDE.format(folder=self.folder, addresses=" ".join(self.addresses))
        words = ["unshare", "-n", "-m", "--propagation", "private", "bash", "-c", script]
        self._holder = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == b"ready\n"
        self._network = os.open(f"/proc/{self._holder.pid}/ns/net", os.O_RDONLY)
        threading.Thread(target=self._write_syslog, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        assert self._holder.stdin is not None and self._holder.stdout is not None
        self._holder.stdin.close()
        self._holder.stdout.close()
        self._holder.wait(10)
        os.close(self._network)
        with suppress(OSError):
            self._syslog.shutdown(socket.SHUT_RDWR)
        self._syslog.close()

    def words(self, command: Sequence[str | Path]) -> list[str]:
        """A command as it is run inside."""
        return ["nsenter", "-t", str(self._holder.pid), "-n", "-m", *map(str, command)]

    def run(self, command: Sequence[str | Path]) -> str:
        """Run a command to its end; its output."""
        done = subprocess.run(self.words(command), capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def connect(self, port: int, source: str = "127.0.0.1", host: str | None = None) -> socket.socket:
        """A client's connection from one of the addresses."""
        host = host or ("::1" if ":" in source else "127.0.0.1")
        return self._inside(lambda: socket.create_connection((host, port), 20, (source, 0)))

    def listen(self, port: int, *, udp: bool = False, host: str = "127.0.0.1") -> socket.socket:
        """A server's socket on one of the addresses."""

        def make() -> socket.socket:
            if not udp:
                return socket.create_server((host, port))
            made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            made.bind((host, port))
            return made

        return self._inside(make)

    def _inside(self, make: Callable[[], Made]) -> Made:
        """Something made by a thread that enters the network and ends: no other thread is ever inside."""
        made: list[Made] = []
        failed: list[OSError] = []

        def enter() -> None:
            libc = ctypes.CDLL(None, use_errno=True)
            assert libc.setns(self._network, _CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            try:
                made.append(make())
            except OSError as error:
                failed.append(error)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if failed:
            raise failed[0]
        return made[0]

    def _write_syslog(self) -> None:
        """`<22>Nov 27 20:00:00 postgrey[1]: …` as a syslog server writes it."""
        with suppress(OSError), self.log.open("ab") as file:
            while data := self._syslog.recv(65536):
                head, _, text = data.partition(b">")
                text = text if head.startswith(b"<") else data
                file.write(text[:16] + self.host.encode() + b" " + text[16:].rstrip(b"\n\0") + b"\n")
                file.flush()
