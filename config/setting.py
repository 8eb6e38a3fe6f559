"""What a setting is, the error of one that cannot be used, and the groups of settings that rooms below the top take."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from config import values
from config.values import Reader

REQUIRED = object()


class SettingError(ValueError):
    """A setting that cannot be used; its text is one line: name, what it got, what it wants."""

    def __init__(self, name: str, got: str, wants: str) -> None:
        super().__init__(f"{name}: got {got}, wants {wants}")
        self.name = name


def setting(
    why: str, read: Reader = values.text, default: Any = None, *, env: str | None = None, secret: bool = False
) -> Any:
    """One field of Settings: why it exists, how its text is read, its default; `env` where the name differs."""
    metadata = {"why": why, "read": read, "default": default, "env": env, "secret": secret}
    if default is REQUIRED:
        return field(metadata=metadata, repr=not secret)
    return field(metadata=metadata, default=default, repr=not secret)


@dataclass(frozen=True)
class Limits:
    """How many IMAP connections may be open at once, and for how long (seconds) each of their states lasts."""

    account_per_node: int
    account_total: int
    server_total: int
    park_after: int
    lease_timeout: int
    relogin_after: int


@dataclass(frozen=True)
class Deadlines:
    """Seconds that a mail server may take: for a connect, its greeting and login, and the phases of a command."""

    connect: float
    login: float
    sign_in: float
    first_byte: float
    search: float
    silence: float
