"""The session cookie: 256 random bits, whose SHA-256 is the name of the session in Redis.

Flask's `session` is ours: it stores nothing by itself, so that a visitor who is not signed in costs Redis nothing.
The CSRF token follows from the secret by HMAC; flashed notices ride to the next page in a cookie sealed with it.
"""

import base64
import binascii
import hmac
import json
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin

from app.store.seal import BrokenSeal, Keyring, derive, seal, unseal
from app.store.session import SECRET_BYTES, new_secret

CSRF, _FLASHES = "csrf_token", "_flashes"
NOTES_BYTES = 3000
NOTICE_BYTES = 400  # of each of three notices, where all together are too long
NOTES_SECONDS = 300


class CookieSession(dict[str, Any], SessionMixin):
    """The mapping that Flask, Flask-WTF and flash() see; `secret` is what the cookie holds.

    Everything in it but the CSRF token is carried to the next page in the notes cookie.
    """

    def __init__(self, secret: bytes | None, notes: dict[str, Any]) -> None:
        super().__init__(notes)
        self.came = secret
        self.secret = secret or new_secret()
        self.max_age: int | None = None
        self.ended = False
        self.used = False
        self.loaded_notes = dict(notes)

    def rotate(self, *, max_age: int | None = None) -> bytes:
        """A new secret from now on: at sign-in, so that nobody can know it from before. `max_age` in seconds."""
        self.secret, self.max_age, self.used, self.ended = new_secret(), max_age, True, False
        return self.secret

    def end(self) -> None:
        """The answer deletes the cookies."""
        self.ended = True
        self.clear()

    def notes(self) -> dict[str, Any]:
        """What the next page is to see."""
        return {key: value for key, value in self.items() if key != CSRF}

    def __contains__(self, key: object) -> bool:
        return key == CSRF or super().__contains__(key)

    def __getitem__(self, key: str) -> Any:
        """The CSRF token is computed; asking for it means that a form needs the cookie."""
        if key != CSRF:
            return super().__getitem__(key)
        self.used = True
        return hmac.digest(self.secret, b"postern csrf", "sha256").hex()


class CookieSessions(SessionInterface):
    """Reads and writes the cookies; no I/O."""

    def __init__(self, ring: Keyring) -> None:
        self._ring = ring

    def open_session(self, app: Flask, request: Request) -> CookieSession:
        """The session of a request; a missing or malformed cookie is a new visitor."""
        secret = _decode(request.cookies.get(cookie_name(request)))
        sealed = request.cookies.get(f"{cookie_name(request)}-notes")
        return CookieSession(secret, self._open_notes(secret, sealed) if secret and sealed else {})

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Sets only what changed: most answers set no cookie."""
        from flask import request

        assert isinstance(session, CookieSession)
        name, options = cookie_name(request), _options(request)
        if session.ended:
            if session.came:
                response.delete_cookie(name, **options)
            response.delete_cookie(f"{name}-notes", **options)
        elif session.used and session.secret != session.came:
            response.set_cookie(name, _encode(session.secret), max_age=session.max_age, **options)
        self._save_notes(session, response, f"{name}-notes", options)

    def _save_notes(self, session: CookieSession, response: Response, name: str, options: dict[str, Any]) -> None:
        notes = session.notes()
        if notes and not session.ended and (notes != session.loaded_notes or session.secret != session.came):
            plain = _packed(notes)
            if len(plain) > NOTES_BYTES and _FLASHES in notes:
                plain = _packed({**notes, _FLASHES: [_shortened(*each) for each in notes[_FLASHES][-3:]]})
            if len(plain) <= NOTES_BYTES and (session.came or session.used):
                sealed = seal(self._notes_key(session.secret), plain, b"notes")
                response.set_cookie(name, _encode(sealed), max_age=NOTES_SECONDS, **options)
        elif not notes and session.loaded_notes:
            response.delete_cookie(name, **options)

    def _open_notes(self, secret: bytes, cookie: str) -> dict[str, Any]:
        try:
            raw = base64.urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4))
            found = json.loads(unseal(self._notes_key(secret), raw, b"notes"))
        except (BrokenSeal, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _notes_key(self, secret: bytes) -> bytes:
        return derive(self._ring.current, "notes", salt=secret)


def _packed(notes: dict[str, Any]) -> bytes:
    return json.dumps(notes, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")


def _shortened(category: str, text: str) -> tuple[str, str]:
    """A notice that names files or quotes a server may be longer than any cookie: its beginning is told."""
    octets = str(text).encode(errors="replace")
    return category, octets[:NOTICE_BYTES].decode(errors="ignore") + ("…" if octets[NOTICE_BYTES:] else "")


def cookie_name(request: Request) -> str:
    """`__Host-` makes browsers refuse the cookie without Secure, with a Domain, or from a sister host (RFC 6265bis)."""
    return "__Host-postern" if request.is_secure else "postern"


def _options(request: Request) -> dict[str, Any]:
    return {"secure": request.is_secure, "httponly": True, "samesite": "Lax", "path": "/"}


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(cookie: str | None) -> bytes | None:
    if not cookie or len(cookie) != 43:
        return None
    try:
        raw = base64.b64decode(cookie + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == SECRET_BYTES else None
