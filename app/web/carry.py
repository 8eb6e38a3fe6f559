"""A form that met an ended session: it rides, sealed, in the sign-in form, and is completed after signing in.

Else what somebody typed for an hour would be lost with the session. Completed is only what came from our own pages, for
the account that had the page (its token says so), and no older than the token; anything else would be a forged request
with the user's own sign-in. To whom the token does not belong, nothing of the form is shown.
"""

import base64
import binascii
import hashlib
import hmac
import json
import time
import zlib
from dataclasses import dataclass

from flask import request
from werkzeug.datastructures import MultiDict

from app.store.seal import BrokenSeal, derive, seal, unseal
from app.web.resources import resources

FIELD, TOKEN = "carried", "carry_token"
TOKEN_SECONDS = 14 * 86400
SEALED_BYTES = 700_000  # of the form, deflated; the field that carries it stays under 1 MB
CARRIED = frozenset({"compose.post"})  # what may be completed so: never a password, forwarding, sessions or admin
_PURPOSE = "carried forms"


@dataclass(frozen=True, slots=True)
class Carried:
    """A form as it was posted, files left out: those of a draft are on the mail server already."""

    endpoint: str
    form: MultiDict[str, str]


def token(account_id: str, session_digest: str) -> str:
    """What a page's form holds to prove, when its session is gone, whose page it was and how old."""
    head = f"{int(time.time())}.{hashlib.sha256(session_digest.encode()).hexdigest()[:16]}"
    return f"{head}.{_mac(resources().ring.current, head, account_id)}"


def may_ride() -> bool:
    """Whether the present request's form may be carried over a new sign-in."""
    return request.endpoint in CARRIED and request.method == "POST" and bool(request.form.get(TOKEN))


def packed() -> str | None:
    """The present request's form, sealed, as the sign-in form's field; None where it is not carried.

    A form that another site sent never comes so far: headers.py refuses it. Cut short by its size, it is not carried.
    """
    if not may_ride():
        return None
    told = json.dumps([request.endpoint, list(request.form.items(multi=True))], ensure_ascii=False)
    plain = zlib.compress(told.encode(errors="replace"))
    if len(plain) > SEALED_BYTES:
        return None
    return base64.urlsafe_b64encode(seal(_key(resources().ring.current), plain, _PURPOSE.encode())).decode()


def unpacked(field: str | None, account_id: str) -> Carried | None:
    """The form that a sign-in form carries, for the account that has just signed in; None for anything else."""
    if not field:
        return None
    plain = _opened(field)
    if plain is None:
        return None
    endpoint, items = json.loads(zlib.decompress(plain))
    form = MultiDict([(str(name), str(value)) for name, value in items])
    return Carried(endpoint, form) if endpoint in CARRIED and _is_of(form.get(TOKEN, ""), account_id) else None


def _opened(field: str) -> bytes | None:
    try:
        sealed = base64.b64decode(field, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    for secret in resources().ring.secrets:
        try:
            return unseal(_key(secret), sealed, _PURPOSE.encode())
        except BrokenSeal:
            continue
    return None


def _is_of(given: str, account_id: str) -> bool:
    head, _, mac = given.rpartition(".")
    issued = head.partition(".")[0]
    if not issued.isascii() or not issued.isdigit() or not 0 <= time.time() - int(issued[:12]) <= TOKEN_SECONDS:
        return False
    return any(hmac.compare_digest(mac, _mac(secret, head, account_id)) for secret in resources().ring.secrets)


def _mac(secret: bytes, head: str, account_id: str) -> str:
    return hmac.digest(derive(secret, "carry tokens"), f"{head}.{account_id}".encode(), "sha256").hex()[:40]


def _key(secret: bytes) -> bytes:
    return derive(secret, _PURPOSE)
