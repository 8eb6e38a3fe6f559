"""How far a message of a stranger is taken apart; beyond, it is shown as far as it goes.

What is usual stands here; a node's own limits come from its settings (config/default.py) as an argument.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    """Number and depth of parts, octets of a header, and characters and depth of HTML."""

    parts: int = 1000
    depth: int = 100
    header_bytes: int = 256 * 1024
    html_bytes: int = 512 * 1024
    html_depth: int = 200


USUAL: Final = Limits()
