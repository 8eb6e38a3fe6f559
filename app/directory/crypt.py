"""crypt(3) of the system's libxcrypt, which Dovecot and login use too: it is part of every Debian.

Its results are theirs by construction (the 72 bytes of bcrypt included), and it needs no dependency where passlib, the
usual one, is no longer kept. Python's own module `crypt` left with 3.13.
"""

import ctypes
import hmac
from functools import cache

_CRYPT_DATA = 256 * 1024  # bytes for struct crypt_data: 32 KB in libxcrypt, 131,232 bytes in the old glibc


def crypt_fits(stored: str, secret: bytes) -> bool:
    """Whether a password without NUL is the one of a hash in crypt's form. False where the system has no crypt."""
    library = _libcrypt()
    if library is None:
        return False
    made: bytes | None = library.crypt_r(secret, stored.encode(), ctypes.create_string_buffer(_CRYPT_DATA))
    return made is not None and hmac.compare_digest(made, stored.encode())


def crypt_hash(prefix: str, cost: int, secret: bytes) -> str:
    """A new hash in crypt's form with a salt from the system, such as of `$6$` and 500,000 rounds. OSError where the
    system has no libxcrypt, which alone makes salts (crypt_gensalt(3))."""
    library = _libcrypt()
    if library is None or not hasattr(library, "crypt_gensalt_rn"):
        raise OSError("the system has no libxcrypt")
    setting = ctypes.create_string_buffer(192)  # CRYPT_GENSALT_OUTPUT_SIZE
    library.crypt_gensalt_rn.restype = ctypes.c_char_p
    library.crypt_gensalt_rn.argtypes = (
        ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int,
    )  # fmt: skip
    salt = library.crypt_gensalt_rn(prefix.encode(), cost, None, 0, setting, len(setting))
    made: bytes | None = salt and library.crypt_r(secret, salt, ctypes.create_string_buffer(_CRYPT_DATA))
    if not made or made.startswith(b"*"):
        raise OSError("crypt does not know this scheme")
    return made.decode()


@cache
def _libcrypt() -> ctypes.CDLL | None:
    """libxcrypt as Debian (1) and Fedora (2) name it; musl has crypt_r in its libc."""
    for name in ("libcrypt.so.1", "libcrypt.so.2", None):
        try:
            library = ctypes.CDLL(name)
            library.crypt_r.restype = ctypes.c_char_p
            library.crypt_r.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p)
            return library
        except (OSError, AttributeError):
            continue
    return None


def has_crypt() -> bool:
    """Whether the system has a crypt that can be called."""
    return _libcrypt() is not None
