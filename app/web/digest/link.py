"""Links of a digest: signed, for one account, one row, one action, one week. Who has one may do that and no more."""

import base64
import binascii
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.store.seal import Keyring, derive

LASTS = timedelta(days=7)
ACTIONS = frozenset({"allow", "nogrey", "release"})
_LONGEST = 3000
_MAC = 24  # bytes of HMAC-SHA256 (RFC 2104 §5: no fewer than half)
_PURPOSE = "digest links"


@dataclass(frozen=True, slots=True)
class Link:
    """What it is for. `address`: by which the account is found again; `mark`: by which a second use is known."""

    account_id: str
    address: str
    blocked_at: datetime
    id: int
    action: str
    expires: datetime
    mark: str = ""


class Expired(ValueError):
    """It was one of ours, and its week is over."""


def token(ring: Keyring, link: Link) -> str:
    """The link as one part of an address."""
    told = [link.account_id, link.address, _seconds(link.blocked_at), link.id, link.action, _seconds(link.expires)]
    plain = json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
    return _text(_mac(ring.current, plain) + plain)


def opened(ring: Keyring, token: str, now: datetime) -> Link:
    """The link that `token` made with one of the server's keys. Raises ValueError for anything else, Expired after its
    week."""
    if len(token) > _LONGEST or not token.isascii():
        raise ValueError("no link of ours")
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise ValueError("no link of ours") from None
    mac, plain = raw[:_MAC], raw[_MAC:]
    if _text(raw) != token or not any(hmac.compare_digest(mac, _mac(each, plain)) for each in ring.secrets):
        raise ValueError("no link of ours")
    account_id, address, blocked_at, number, action, expires = json.loads(plain)
    if action not in ACTIONS:
        raise ValueError("no such action any more")
    found = Link(account_id, address, _moment(blocked_at), number, action, _moment(expires), mac.hex())
    if now >= found.expires:
        raise Expired(found.mark)
    return found


def _mac(secret: bytes, plain: bytes) -> bytes:
    return hmac.digest(derive(secret, _PURPOSE), plain, "sha256")[:_MAC]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
