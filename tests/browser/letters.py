"""Mail for the journeys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.demo import compose
from app.demo.pictures import landscape, pdf
from app.demo.words import Person
from tests.conftest import Resident

SENDER = Person("Carol Njeri", "carol@example.org")


def fill(resident: Resident, count: int = 5) -> None:
    """Put `count` plain messages named "Letter 1" … into the inbox, a newsletter and one with a file; newest last."""
    owner, now = Person("Alice", resident.address), datetime.now(UTC)
    for number in range(1, count + 1):
        message = compose.letter(SENDER, owner, f"Letter {number}", now, message_id=f"{number}@letters.example")
        compose.flowed(message, f"This is the text of letter {number}.")
        resident.mail.append(message.as_bytes(), arrived=now - timedelta(hours=count + 3 - number))
    news = compose.letter(
        Person("The Paper", "news@example.com"), owner, "News of the week", now, message_id="n@example.com"
    )
    compose.newsletter(news, "The Paper", (20, 90, 120), ["The bridge opens.", "The canteen closes."])
    resident.mail.append(news.as_bytes(), arrived=now - timedelta(hours=2))
    file = compose.letter(SENDER, owner, "With a file", now, message_id="f@example.com")
    compose.flowed(file, "See the file.")
    file.add_attachment(pdf("Minutes", ["one", "two"]), "application", "pdf", filename="minutes.pdf")
    file.add_attachment(landscape(1, width=60, height=40), "image", "png", filename="picture.png")
    resident.mail.append(file.as_bytes(), arrived=now - timedelta(hours=1))


def letter(resident: Resident, subject: str) -> bytes:
    """One more message."""
    owner = Person("Alice", resident.address)
    message = compose.letter(
        SENDER, owner, subject, datetime.now(UTC), message_id=f"{subject}@x.example".replace(" ", ".")
    )
    return compose.flowed(message, "It has just arrived.").as_bytes()
