"""How header fields are written: folded, non-ASCII text in encoded words, addresses never encoded, parameters split.

The standard library's policies fold long addresses into encoded words and split words inside characters in some
releases; so fields are written here and only read back by it in the tests. Nothing given here can end a field: text is
made one line, and what is not text (addresses, identifiers, tokens) is refused where it is not of its grammar.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote

from app.mail.address import on_wire
from app.mail.header import Address, clean

WIDTH: Final = 76
_WORD: Final = 64  # characters of one encoded word: it fits behind the name of its field, so no line is left empty
_LONGEST: Final = 70  # of a word that is written as it is
_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_Q_PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")  # RFC 2047 §5 (3)
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$&+^_`{|}~.-]{1,60}")
# No quotes and brackets, which some readers take off twice, and no semicolon, at which some cut.
_QUOTABLE: Final = re.compile(r"[ !#-:=?-\[\]-~]{1,55}")
_ID: Final = re.compile(r"<[!-;=?-~]{1,900}>")
_SEGMENT: Final = 50


def folded(name: str, tokens: Iterable[str]) -> bytes:
    """A whole field with its CRLF: the tokens with single spaces between them, folded before 76 columns where it can
    be (RFC 5322 §2.2.3). No token may be longer than 996 octets or hold CR or LF."""
    lines = [f"{name}:"]
    for token in tokens:
        if len(lines[-1].encode()) + len(token.encode()) >= WIDTH and lines[-1].strip() != f"{name}:":
            lines.append("")
        lines[-1] += " " + token
    return "\r\n".join(lines).encode() + b"\r\n"


def unstructured(name: str, text: str) -> bytes:
    """A field of plain words, such as Subject: made one line, without controls, in encoded words where need be."""
    line = clean(text)
    return folded(name, _plain_words(line) or encoded_words(line))


def _plain_words(line: str) -> list[str]:
    """The words of a text that may stand as it is; none for others."""
    words = line.split(" ") if line.isascii() and "=?" not in line else []
    return words if all(0 < len(word) <= _LONGEST for word in words) else []


def encoded_words(text: str) -> list[str]:
    """A text as encoded words in UTF-8, each of whole characters (RFC 2047 §5), in the shorter of both encodings."""
    if not text:
        return []
    data = text.encode(errors="replace")
    in_q = sum(1 if octet in _Q_PLAIN or octet == 32 else 3 for octet in data)
    if in_q <= len(data) * 4 // 3:
        return [f"=?utf-8?q?{run}?=" for run in _q_runs(text)]
    return [f"=?utf-8?b?{base64.b64encode(run).decode('ascii')}?=" for run in _b_runs(text)]


def _q_runs(text: str) -> Iterator[str]:
    room = _WORD - len("=?utf-8?q??=")
    held = ""
    for character in text:
        octets = character.encode(errors="replace")
        written = "".join(chr(o) if o in _Q_PLAIN else "_" if o == 32 else f"={o:02X}" for o in octets)
        if len(held) + len(written) > room:
            yield held
            held = ""
        held += written
    yield held


def _b_runs(text: str) -> Iterator[bytes]:
    room = (_WORD - len("=?utf-8?b??=")) // 4 * 3
    held = b""
    for character in text:
        octets = character.encode(errors="replace")
        if len(held) + len(octets) > room:
            yield held
            held = b""
        held += octets
    yield held


def mailbox_tokens(mailbox: Address) -> list[str]:
    """One mailbox of an address list (RFC 5322 §3.4) as tokens. Raises BadAddress."""
    address = on_wire(mailbox.address)
    name = clean(mailbox.name)
    bare = not name and address[0] != '"'  # readers lose the quotes of a local part that stands alone
    return [address] if bare else [*_phrase(name), f"<{address}>"]


def _phrase(name: str) -> list[str]:
    """A display name: atoms, one quoted string, or encoded words; nothing for none."""
    if not name:
        return []
    words = _plain_words(name)
    if words and _ATOMS.fullmatch(name):
        return words
    if name.isascii() and "=?" not in name and len(name) <= _LONGEST - 2:
        return ['"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"']
    return encoded_words(name)


def address_list(name: str, mailboxes: Iterable[Address]) -> bytes:
    """A field of addresses; b"" where there are none. Raises BadAddress."""
    tokens: list[str] = []
    for mailbox in mailboxes:
        if tokens:
            tokens[-1] += ","
        tokens += mailbox_tokens(mailbox)
    return folded(name, tokens) if tokens else b""


def is_id(text: str) -> bool:
    """Whether a text may stand in Message-ID, In-Reply-To or References: `<left@right>`, or what others made of it."""
    return _ID.fullmatch(text) is not None


def parameter(name: str, value: str) -> list[str]:
    """One parameter of a MIME field as tokens, each with the `;` that goes before it left out: `name=value`, quoted, or
    in percent-encoded sections (RFC 2231 §3, §4)."""
    if _TOKEN.fullmatch(value):
        return [f"{name}={value}"]
    if _QUOTABLE.fullmatch(value) and "=?" not in value:
        return [f'{name}="{value}"']
    runs = list(_percent_runs(value))
    if len(runs) == 1:
        return [f"{name}*=utf-8''{runs[0]}"]
    return [f"{name}*{number}*={'' if number else 'utf-8' + chr(39) * 2}{run}" for number, run in enumerate(runs)]


def _percent_runs(value: str) -> Iterator[str]:
    """A value percent-encoded, cut between whole characters: some readers decode each section by itself."""
    held = ""
    for character in value:
        written = quote(character, safe="!#$&+^_`{|}~.-", errors="replace")
        if len(held) + len(written) > _SEGMENT:
            yield held
            held = ""
        held += written
    yield held


def with_parameters(name: str, value: str, parameters: Iterable[tuple[str, str]]) -> bytes:
    """A field such as Content-Type: a value, then its parameters."""
    tokens = [value]
    for key, text in parameters:
        for token in parameter(key, text):
            tokens[-1] += ";"
            tokens.append(token)
    return folded(name, tokens)
