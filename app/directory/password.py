"""Checks a password against the hash that a provider's database holds, for accounts that have no mail server to ask.

The forms are those of Dovecot's passdb and of passlib: `{SCHEME}rest`, or crypt's `$id$...` alone. Schemes without a
salt, and those that keep the password itself, are refused.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable

import argon2

from app.directory.crypt import crypt_fits, crypt_hash, has_crypt

MAX_PASSWORD = 1024  # bytes
MAX_BCRYPT = 72  # bytes: it looks at no more

_SCHEMED = re.compile(r"\{([A-Za-z0-9-]+)(?:\.(HEX|hex|B64|b64|BASE64|base64))?\}(.+)", re.DOTALL)
_CRYPT = re.compile(r"\$(1|2[aby]|5|6|7|y|gy)\$")  # not DES: it looks at eight characters only

_HASHES = {"SSHA": "sha1", "SSHA256": "sha256", "SSHA512": "sha512"}
_PBKDF2 = {"pbkdf2": "sha1", "pbkdf2-sha1": "sha1", "pbkdf2-sha256": "sha256", "pbkdf2-sha512": "sha512"}


def verify_password(stored: str | None, password: str) -> bool:
    """Whether `password` is the one that `stored` was made of.

    False for no hash, an unknown or an unsalted scheme, and a broken hash; never an error. Compares in constant time.
    """
    secret = password.encode("utf-8", "surrogatepass")
    if not stored or b"\0" in secret or len(secret) > MAX_PASSWORD:  # crypt would stop reading at a NUL
        return False
    try:
        check, rest = _check_of(stored)
        return check(rest, secret)
    except (ValueError, LookupError, OverflowError, OSError, MemoryError):
        return False


# Measured on a busy machine: argon2id 0.65 s, bcrypt 0.8 s, sha512-crypt 0.16 s.
_CRYPT_SCHEMES = {"bcrypt": ("{BLF-CRYPT}", "$2y$", 12), "sha512-crypt": ("{SHA512-CRYPT}", "$6$", 200_000)}


def hash_password(password: str, scheme: str = "argon2id") -> str:
    """A new hash, `{ARGON2ID}$argon2id$...`, with argon2-cffi's current cost (RFC 9106 §4, second choice); `scheme` may
    be "bcrypt" or "sha512-crypt", too. Raises ValueError for a password that crypt would cut, OSError where there is no
    libxcrypt."""
    if scheme == "argon2id":
        return "{ARGON2ID}" + argon2.PasswordHasher().hash(password)
    name, prefix, cost = _CRYPT_SCHEMES[scheme]
    secret = password.encode()
    if b"\0" in secret or (scheme == "bcrypt" and len(secret) > MAX_BCRYPT):
        raise ValueError("crypt would cut it")
    return name + crypt_hash(prefix, cost, secret)


def can_verify(stored: str) -> bool:
    """Whether the scheme of a hash is one that this machine can check at all; `directory check` tells of the others."""
    try:
        return _check_of(stored)[0] is not crypt_fits or has_crypt()
    except ValueError:
        return False


_Check = Callable[[str, bytes], bool]


def _check_of(stored: str) -> tuple[_Check, str]:
    """The function for a hash, and what of the hash it is given. ValueError where there is none."""
    found = _SCHEMED.fullmatch(stored)
    scheme, coding, rest = (found[1].upper(), found[2], found[3]) if found else ("", None, stored)
    if scheme in _HASHES:
        return _salted(_HASHES[scheme], coding), rest
    if coding is not None:
        raise ValueError("unknown scheme")
    if scheme == "PBKDF2" and rest.startswith("$1$"):
        return _dovecot_pbkdf2, rest
    if scheme.lower() in _PBKDF2 and rest[:1].isdecimal():
        return _pbkdf2, f"${scheme.lower()}${rest}"
    if rest.startswith("$pbkdf2"):
        return _pbkdf2, rest
    if rest.startswith("$argon2") and scheme in ("", "CRYPT", "ARGON2", "ARGON2I", "ARGON2ID"):
        return _argon2, rest
    if _CRYPT.match(rest) and (not scheme or scheme.endswith("CRYPT")):
        return crypt_fits, rest
    raise ValueError("unknown scheme")


def _salted(algorithm: str, coding: str | None) -> _Check:
    """RFC 2307's form with a salt behind the digest, as OpenLDAP and Dovecot write it."""

    def check(rest: str, secret: bytes) -> bool:
        raw = bytes.fromhex(rest) if (coding or "").upper() == "HEX" else base64.b64decode(rest, validate=True)
        size = hashlib.new(algorithm).digest_size
        digest, salt = raw[:size], raw[size:]
        return bool(salt) and hmac.compare_digest(hashlib.new(algorithm, secret + salt).digest(), digest)

    return check


def _dovecot_pbkdf2(rest: str, secret: bytes) -> bool:
    """`$1$salt$rounds$hex`: SHA-1, 20 bytes, the salt's characters taken as they are."""
    _, _, salt, rounds, digest = rest.split("$")
    made = hashlib.pbkdf2_hmac("sha1", secret, salt.encode(), int(rounds), 20)
    return hmac.compare_digest(made, bytes.fromhex(digest))


def _pbkdf2(rest: str, secret: bytes) -> bool:
    """`$pbkdf2-sha256$rounds$salt$digest`, base64 with a dot for the plus and without padding."""
    _, name, rounds, salt, digest = rest.split("$")
    wanted = _dotted_base64(digest)
    made = hashlib.pbkdf2_hmac(_PBKDF2[name], secret, _dotted_base64(salt), int(rounds))
    return hmac.compare_digest(made, wanted)


def _dotted_base64(text: str) -> bytes:
    return base64.b64decode(text.replace(".", "+") + "=" * (-len(text) % 4), validate=True)


def _argon2(rest: str, secret: bytes) -> bool:
    try:
        return argon2.PasswordHasher().verify(rest, secret)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False
