"""What the two ways of forwarding have in common: how it stands, and why it stays so."""

from dataclasses import dataclass

from app.mail.difference import Side
from app.web.away.foreign import Part
from app.web.filters.kept import Kept


@dataclass(frozen=True, slots=True)
class Standing:
    """Where mail is sent on to; nothing: nowhere. `copy`: it stays here, too · `made`: what the form was made from ·
    `chooses`: whether a copy may stay is the person's choice · `stops`: whether it may end · `fixed`: why it cannot be
    changed here · `closed`: a script that is left alone · `others`: other parts of the script that send mail on."""

    targets: tuple[str, ...]
    copy: bool
    made: str
    chooses: bool = True
    stops: bool = True
    fixed: str = ""
    closed: Kept | None = None
    others: tuple[Part, ...] = ()

    @property
    def target(self) -> str:
        """What stands in the field."""
        return self.targets[0] if len(self.targets) == 1 else ""


class NotPut(Exception):
    """Nothing was changed; `words` say why. `texts`: the script with the change, and as it is elsewhere."""

    def __init__(self, words: str, status: int, texts: tuple[Side, Side] | None = None) -> None:
        super().__init__(words)
        self.words, self.status, self.texts = words, status, texts
