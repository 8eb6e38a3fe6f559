"""What was done to an account or a site, in words, for its owner and for administrators."""

from collections.abc import Callable, Mapping
from typing import Any

from app.blocklog.reason import cleaned
from app.policy.actions import Action
from app.web.blocked.doings import WORDS

MOST = 12  # lines about one action
_FIELDS = {
    "display_name": "name",
    "kind": "kind",
    "forward_to": "forwards to",
    "time_zone": "time zone",
    "locale": "language",
    "role": "role",
    "enabled": "enabled",
    "primary_domain": "primary domain",
    "brand": "brand",
    "log_days": "days of the log",
    "forward_outside": "may forward outside",
    "reset_passwords": "administrators may set passwords",
    "messages_per_hour": "messages per hour",
    "recipients_per_hour": "recipients per hour",
}  # what is left out, such as logins and servers, stands on no page

_USUAL = (None, "", True, "user", "mailbox")  # of a new row not worth a line


def doing(verb: str) -> str:
    """What an action is called."""
    return WORDS.get(verb, verb)


def changed(action: Action) -> list[str]:
    """Each field that an action changed, before and after."""
    lines: list[str] = []
    changes = action.detail.get("changes")
    told: list[Any] = changes if isinstance(changes, list) else []
    for each in told:
        before, after = each.get("before") or {}, each.get("after") or {}
        new = each.get("before") is None
        if len(told) > 1 and isinstance(after.get("username"), str):
            lines.append(cleaned(after["username"], 64))
        for name in (name for name in _FIELDS if name in after):
            if not new:
                lines.append(f"{_FIELDS[name]}: {_said(before.get(name))} → {_said(after[name])}")
            elif after[name] not in _USUAL:
                lines.append(f"{_FIELDS[name]}: {_said(after[name])}")
    return lines[:MOST] + ([f"and {len(lines) - MOST} more"] if len(lines) > MOST else [])


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return cleaned(str(value), 200) if value not in (None, "") else "–"


filters: Mapping[str, Callable[..., Any]] = {"changed": changed, "doing": doing}
