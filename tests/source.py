"""The program's own source, parsed once, for the tests that look at how it is written."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


@cache
def parsed(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text(), str(path))


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """A tree and all statements in it, at any depth. Imports and definitions are some; ast.walk sees ten times more."""
    yield tree
    for name in _BLOCKS:
        block = getattr(tree, name, ())
        for each in block if isinstance(block, list) else ():  # a lambda's body is an expression
            yield from statements(each)
