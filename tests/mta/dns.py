"""A name server of the tests' own, for what mail servers ask: addresses, mail exchangers, texts, names of addresses.

    zone = {"sender.example": {"MX": ["10 mail.sender.example"], "TXT": ["v=spf1 -all"]}}
    with Nameserver(network.listen(53, udp=True), zone): …

Names that it does not know do not exist; for names under `broken` it has a fault (SERVFAIL).
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Self

_TYPES = {1: "A", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA"}
_NXDOMAIN, _SERVFAIL = 3, 2  # RFC 1035 §4.1.1
Zone = Mapping[str, Mapping[str, list[str]]]


def reverse(address: str) -> str:
    """The name under which an address' name stands."""
    return ipaddress.ip_address(address).reverse_pointer


def listed(address: str, zone: str) -> str:
    """The name under which a block list has an address."""
    return reverse(address).removesuffix(".in-addr.arpa") + f".{zone}"


class Nameserver:
    """Answers on a UDP socket. `asked`: the names so far."""

    def __init__(self, sock: socket.socket, zone: Zone, broken: tuple[str, ...] = ()) -> None:
        self.zone = {name.lower(): records for name, records in zone.items()}
        # RFC 8020: what stands above a name that exists, exists too.
        self.parents = {name.split(".", at)[-1] for name in self.zone for at in range(1, name.count(".") + 1)}
        self.broken, self.asked = broken, list[str]()
        self._socket = sock

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                query, peer = self._socket.recvfrom(4096)
                if query:
                    self._socket.sendto(self.answer(query), peer)

    def answer(self, query: bytes) -> bytes:
        """The answer to a query of one question (RFC 1035 §4)."""
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode("latin-1").lower())
            at += 1 + query[at]
        name, number = ".".join(labels), int.from_bytes(query[at + 1 : at + 3], "big")
        self.asked.append(name)
        known = self.zone.get(name, {})
        values = known.get(_TYPES.get(number, ""), [])
        code = 0 if name in self.zone or name in self.parents else _NXDOMAIN
        if name.endswith(self.broken):
            code = _SERVFAIL
        records = [b"\xc0\x0c" + struct.pack("!HHIH", number, 1, 60, len(d)) + d for d in map(_data(number), values)]
        head = query[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, len(records), 0, 0)
        return head + query[12 : at + 5] + b"".join(records)


def _data(number: int) -> Callable[[str], bytes]:
    """How a record's value is written."""
    kind = _TYPES.get(number, "")
    if kind in ("A", "AAAA"):
        return lambda value: ipaddress.ip_address(value).packed
    if kind == "MX":
        return lambda value: struct.pack("!H", int(value.split()[0])) + _name(value.split()[1])
    return _text if kind == "TXT" else _name


def _text(value: str) -> bytes:
    pieces = [value[at : at + 255].encode() for at in range(0, len(value), 255)]
    return b"".join(bytes([len(each)]) + each for each in pieces)


def _name(name: str) -> bytes:
    labels = [label.encode() for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
