"""What was done to an account or a site, in words, for its owner and for administrators."""

from collections.abc import Callable, Mapping
from typing import Any

from app.blocklog.reason import cleaned
from app.directory.edit import Change
from app.policy.actions import Action
from app.web.blocked.doings import WORDS

FEW, MOST = 3, 12  # rows of one action that are told in full, and by name
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
    "forward_here": "forwarding in the directory",
    "filters_words": "words about filters",
    "filters_page": "page of filters",
    "learning": "how the filter learns",
    "learn_spam_to": "where spam is sent to be learnt",
    "learn_ham_to": "where good mail is sent to be learnt",
    "reset_passwords": "administrators may set passwords",
    "messages_per_hour": "messages per hour",
    "recipients_per_hour": "recipients per hour",
}  # what is left out, such as logins and servers, stands on no page

_USUAL = (None, "", True, "user", "mailbox")  # of a new row not worth a line


def doing(verb: str) -> str:
    """What an action is called."""
    return WORDS.get(verb, verb)


def changed(action: Action) -> list[str]:
    """Each field that an action changed, before and after; of more than a few rows only which they are."""
    if action.verb == "setting":  # of spam: an own value, or none
        before, after = (action.detail.get(name) or ["as above"] for name in ("before", "after"))
        return [f"{_said(before[0])} → {_said(after[0])}"]
    changes = action.detail.get("changes")
    told: list[Any] = changes if isinstance(changes, list) else []
    part = [_part(action.detail["part"], action.detail["parts"])] if "part" in action.detail else []
    if len(told) > FEW:
        names = [_name(each) for each in told[:MOST]]
        more = f", and {len(told) - MOST} more" if len(told) > MOST else ""
        return [*part, f"{len(told)}: {', '.join(names)}{more}"]
    lines = part
    for each in told:
        lines += [_name(each)] if len(told) > 1 else []
        lines += _lines(each.get("before"), each.get("after"))
    return lines


def _part(number: int, of: int) -> str:
    """Which of an action's parts it is: later ones build on earlier ones, and go back with them."""
    return f"Part {number} of {of}" + (". Undo takes back the later parts, too." if number < of else "")


def _name(change: Mapping[str, Any]) -> str:
    row = {**(change.get("before") or {}), **(change.get("after") or {})}
    name = change.get("name") or row.get("username") or row.get("local") or f"number {change.get('number')}"
    return cleaned(str(name), 320)


def differs(change: Change) -> list[str]:
    """The same of one change that is not done yet."""
    return _lines(change.before, change.after)


def _lines(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[str]:
    names = [name for name in _FIELDS if name in (after or {})]
    if before is None:
        return [f"{_FIELDS[name]}: {_said((after or {})[name])}" for name in names if (after or {})[name] not in _USUAL]
    return [f"{_FIELDS[name]}: {_said(before.get(name))} → {_said((after or {})[name])}" for name in names]


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return cleaned(str(value), 200) if value not in (None, "") else "–"


filters: Mapping[str, Callable[..., Any]] = {"changed": changed, "differs": differs, "doing": doing}
