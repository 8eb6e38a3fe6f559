"""The doctor's look at the site's LDAP directory: whether it lets this node in and lets it search."""

from __future__ import annotations

import time
from collections.abc import Iterator

from app.profile.ldap import Source, close, found_over, opened
from app.web.operating.diagnosis import Finding

TODO = "see POSTERN_LDAP_URL, _BASE, _BIND_DN and _FILTER; until then nobody of it is suggested"


def directory_of_people(source: Source) -> Iterator[Finding]:
    """What to say of it. Without it people have their own contacts."""
    began = time.monotonic()
    try:
        connection = opened(source)
        try:
            found_over(connection, source, "an", "")
        finally:
            close(connection)
    except Exception as error:  # ldap3 lets errors of many kinds through
        yield Finding("warning", f"{source.host} port {source.port}: {error}", TODO)
        return
    took = round((time.monotonic() - began) * 1000)
    yield Finding("ok", f"{source.host} port {source.port}, {source.security}, answers in {took} ms")
