"""What speaks against sending a message: mistakes, beside their field, and doubts, which one click dispels."""

import re

from app.mail.outgoing import Parsed
from app.web.letter import TYPED, Letter

MANY_VISIBLE = 20  # addresses in To and Copy, which all of them see
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
        found["to"] = "Write to whom this goes."
    return found


def _told(parsed: Parsed) -> str:
    return " ".join(f"“{each.word}” {each.why}." for each in parsed.faults[:5])


def doubts(letter: Letter) -> list[str]:
    """Sentences, each a question; none where there is nothing to ask."""
    typed = letter.typed()
    visible = len(typed["to"].addresses) + len(typed["cc"].addresses)
    found = []
    if not letter.subject.strip():
        found.append("There is no subject.")
    if not letter.files and _PROMISE.search(_own_words(letter.text)):
        found.append("The text speaks of an attachment, and there is none.")
    if visible > MANY_VISIBLE:
        found.append(f"All {visible} people will see each other's addresses. Blind copies hide them.")
    return found


def _own_words(text: str) -> str:
    """Without quotes and the signature."""
    lines = text.partition("\n-- \n")[0].split("\n")
    return "\n".join(line for line in lines if not line.startswith(">"))[:100_000]
