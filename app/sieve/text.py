"""What the strings of a script say (RFC 5228 §2.4.2), and what is said in its comments: a rule's name."""

from __future__ import annotations

import re
from typing import Final

from app.sieve.errors import Foreign

_MARKER: Final = b"# rule:["
_ESCAPED: Final = re.compile(rb"\\(.)", re.DOTALL)


def string(token: bytes) -> str:
    """What a quoted string or a `text:` block says, lines ending with LF; a block's last line end is left out, as
    Roundcube has it. Raises Foreign where it is no text."""
    said = _ESCAPED.sub(rb"\1", token[1:-1]) if token.startswith(b'"') else _block(token)
    try:
        found = said.decode().replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise Foreign("not UTF-8") from None
    if "\r" in found or "\x00" in found:
        raise Foreign("a control character")
    return found


def _block(token: bytes) -> bytes:
    # The first line is `text:`, the last a dot and nothing.
    lines = token.replace(b"\r\n", b"\n").split(b"\n")[1:-2]
    return b"\n".join(line[1:] if line.startswith(b"..") else line for line in lines)


def marked(comment: bytes) -> str | None:
    """The name that a comment `# rule:[Name]` gives to the rule after it; None for any other comment. As Roundcube
    reads it: up to the last bracket of the line."""
    end = comment.rfind(b"]")
    if not comment.startswith(_MARKER) or end < len(_MARKER):
        return None
    return comment[len(_MARKER) : end].decode(errors="replace")


def plainly_marked(comment: bytes) -> bool:
    """Whether the marker says no more than the name, in UTF-8."""
    try:
        comment.decode()
    except UnicodeDecodeError:
        return False
    return comment.rstrip(b"\r \t").endswith(b"]")
