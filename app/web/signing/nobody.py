"""What a mail server says of a wrong password, also for an address that is nobody's.

Mail servers answer wrong passwords late, and the later the more of them one network sent: Dovecot after 2, 5, 9 and 17
seconds. Measured here, the second guess told whether the first one's address exists. So the mail server of whoever
stands next in the directory is asked for somebody whom it does not have, and answers as it does for everybody.
"""

import hashlib
import re
import secrets

from app.directory import resolve
from app.directory.account import Account
from app.web import session
from app.web.resources import resources
from app.web.signing.check import check_password

_BEFORE, _AFTER = re.compile(r".*\\"), re.compile(r"[@%].*")  # DOMAIN\user, user@domain, user%domain


def ask(typed: str, *, domain: str | None) -> None:
    """Returns where no server can be asked, and where one takes any password; raises what it answers: mail.MailError.
    DirectoryError where SQL is away."""
    near = resolve.neighbour(resources().directory, typed, domain=domain)
    if near is None or near.server is None:
        return
    if near.server.state == "drain":
        raise session.Draining(retry_after=60)
    name = hashlib.sha256(typed.casefold().encode("utf-8", "replace")).hexdigest()[:16]
    login = _login(near.login or "", name)
    nobody = Account(f"n:{name}", f"{name}@{near.site}", near.site, login=login, server=near.server)
    check_password(nobody, secrets.token_urlsafe(12), "0")


def _login(like: str, name: str) -> str:
    """A name that no mailbox has, in the form that names of mailboxes have there: the server may look it up by that."""
    before, after = _BEFORE.match(like), _AFTER.search(like)
    return f"{before[0] if before else ''}nobody-{name}{after[0] if after else ''}"
