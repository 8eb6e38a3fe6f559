"""How much the signed-in person may still send in this hour, by their site's figures or the settings'."""

from contextlib import suppress
from datetime import datetime, timedelta

from redis import RedisError

from app.directory.account import Account
from app.outbox.mail import mail_id
from app.store import allowance
from app.store.allowance import Allowance, Spent
from app.web.resources import resources
from app.web.session import Current


def take(me: Current, compose_id: str, recipients: int) -> None:
    """Counts a message that is about to be sent; without Redis, in this process. Raises Spent.

    Not in both: what another worker is told to give back, this process would never hear of.
    """
    held, number, most = resources(), mail_id(me.account.id, compose_id), _allowed(me.account)
    try:
        allowance.take(held.redis, me.account.id, number, recipients, most)
    except RedisError:
        held.sent.take(me.account.id, number, recipients, most)


def give_back(me: Current, number: str, recipients: int) -> None:
    """The mail of this number was not sent after all."""
    held = resources()
    held.sent.give_back(me.account.id, number)
    with suppress(RedisError):
        allowance.give_back(held.redis, me.account.id, number, recipients)


def told(me: Current, error: Spent) -> str:
    """Why it is not sent now, for people."""
    if error.retry_after is None and error.what == "messages":
        return "Your provider lets nothing be sent from this account."
    if error.retry_after is None:
        return f"It goes to {error.asked} recipients, and you can send to {error.most} in an hour at most."
    minute = timedelta(minutes=1)  # as seconds are not shown
    again = f"{datetime.now(me.zone) + timedelta(seconds=error.retry_after) + minute:%H:%M}"
    if error.what == "messages":
        return f"In an hour {error.most} messages can be sent, and you have sent {error.used}. Send it after {again}."
    return (
        f"In an hour {error.most} recipients can be written to. You have written to {error.used}, and this goes to"
        f" {error.asked} more. Send it after {again}."
    )


def _allowed(account: Account) -> Allowance:
    settings = resources().settings
    return Allowance(
        settings.messages_per_hour if account.messages_per_hour is None else account.messages_per_hour,
        settings.recipients_per_hour if account.recipients_per_hour is None else account.recipients_per_hour,
    )
