"""Ready texts about a stopped message: to its sender, with the exact fault, and to the site's admin, with the log.

They go into a message being written, by its address, and are sent by nobody but the person who reads them first.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from urllib.parse import quote

from app.blocklog.codes import Outcome, Policy, word
from app.blocklog.query import Block
from app.blocklog.reason import cleaned, sentence, spoken
from app.web.format import in_zone

LONGEST = 3400  # of an address: a node takes request lines of 4,094 bytes

# What was wrong, said to whoever sent it: {detail} is a stranger's.
_FAULTS: Mapping[Policy, str] = {
    Policy.rbl: "your mail server is on the block list {detail}",
    Policy.rhsbl: "your domain, or one that it links to, is on the block list {detail}",
    Policy.spam: "it looked like spam",
    Policy.header: "something in its subject or header is not allowed here",
    Policy.body: "something in its text is not allowed here",
    Policy.mime: "its attachment {detail} is of a kind that is not allowed here",
    Policy.greylist: "your mail server has not come again, as it was asked to",
    Policy.helo: "your mail server gave a name that cannot be right",
    Policy.client: "your mail server is not one that may send mail here",
    Policy.sender: "the address that it was sent from is not valid",
    Policy.spf: "your mail server may not send mail for your domain",
    Policy.dkim: "its signature does not fit",
    Policy.dmarc: "it does not prove that it is from your domain",
    Policy.rate: "your mail server sent too much at once",
    Policy.size: "it was too large",
    Policy.quota: "my mailbox was full",
}
_UNNAMED = "our mail server had a reason that only its answer below tells"
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
        f"our mail server {_DONE.get(row.outcome, _THROWN)}, so I did not get it: {_fault(row)}.",
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


def _fault(row: Block) -> str:
    """In one clause; a list or file of which nothing is known leaves no gap."""
    text, detail = _FAULTS.get(row.policy, _UNNAMED), cleaned(row.detail)
    if not detail:
        text = text.replace("the block list {detail}", "a block list").replace(" {detail}", "")
    return text.replace("{detail}", detail)


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
