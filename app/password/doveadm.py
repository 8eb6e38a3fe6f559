"""Dovecot's HTTP API of doveadm: the hash is written into the dict that Dovecot's own passdb reads (`driver = dict`).

Then what Dovecot remembers of the account's former password is dropped (`authCacheFlush`), where it lets us.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.password.backend import SECONDS, Change
from app.password.errors import BackendAway, Unsettled

_LONGEST = 65536  # bytes of an answer


@dataclass(frozen=True, slots=True)
class Dict:
    """The dict as doveadm names it, the key of an account in it, and the value: both templates; `{hash}` in `value`."""

    uri: str
    key: str = "shared/passdb/{login}"
    value: str = '{"password":"{hash}"}'


@dataclass(frozen=True)
class Doveadm:
    """`api_key` is Dovecot's doveadm_api_key. Without `context` unencrypted."""

    host: str
    port: int
    api_key: str = field(repr=False)
    kept_in: Dict
    hashed: Callable[[str], str]
    context: ssl.SSLContext | None = None
    seconds: float = SECONDS
    without_old: bool = True

    def change(self, change: Change) -> None:
        """See Backend."""
        key = change.filled(self.kept_in.key, without="/\\")  # a name must not lead to another key
        if any(part in (".", "..") for part in key.split("/")):
            raise BackendAway("the account's name cannot be written there")
        value = self.kept_in.value.replace("{hash}", self.hashed(change.new))
        told = {"user": change.login, "dictUri": self.kept_in.uri, "key": key, "value": value}
        self._ask("dictSet", told)
        with contextlib.suppress(BackendAway, Unsettled):
            self._ask("authCacheFlush", {"user": [change.login]})

    def look(self) -> str:
        """See Backend. It lists its commands to who has the key."""
        line = self._line()
        try:
            self._sent(line, "GET")
            answer = line.getresponse()
            status, body = answer.status, answer.read(_LONGEST)
        except (OSError, http.client.HTTPException) as error:
            raise BackendAway(f"doveadm at {self.host}:{self.port}: {error or type(error).__name__}") from error
        finally:
            line.close()
        if status in (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN):
            raise BackendAway(f"doveadm at {self.host}:{self.port} refuses the key")
        if status != http.HTTPStatus.OK or b'"dictSet"' not in body:
            raise BackendAway(f"doveadm at {self.host}:{self.port} answers {status}, and offers no dictSet")
        return f"doveadm at {self.host}:{self.port}"

    def _ask(self, command: str, told: dict[str, Any]) -> None:
        line = self._line()
        try:
            line.connect()
        except OSError as error:
            raise BackendAway(type(error).__name__) from error
        try:
            self._sent(line, "POST", json.dumps([[command, told, "postern"]]))
            answer = line.getresponse()
            status, body = answer.status, answer.read(_LONGEST)
        except (OSError, http.client.HTTPException) as error:
            raise Unsettled(type(error).__name__) from error
        finally:
            line.close()
        if status != http.HTTPStatus.OK:
            raise BackendAway(f"doveadm answers {status}")
        if not _done(body):
            raise BackendAway("doveadm did not do it")

    def _line(self) -> http.client.HTTPConnection:
        if self.context is None:
            return http.client.HTTPConnection(self.host, self.port, timeout=self.seconds)
        return http.client.HTTPSConnection(self.host, self.port, timeout=self.seconds, context=self.context)

    def _sent(self, line: http.client.HTTPConnection, method: str, body: str = "") -> None:
        key = base64.b64encode(self.api_key.encode()).decode()
        line.request(
            method, "/doveadm/v1", body.encode(),
            {"Authorization": f"X-Dovecot-API {key}", "Content-Type": "application/json"},
        )  # fmt: skip


def _done(body: bytes) -> bool:
    """Whether an answer is that of a command that was done: `[["doveadmResponse", [], "postern"]]`."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return False
    first = told[0] if isinstance(told, list) and told else None
    return isinstance(first, list) and first[:1] == ["doveadmResponse"]
