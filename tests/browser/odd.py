"""Mail that breaks layouts: names of 80 characters, subjects without a space, the other direction, many recipients."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage

from tests.conftest import Resident

LONG_NAME = "Maximilian-Alexander von und zu Hohenschwangau-Lichtenstein der Juengere the 3rd"
LONG_WORD = "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamtengesellschaft" * 2


def odd(sender: str, subject: str, text: str, to: str) -> bytes:
    """One message."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Date"] = datetime.now(UTC)
    message.set_content(text)
    return message.as_bytes()


def fill_odd(resident: Resident) -> None:
    """Put them into the inbox."""
    me = resident.address
    crowd = ", ".join(f"Person {number} <p{number}@example.org>" for number in range(60))
    for each in (
        odd(f"{LONG_NAME} <{'x' * 60}@{'y' * 50}.example>", LONG_WORD, LONG_WORD * 4, me),
        odd("أحمد عبد الرحمن <ahmad@example.org>", "اجتماع يوم الثلاثاء القادم", "مرحبا", me),
        odd("Many <many@example.org>", "To many", "> " + "quoted\n> " * 20, crowd),
        odd("", "", "", me),
    ):
        resident.mail.append(each)
