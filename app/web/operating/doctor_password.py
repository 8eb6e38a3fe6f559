"""The doctor's look at the site's way to change passwords: whether it answers, and lets this node in."""

from __future__ import annotations

from collections.abc import Iterator

from app.directory.errors import DirectoryError
from app.directory.open import open_directory
from app.password.errors import BackendAway
from app.web.operating.diagnosis import Finding
from app.web.settings.backend import made
from config.default import Settings


def passwords(settings: Settings) -> Iterator[Finding]:
    """What to say of it. Without it people keep the passwords that they have."""
    todo = "see POSTERN_PASSWORD_URL and what stands beside it in docs/passwords.md; until then no password is changed"
    try:
        directory = open_directory(settings)
        way = made(settings, directory.whole, directory.query is None)
        if way is None:
            yield Finding("warning", "accounts come from a query of your own", "set POSTERN_PASSWORD_STATEMENT")
            return
        told = way.look()
    except (BackendAway, DirectoryError) as error:
        yield Finding("warning", str(error)[:200], todo)
        return
    yield Finding("ok", f"{told}; administrators {'can' if way.without_old else 'cannot'} set one anew")
