"""What speaks against sending a message: mistakes, beside their field, and doubts, which one click dispels."""

import re
from collections.abc import Sequence

from app.mail.address import on_wire
from app.mail.message import Header
from app.mail.outgoing import Parsed, Writing
from app.mail.reply import list_address
from app.outbox.mail import Refusal
from app.web.letter.letter import TYPED, Letter

HUGE = 10  # people whom an answer to all reaches without a question
# A promise in the writer's own words, in the languages of the special folders' names that need no more than a word.
_PROMISE = re.compile(
    r"\b(?:attach(?:ed|ment|ments|ing)|enclosed|anbei|anhang|angehängt|beigefügt|beiliegend"
    r"|pi[eè]ces?[ -]jointes?|ci-joint\w*|adjunt\w+|anexo\w*|allegat\w+|bijlagen?|bijgevoegd|bifog\w+"
    r"|vedlagt\w*|vedhæft\w+|liite(?:enä)?"
    r"|załącz\w+|v příloze|вложени\w+|прикреп\w+|ekte|συνημμέν\w+)\b",
    re.IGNORECASE,
)


def faults(letter: Letter) -> dict[str, str]:
    """By field: why the message cannot be sent so; nothing where it can."""
    typed = letter.typed()
    found = {name: _told(typed[name]) for name in TYPED if typed[name].faults}
    if not found and not any(typed[name].addresses for name in TYPED):
        found["to"] = "Say who this goes to."
    return found


def refused(letter: Letter, refusals: Sequence[Refusal]) -> dict[str, str]:
    """By field: whom the mail server refused when the letter was sent the last time, and its words."""
    said = {each.address: f"{each.code} {each.text}" for each in refusals}
    typed = {name: [on_wire(who.address) for who in parsed.addresses] for name, parsed in letter.typed().items()}
    found = {name: [f"{each} was refused: {said[each]}." for each in typed[name] if each in said] for name in TYPED}
    return {name: " ".join(lines[:5]) for name, lines in found.items() if lines}


def _told(parsed: Parsed) -> str:
    return " ".join(f"“{each.word}” {each.why}." for each in parsed.faults[:5])


def crowd(answer: Writing, header: Header) -> str:
    """What the letter of an answer to all remembers: to how many it goes, and the mailing list among them."""
    everyone = {each.address.casefold() for each in (*answer.to, *answer.cc)}
    listed = list_address(header)
    return f"{len(everyone)} {listed.address if listed and listed.address.casefold() in everyone else ''}".strip()


def doubts(letter: Letter, most_visible: int) -> list[str]:
    """Sentences, each a question; none where there is nothing to ask. `most_visible`: addresses that all of them see, 0
    for any number."""
    typed = letter.typed()
    everyone = {each.address.casefold() for each in (*typed["to"].addresses, *typed["cc"].addresses)}
    visible = len(everyone)
    found = _to_all(letter.crowd, everyone)
    if not letter.subject.strip():
        found.append("There is no subject.")
    if not letter.files and _PROMISE.search(_own_words(letter.text)):
        found.append("The text speaks of an attachment, and there is none.")
    if most_visible and visible > max(most_visible, _known(letter.crowd)):
        found.append(f"All {visible} people will see each other’s addresses. Blind copies hide them.")
    if letter.conflict is not None:
        found.append("This draft was changed elsewhere. The other text is not sent; it stays in your drafts.")
    return found


def _to_all(remembered: str, everyone: set[str]) -> list[str]:
    """An answer to all is asked about where that is a mailing list, or many people."""
    listed = remembered.partition(" ")[2].casefold()
    if listed and listed in everyone:
        return [f"This answer goes to everybody on the mailing list {listed}. Reply writes to the sender alone."]
    if HUGE < _known(remembered) <= len(everyone):
        return [f"This answer goes to all {len(everyone)} people of the message. Reply writes to the sender alone."]
    return []


def _known(remembered: str) -> int:
    """How many had each other's addresses before; what a form says that is none counts as nobody."""
    number = remembered.partition(" ")[0]
    return int(number) if number.isdecimal() and len(number) < 7 else 0


def _own_words(text: str) -> str:
    """Without quotes and the signature."""
    lines = text.partition("\n-- \n")[0].split("\n")
    return "\n".join(line for line in lines if not line.startswith(">"))[:100_000]
