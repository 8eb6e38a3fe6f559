"""Ids of accounts from any text, one to one, of the few characters that are safe everywhere an id goes."""

import re

_UNSAFE = re.compile(r"[^a-z0-9:@.-]")


def escaped(text: str) -> str:
    """Any text as the characters of an account's id, one to one: each other byte as `_hh`."""
    return _UNSAFE.sub(lambda found: "".join(f"_{byte:02x}" for byte in found[0].encode()), text)


def unescaped(text: str) -> str:
    """The text that `escaped` was given. Raises ValueError."""
    return re.sub(rb"_([0-9a-f]{2})", lambda found: bytes.fromhex(found[1].decode()), text.encode()).decode()
