"""Senders whose stopped messages somebody no longer wants in their list: a setting of the account's.

A search for one of them still finds its messages, and counts count them.
"""

from typing import Any

from app.policy.actions import ON_POLICY
from app.web.profile import keep_setting, setting
from app.web.session import Current

SETTING = "hidden senders"
MOST = 200
TAKEN_BACK = ON_POLICY | {"hide"}  # what can be taken back for a day


def hidden(me: Current) -> tuple[str, ...]:
    """The addresses, those hidden last first. Never raises."""
    return sound(setting(me, SETTING))


def sound(value: Any) -> tuple[str, ...]:
    """What the setting says; nothing where no version of ours wrote it."""
    return tuple(each for each in value if isinstance(each, str))[:MOST] if isinstance(value, list) else ()


def hide(me: Current, address: str) -> None:
    """No longer lists that sender; of very many the oldest comes back. Raises ProfileAway."""
    keep_setting(me, SETTING, list(dict.fromkeys([address, *hidden(me)]))[:MOST])


def show(me: Current, address: str) -> None:
    """Lists that sender again. Raises ProfileAway."""
    keep_setting(me, SETTING, [each for each in hidden(me) if each != address] or None)
