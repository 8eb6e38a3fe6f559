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
from typing import Any

from flask import current_app, g, request
from flask_wtf.csrf import generate_csrf
from werkzeug.datastructures import ImmutableMultiDict, MultiDict
from werkzeug.exceptions import HTTPException

from app.store.seal import BrokenSeal, derive, seal, unseal
from app.web.resources import resources
from app.web.session import current

FIELD, TOKEN, LOST, FILE = "carried", "carry_token", "lost", "file_text"
TOKEN_SECONDS = 14 * 86400
SEALED_BYTES = 700_000  # of the form, deflated; the field that carries it stays under 1 MB
FILE_BYTES = 1_000_000
LOOKS = frozenset({"admin.read"})  # looks at a file, whose text rides too, and in a form that was carried does no more
CARRIED = LOOKS | frozenset(  # what may be completed so: never a password, forwarding, sessions or a change of admin
    {
        *("compose.post", "contacts.add", "contacts.save", "folders.save"),
        *("identities.add", "identities.save", "preferences.save", "redirect.send"),
        *("texts.add", "texts.save", "blocked.save_digest"),
        *("filters.lists_add", "filters.lists_take", "filters.spam_save"),
        *("filters.add", "filters.save", "filters.save_text"),
        "vacation.save",
    }
)
_PURPOSE = "carried forms"


@dataclass(frozen=True, slots=True)
class Carried:
    """A form as it was posted, files left out: those of a draft are on the mail server already. `values`: what its
    address named, `query` behind its ? too · `fresh`: whether it may be completed unseen."""

    endpoint: str
    values: dict[str, Any]
    form: MultiDict[str, str]
    fresh: bool
    query: dict[str, str]


class Unproven(Exception):
    """The form is its writer's, but too old, or from a browser that does not say which page sent it."""


def token(account_id: str, session_digest: str) -> str:
    """What a page's form holds to prove, when its session is gone, whose page it was and how old."""
    head = f"{int(time.time())}.{hashlib.sha256(session_digest.encode()).hexdigest()[:16]}"
    return f"{head}.{_mac(resources().ring.current, head, account_id)}"


def page_token() -> str:
    """The same for the page that is being made."""
    me = current()
    return token(me.account.id, me.digest)


def may_ride() -> bool:
    """Whether the present request's form may be carried over a new sign-in."""
    if request.endpoint not in CARRIED or request.method != "POST":
        return False
    try:
        return bool(request.form.get(TOKEN))
    except HTTPException:  # too large or too slow to be read, which the page that asks here is about
        return False


def packed() -> str | None:
    """The present request's form, sealed, as the sign-in form's field; None where it is not carried.

    A form that another site sent never comes so far: headers.py refuses it. Cut short by its size, it is not carried.
    """
    if not may_ride():
        return None
    told = json.dumps([request.endpoint, request.view_args or {}, _riding(), _is_ours(), query()], ensure_ascii=False)
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
    endpoint, values, items, ours, *asked = json.loads(zlib.decompress(plain))
    form = MultiDict([(str(name), str(value)) for name, value in items])
    issued = _issued(form.get(TOKEN, ""), account_id)
    if endpoint not in CARRIED or issued is None:
        return None
    fresh = ours and 0 <= time.time() - issued <= TOKEN_SECONDS
    return Carried(endpoint, values, form, fresh, asked[0] if asked else {})


def resume(found: Carried) -> Any:
    """Answers the carried request in place of the present one, as if it had come now. Raises Unproven."""
    request.url_rule = next(current_app.url_map.iter_rules(found.endpoint))
    request.view_args, request.form, request.files = found.values, ImmutableMultiDict(found.form), ImmutableMultiDict()
    request.args = ImmutableMultiDict(found.query)
    g.resumed = True
    if not found.fresh:
        raise Unproven
    return current_app.view_functions[found.endpoint](**found.values)


def again(*, renewed: bool = False) -> list[tuple[str, str]] | None:
    """The present form, for a page that offers it once more; None for one that does not ride. `renewed`: with a token
    of the cookie as it is now, where one of our own pages sent it and was too late."""
    if not may_ride():
        return None
    form = MultiDict(_riding())
    if (renewed and _is_ours()) or "resumed" in g:
        form["csrf_token"] = generate_csrf()
    if "resumed" in g:
        form[TOKEN] = page_token()
    return list(form.items(multi=True))


def _riding() -> list[tuple[str, str]]:
    """The present form's fields, and the names of its files: without them it must not be taken for whole."""
    names = [each.filename for each in request.files.getlist("upload")]
    return [*request.form.items(multi=True), *((LOST, name) for name in names if name), *_file()]


def _file() -> list[tuple[str, str]]:
    """The text of the file that is to be looked at; none where it is none, or too long."""
    file = request.files.get("file") if request.endpoint in LOOKS else None
    if file is None:
        return []
    file.stream.seek(0)  # whoever failed with it may have read it
    data = file.stream.read(FILE_BYTES + 1)
    try:
        return [(FILE, data.decode("utf-8-sig"))] if 0 < len(data) <= FILE_BYTES else []
    except UnicodeDecodeError:
        return []


def query() -> dict[str, str]:
    """What of the present address's query a look at a file needs: the site that it is about."""
    site = request.args.get("site", "")[:80] if request.endpoint in LOOKS else ""
    return {"site": site} if site else {}


def _is_ours() -> bool:
    """Whether the browser says that one of our pages sent the present request; headers.py lets old ones be silent."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    return request.headers.get("Origin") == f"{request.scheme}://{request.host}"


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


def _issued(given: str, account_id: str) -> int | None:
    """When a token was made for this account; None where it was not."""
    head, _, mac = given.rpartition(".")
    issued = head.partition(".")[0]
    if not issued.isascii() or not issued.isdigit():
        return None
    made = [_mac(secret, head, account_id).encode() for secret in resources().ring.secrets]
    return int(issued[:12]) if any(hmac.compare_digest(mac.encode(), each) for each in made) else None


def _mac(secret: bytes, head: str, account_id: str) -> str:
    return hmac.digest(derive(secret, "carry tokens"), f"{head}.{account_id}".encode(), "sha256").hex()[:40]


def _key(secret: bytes) -> bytes:
    return derive(secret, _PURPOSE)
