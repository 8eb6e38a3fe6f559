"""What conditions and actions are called: in the menus of a rule's form, and in the sentence of a list."""

from collections.abc import Iterator, Mapping, Sequence

from app.sieve.asked import asked
from app.sieve.rule import Action, Condition, Rule

ABOUT: Mapping[str, str] = {
    "sender": "Sender",
    "recipient": "Recipient",
    "subject": "Subject",
    "list": "Mailing list",
    "header": "Header field",
    "size": "Size",
    "body": "Text of the message",
    "date": "Day",
    "other": "Something else",
}
_OPS: Mapping[str, tuple[str, str]] = {
    "contains": ("contains", "does not contain"),
    "is": ("is", "is not"),
    "matches": ("matches the pattern", "does not match the pattern"),
    "domain": ("is at the domain", "is not at the domain"),
    "exists": ("is there", "is not there"),
    "over": ("is over", "is not over"),
    "under": ("is under", "is not under"),
    "on": ("is", "is not"),
    "before": ("is before", "is not before"),
    "after": ("is after", "is not after"),
    "from": ("is this or later", "is not this or later"),
    "until": ("is this or earlier", "is not this or earlier"),
}
NOT = "not-"
OPS: Mapping[str, str] = {
    mark + op: words[mark == NOT] for op, words in _OPS.items() for mark in ("", NOT) if mark == "" or op in
    ("contains", "is", "matches", "domain", "exists", "on")
}  # fmt: skip
JOINS: Mapping[str, str] = {
    "allof": "all of these are true",
    "anyof": "any of these is true",
    "always": "it comes at all: every message",
}
DOES: Mapping[str, str] = {
    "fileinto": "Move to the folder",
    "copy": "Copy to the folder",
    "redirect": "Send on to",
    "redirect-copy": "Send a copy to",
    "read": "Mark as read",
    "flag": "Flag",
    "label": "Set the label",
    "keep": "Keep in the inbox",
    "discard": "Throw away, unseen",
    "reject": "Send back, with the words",
    "stop": "Run no further rules",
    "other": "Something else",
}


def op_words(op: str) -> str:
    """An operator of the form in words, also one that the menus do not offer."""
    bare = op.removeprefix(NOT)
    return _OPS[bare][op.startswith(NOT)] if bare in _OPS else op


def does(action: Action) -> tuple[str, str]:
    """What an action does, as a key of DOES, and with what."""
    one = action.values[0] if action.values else ""
    if action.kind == "fileinto" and not action.create:
        return ("copy" if action.copy else "fileinto"), one
    if action.kind == "redirect":
        return ("redirect-copy" if action.copy else "redirect"), one
    if action.kind == "addflag" and len(action.values) == 1:
        known = {"\\Seen": "read", "\\Flagged": "flag"}.get(one)
        if known or not one.startswith("\\"):
            return known or "label", "" if known else one
    if action.kind in ("keep", "discard", "stop", "reject"):
        return action.kind, one
    return "other", ""


def action_words(action: Action) -> str:
    """One action in a sentence."""
    key, value = does(action)
    if key == "other":
        return f"{action.kind} {', '.join(action.values)}".strip()
    shown = value.split("\n")[0]
    words = DOES[key] if key not in ("label", "reject") else {"label": "Label", "reject": "Send back"}[key]
    words = {"fileinto": "Move to", "copy": "Copy to"}.get(key, words)
    return f"{words} “{_short(shown)}”" if shown else words


def actions_words(actions: Sequence[Action]) -> str:
    """What is done one after the other, in a sentence."""
    said = [action_words(each) for each in actions]
    return ", then ".join([*said[:1], *(each[:1].lower() + each[1:] for each in said[1:])])


def condition_words(condition: Condition, *, further: bool = False) -> str:
    """One condition in a sentence, or further on in one."""
    found = asked(condition)
    if found.about == "other":
        return _short(found.text)
    name = ABOUT[found.about].lower() if further else ABOUT[found.about]
    name = found.header if found.about == "header" else name
    values = " or ".join(f"“{_short(each)}”" for each in found.values[:3])
    more = f" or {len(found.values) - 3} more" if len(found.values) > 3 else ""
    return f"{name} {op_words((NOT if found.negated else '') + found.op)} {values}{more}".strip()


def sentence(rule: Rule) -> Iterator[tuple[str, str]]:
    """A rule in lines of (what, words): its conditions, then what it does."""
    if rule.join == "always":
        yield "if", "Every message"
    else:
        joint = " and " if rule.join == "allof" else " or "
        shown = joint.join(condition_words(each, further=at > 0) for at, each in enumerate(rule.conditions[:3]))
        more = f"{joint}{len(rule.conditions) - 3} more" if len(rule.conditions) > 3 else ""
        yield "if", shown + more
    yield "then", actions_words(rule.actions[:4])


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
