"""Ready texts about a stopped message: to its sender, with the exact fault, and to the site's admin, with the log.

They go into a message being written, by its address, and are sent by nobody but the person who reads them first.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from urllib.parse import quote

from app.blocklog.codes import Outcome, Policy, word
from app.blocklog.query import Block
from app.blocklog.reason import cleaned, sentence, spoken, why
from app.web.format import in_zone

LONGEST = 3400  # of an address: a node takes request lines of 4,094 bytes

_FIXES: Mapping[Policy, str] = {
    Policy.rbl: "Whoever runs your mail server can ask that list why it is on it, and to be taken off.",
    Policy.rhsbl: "Whoever runs your domain can ask that list why it is on it, and to be taken off.",
    Policy.spam: "It may help to send it once more in other words, as plain text, or without its links.",
    Policy.mime: "Please send the file another way, for example as a link to where it can be downloaded.",
    Policy.helo: "Whoever runs your mail server should let it give its own full name, one that exists, in HELO.",
    Policy.client: "Whoever runs your mail server should give its address a name (reverse DNS) that leads back to it.",
    Policy.sender: "Please check the address that you send from: mail to it has to be possible.",
    Policy.spf: "Whoever runs your domain should add this server to its SPF record.",
    Policy.dkim: "Whoever runs your mail server should check its DKIM signatures.",
    Policy.dmarc: "Whoever runs your domain should sign its mail (DKIM) and list this server in its SPF record.",
    Policy.rate: "Please try again later; your mail server sent too much at once.",
    Policy.size: "Please make it smaller, or send a link to where its files can be downloaded.",
    Policy.quota: "Please try again later; my mailbox was full.",
}
_DONE: Mapping[Outcome, str] = {
    Outcome.refused: "refused a message of yours",
    Outcome.delayed: "delayed a message of yours",
}
_THROWN = "took a message of yours and then threw it away"


def to_sender(row: Block, zone: tzinfo, zone_name: str) -> dict[str, str]:
    """Fields of a message to the sender."""
    when = f"{in_zone(row.blocked_at, zone):%d %B %Y, %H:%M} ({zone_name})"
    known = [
        *("Hello,", ""),
        f"our mail server {_DONE.get(row.outcome, _THROWN)}, so I did not get it: {spoken(why(row), _utc)}.",
        *((fix, "") if (fix := _FIXES.get(row.policy)) else ("",)),
        *(f"Sent by: {cleaned(row.sender, 320)}", f"Sent to: {cleaned(row.rcpt, 320)}", f"When: {when}"),
        *_server(row),
    ]
    return _fitted("Your message did not reach me", row.sender, known, _answer(row))


def to_admin(row: Block, to: str) -> dict[str, str]:
    """Fields of a message to the site's admin, who finds the place in the logs by it."""
    known = [
        *("This message should not have been stopped, I think.", "", spoken(sentence(row), _utc), ""),
        *(
            f"Time: {_utc(row.blocked_at)}",
            f"Sender: {cleaned(row.sender, 320)}",
            f"Recipient: {cleaned(row.rcpt, 320)}",
        ),
        *_server(row),
        *([f"HELO: {cleaned(row.helo, 100)}"] if row.helo else []),
        f"Policy: {word(row.policy)}, {word(row.outcome)}, at {word(row.stage)}",
        *([f"Detail: {cleaned(row.detail, 80)}"] if row.detail else []),
        *([f"Queue id: {cleaned(row.queue_id, 32)}"] if row.queue_id else []),
    ]
    return _fitted("Wrongly blocked message", to, known, _answer(row))


def _server(row: Block) -> list[str]:
    if not (row.client_name or row.client_ip):
        return []
    return [f"By the server: {f'{cleaned(row.client_name, 100)} [{row.client_ip}]'.strip()}"]


def _answer(row: Block) -> str:
    return cleaned(f"{row.smtp_code or ''} {row.dsn or ''} {row.reason}", 320).strip()


def _fitted(subject: str, to: str, lines: list[str], answer: str) -> dict[str, str]:
    """The answer last, as much of it as an address has room for."""
    while True:
        body = "\n".join([*lines, *([f"Our server’s answer: {answer}"] if answer else [])]) + "\n"
        fields = {"to": cleaned(to, 320), "subject": subject, "body": body}
        if not answer or sum(len(quote(each, safe="")) for each in fields.values()) < LONGEST:
            return fields
        answer = answer[: len(answer) // 2]


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
