"""Sealing: what lies in Redis is of no use to whoever reads Redis alone.

AES-256-GCM with keys from HKDF-SHA256 (RFC 5869). The server's keys carry a short id, so that a record says which
one sealed it and keys can be changed without signing anybody out.
"""

import hashlib
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12


class BrokenSeal(ValueError):
    """Sealed bytes that do not open: another key, another owner, or changed on the way."""


def derive(secret: bytes, info: str, *, salt: bytes | None = None) -> bytes:
    """A key of 32 bytes for one purpose, from a secret and, where there is one, a second secret as salt."""
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=f"postern {info}".encode()).derive(secret)


def measured(*parts: str | int) -> bytes:
    """Parts as one text, each with its length in front, so that no two lists give the same; texts may be joined."""
    return b"".join([b"%d:%b" % (len(raw), raw) for raw in [str(part).encode() for part in parts]])


def seal(key: bytes, plain: bytes, bound: bytes) -> bytes:
    """`plain` readable with `key` only, and only where the same `bound` (who, where, what) is named again."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound)


def unseal(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    """What `seal` was given. Raises BrokenSeal."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)
    except (InvalidTag, ValueError) as error:
        raise BrokenSeal("does not open") from error


class Keyring:
    """The server's keys: `current` seals, all open. Made from POSTERN_SECRET_KEY."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self.secrets = tuple(secrets)
        self._by_id = {key_id(secret): secret for secret in reversed(secrets)}
        self.current_id = key_id(secrets[0])
        self.current = secrets[0]

    def knows(self, known_as: str) -> bool:
        """Whether the secret of that id is among the server's keys."""
        return known_as in self._by_id

    def secret(self, known_as: str) -> bytes:
        """The secret of that id. Raises BrokenSeal when it is no longer among the server's keys."""
        try:
            return self._by_id[known_as]
        except KeyError:
            raise BrokenSeal("sealed with a key that the server no longer has") from None


def key_id(secret: bytes) -> str:
    """A short public name of a secret, which tells nothing of it."""
    return hashlib.sha256(derive(secret, "key id")).hexdigest()[:8]
