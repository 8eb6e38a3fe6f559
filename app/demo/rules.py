"""What people's rules say of a mail that comes to the demo's border, asked as a mail server asks it."""

from datetime import UTC, datetime

from app.demo.incoming import Wishes
from app.directory.engine import open_engine
from app.directory.errors import DirectoryError
from app.directory.resolve import Directory, resolve
from app.policy.errors import PolicyAway
from app.policy.senders import Decision, decide
from app.policy.spam import effective


class Rules:
    """Asks for each recipient."""

    def __init__(self, database_url: str) -> None:
        self.engine = open_engine(database_url)
        self.directory = Directory(self.engine)

    def __call__(self, sender: str, ip: str, to: str) -> Decision:
        try:
            account = resolve(self.directory, to)
            if account is None:
                return Decision()
            whose = {"account_id": account.id, "site": account.site}
            return decide(self.engine, datetime.now(UTC), **whose, sender=sender, ip=ip, recipient=to)
        except (DirectoryError, PolicyAway):
            return Decision()  # mail does not wait for rules

    def wishes(self, to: str) -> Wishes:
        """What its owner set about spam, as far as the border heeds it."""
        try:
            account = resolve(self.directory, to)
            if account is None:
                return Wishes()
            held = effective(self.engine, account_id=account.id, site=account.site)
        except (DirectoryError, PolicyAway):
            return Wishes()
        return Wishes(held.rbl.value == "1", held.delays)
