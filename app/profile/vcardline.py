"""Content lines of vCards (RFC 6350 §3.3, RFC 2426 §2.6): unfolded, taken apart, written.

vCard 2.1, which Outlook still exports, is read too: quoted-printable texts, parameters without names. What leaves here
is a line of version 3.0 or 4.0. Each pattern matches in one way only, so that no line takes long.
"""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

_HEAD = re.compile(r"(?:([A-Za-z0-9-]+)\.)?([A-Za-z0-9-]+)")
_PARAMETER = re.compile(r';([A-Za-z0-9-]+)(?:=((?>(?:"[^"]*"|[^;:"])*)))?')
_PIECE = re.compile(r'"[^"]*"|[^,"]+')
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_QUOTED = re.compile(r"[;:,]")
_OLD_ENCODINGS = {"QUOTED-PRINTABLE", "BASE64", "8BIT", "7BIT"}


@dataclass(frozen=True, slots=True)
class Property:
    """One line. Names are upper case; `value` is as written, escapes and all; parameters hold values in order."""

    name: str
    value: str
    parameters: tuple[tuple[str, tuple[str, ...]], ...] = ()
    group: str = ""

    def of(self, name: str) -> tuple[str, ...]:
        """The values of a parameter, all of its occurrences together."""
        return tuple(value for key, values in self.parameters if key == name for value in values)

    def without(self, *names: str) -> Property:
        """The same without some parameters."""
        return replace(self, parameters=tuple(each for each in self.parameters if each[0] not in names))


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines put together again, each with the number of its first. A line that begins with a space goes on the former
    one; so does, in 2.1, whatever follows a quoted-printable line that ends with "="."""
    number, parts = 0, [""]
    for at, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        if line[:1] in (" ", "\t") and parts[0]:
            parts.append(line[1:])
        elif _goes_on(parts):
            parts[-1] = parts[-1][:-1]
            parts.append(line)
        else:
            if parts[0]:
                yield number, "".join(parts)
            number, parts = at, [line]
    if parts[0]:
        yield number, "".join(parts)


def _goes_on(parts: list[str]) -> bool:
    return parts[-1].endswith("=") and "QUOTED-PRINTABLE" in parts[0][:200].partition(":")[0].upper()


def parsed(line: str) -> Property | None:
    """The line taken apart; None for what is none."""
    head = _HEAD.match(line)
    if head is None:
        return None
    end, parameters = head.end(), []
    while found := _PARAMETER.match(line, end):
        parameters.append(_parameter(found[1].upper(), found[2]))
        end = found.end()
    if line[end : end + 1] != ":":
        return None
    whole = Property(head[2].upper(), line[end + 1 :], tuple(parameters), head[1] or "")
    return _modern(whole)


def _parameter(name: str, values: str | None) -> tuple[str, tuple[str, ...]]:
    """2.1 writes HOME for TYPE=HOME, and QUOTED-PRINTABLE for ENCODING=QUOTED-PRINTABLE."""
    if values is None:
        return ("ENCODING" if name in _OLD_ENCODINGS else "TYPE"), (name,)
    return name, tuple(each.strip().strip('"') for each in _PIECE.findall(values))


def _modern(line: Property) -> Property:
    encoding = "".join(line.of("ENCODING")).upper()
    charset = "".join(line.of("CHARSET")) or "utf-8"
    if encoding == "QUOTED-PRINTABLE":
        octets = quopri.decodestring(line.value.encode("utf-8", "replace"))
        try:
            text = octets.decode(charset, "replace")
        except (LookupError, ValueError):
            text = octets.decode("utf-8", "replace")
        line = replace(line, value=text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n"))
    bare = line.without("CHARSET") if encoding in ("", "B") else line.without("CHARSET", "ENCODING")
    if encoding == "BASE64":
        return replace(bare, value="".join(bare.value.split()), parameters=(*bare.parameters, ("ENCODING", ("b",))))
    return bare


def written(line: Property) -> str:
    """The line, folded at 75 octets (RFC 6350 §3.2), with CRLF. No break of a line survives inside."""
    head = f"{line.group}.{line.name}" if line.group else line.name
    for name, values in line.parameters:
        head += f";{name}=" + ",".join(_parameter_value(each) for each in values)
    return _folded(f"{head}:{' '.join(line.value.splitlines())}")


def _parameter_value(text: str) -> str:
    clean = "".join(each for each in text if each.isprintable() and each != '"')
    return f'"{clean}"' if _QUOTED.search(clean) else clean


def _folded(line: str) -> str:
    octets = line.encode("utf-8", "replace")
    pieces, start, room = [], 0, 75
    while len(octets) - start > room:
        end = start + room
        while octets[end] & 0xC0 == 0x80:  # never inside a character
            end -= 1
        pieces.append(octets[start:end])
        start, room = end, 74
    return "\r\n ".join(each.decode() for each in (*pieces, octets[start:])) + "\r\n"


def escaped(text: str) -> str:
    """A text as a value (RFC 6350 §3.4)."""
    plain = text.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;")
    return "\\n".join(plain.replace("\r\n", "\n").split("\n"))


def unescaped(value: str) -> str:
    """A value as text."""
    return _ESCAPE.sub(lambda found: "\n" if found[1] in "nN" else found[1], value)


def split(value: str, mark: str) -> tuple[str, ...]:
    """The parts of a value between marks that are not escaped, unescaped."""
    parts: list[list[str]] = [[]]
    for piece in re.split(r"(\\.|" + re.escape(mark) + ")", value, flags=re.DOTALL):
        if piece == mark:
            parts.append([])
        else:
            parts[-1].append(piece)
    return tuple(unescaped("".join(each)) for each in parts)
