"""What else in a script answers mail or sends it on: parts that somebody wrote by hand or with another program.

They are shown as text, and changed as text.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from app.sieve.block import Block
from app.sieve.errors import Unreadable
from app.sieve.script import Script
from app.sieve.token import tokens

_LINES, _LENGTH = 12, 200
MOST = 10  # that are shown


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a script: its name, its first line in the script, and its text."""

    name: str
    line: int
    text: str


def parts(script: Script, command: bytes, *, besides: int | None) -> tuple[Part, ...]:
    """Those that give a command (`vacation`, `redirect`), without the one at `besides`."""
    found = (block for at, block in enumerate(script.blocks) if block.shown and at != besides)
    return tuple(_part(each) for each in found if _commands(each, command))[:MOST]


def _commands(block: Block, command: bytes) -> bool:
    try:
        return any(
            kind == "word" and block.source[start:end].lower() == command for kind, start, end in tokens(block.source)
        )
    except Unreadable:
        return False


def _part(block: Block) -> Part:
    return Part(block.name, block.line, "\n".join(_short(block.source.decode("utf-8", "replace").splitlines())))


def _short(lines: Iterable[str]) -> list[str]:
    return [each[:_LENGTH] for each in lines if each.strip()][:_LINES]
