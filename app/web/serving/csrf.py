"""Flask-WTF on every POST, with all of the server's keys: a page from before a change of keys still posts."""

from flask import Flask, current_app, g, request
from flask_wtf.csrf import CSRFProtect, validate_csrf
from wtforms import ValidationError

from app.store.seal import Keyring, derive

PURPOSE = "forms"


class Protection(CSRFProtect):
    """Checks the token of each request that changes something, before any view."""

    def __init__(self, app: Flask, ring: Keyring) -> None:
        self._keys = [derive(secret, PURPOSE).hex() for secret in ring.secrets]
        app.config["SECRET_KEY"] = self._keys[0]
        super().__init__(app)

    def protect(self, apply_exemptions: bool = False) -> None:
        """Raises CSRFError where the token is missing or is of no key of ours. No view is exempt, whatever it says."""
        if not request.endpoint or request.method not in current_app.config["WTF_CSRF_METHODS"]:
            return
        token, problem = self._get_csrf_token(), ""
        for key in self._keys:
            try:
                validate_csrf(token, secret_key=key)
            except ValidationError as error:
                problem = str(error.args[0])
                continue
            g.csrf_valid = True
            return
        self._error_response(problem)
