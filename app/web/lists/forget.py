"""Has the spam filter forget what it learnt about a sender for a person, where it keeps such a thing in SQL."""

from typing import Any

from flask import abort, flash, redirect, request

from app.directory.aliases import addresses_of
from app.directory.errors import DirectoryError
from app.policy import reputation
from app.policy.errors import BadValue, PolicyAway
from app.policy.value import Kind, canonical
from app.web.lists import senders
from app.web.lists.entry import Entry
from app.web.lists.whose import whose
from app.web.resources import resources
from app.web.serving.log import described, logger

AWAY = "What the filter learnt cannot be reached at the moment. Nothing was changed; try again in a while."


def forget() -> Any:
    """POST /filters/senders/forget: `sender` is the address that messages show."""
    its, held = whose("account"), resources()
    if held.reputation is None:
        abort(404)
    typed = request.form.get("sender", "").strip()
    try:
        sender = canonical(Kind.sender, typed)
        addresses = {its.me.account.address, *addresses_of(held.directory, its.me.account)}
        rows = reputation.forget(held.reputation, held.settings.reputation_table, addresses, sender)
    except BadValue as error:
        return senders.page(its, Entry({"sender": typed}, {"sender": f"Nothing was changed: {error}."}), 422)
    except (DirectoryError, PolicyAway) as error:
        logger.warning("what the filter learnt cannot be reached", extra=described(error))
        return senders.page(its, Entry({"sender": typed}, {"sender": AWAY}), 503)
    flash(f"Forgotten: the filter judges {sender} anew." if rows else f"The filter knew nothing about {sender}.")
    return redirect(its.url("lists"), 303)
