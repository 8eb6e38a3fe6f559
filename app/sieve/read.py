"""Recognises the rules that we write and those of Roundcube; whatever says anything else is foreign and stays text.

The grammar is that of write.py, in any spelling that means the same. There is no recursion: tests of a rule are one
list, never nested.
"""

from __future__ import annotations

from typing import Any, Final

from app.sieve.errors import BadRule, Foreign, Unreadable
from app.sieve.forward import Forward, forward_of
from app.sieve.rule import BARE_ACTIONS, COMPARISONS, FLAG_ACTIONS, PARTS, RELATIONS, Action, Condition, Rule
from app.sieve.text import marked, plainly_marked, string
from app.sieve.token import Token, tokens
from app.sieve.vacation import Answer, Vacation, vacation_of

MOST_TOKENS: Final = 20_000  # of one rule; the largest that can be written has some 12,000
_UNITS: Final = {"K": 2**10, "M": 2**20, "G": 2**30}


def rule(source: bytes, expands: bool = False) -> Rule | Vacation | Forward | None:
    """The rule that a marker and one `if` are; None where that is not all. `expands`: the script uses variables or
    encoded characters, so that `${` in a string means something else than it says."""
    try:
        return _rule(_Cursor(source, expands))
    except (Foreign, BadRule, Unreadable):
        return None


def condition(source: bytes) -> Condition | None:
    """The condition that a test alone is, if it is one."""
    try:
        cursor = _Cursor(source, False)
        found = _test(cursor)
        cursor.end()
    except (Foreign, BadRule, Unreadable):
        return None
    return found


class _Cursor:
    """The tokens of a rule, one after the other, without the space between them."""

    def __init__(self, source: bytes, expands: bool) -> None:
        self.source = source
        self.expands = expands
        self.at = 0
        self.tokens: list[Token] = []
        for token in tokens(source):
            if token.kind != "space":
                self.tokens.append(token)
            if len(self.tokens) > MOST_TOKENS:
                raise Foreign("too much")

    @property
    def kind(self) -> str:
        return self.tokens[self.at].kind if self.at < len(self.tokens) else ""

    @property
    def text(self) -> bytes:
        token = self.tokens[self.at]
        return self.source[token.start : token.end]

    def take(self, kind: str) -> bytes:
        if self.kind != kind:
            raise Foreign(f"no {kind}")
        self.at += 1
        token = self.tokens[self.at - 1]
        return self.source[token.start : token.end]

    def word(self) -> str:
        return self.take("word").decode().lower()

    def tag(self) -> str:
        return self.take("tag").decode().lower()[1:]

    def number(self) -> int:
        digits = self.take("number").decode().upper()
        unit = _UNITS.get(digits[-1], 1)
        if len(digits) > 12:
            raise Foreign("a number beyond all numbers")
        return int(digits.rstrip("KMG")) * unit

    def string(self) -> str:
        """One line in quotes."""
        found = self.said("string")
        if "\n" in found:
            raise Foreign("several lines")
        return found

    def said(self, kind: str) -> str:
        found = string(self.take(kind))
        if self.expands and "${" in found:
            raise Foreign("a variable")
        return found

    def lines(self) -> str:
        return self.said("text" if self.kind == "text" else "string")

    def strings(self) -> tuple[str, ...]:
        if self.kind != "[":
            return (self.string(),)
        self.take("[")
        found = [self.string()]
        while self.kind == ",":
            self.take(",")
            found.append(self.string())
        self.take("]")
        return tuple(found)

    def end(self) -> None:
        if self.at < len(self.tokens):
            raise Foreign("more than a rule")


def _rule(cursor: _Cursor) -> Rule | Vacation | Forward:
    comment = cursor.take("comment")
    name = marked(comment)
    if name is None or not plainly_marked(comment):
        raise Foreign("no marker")
    if cursor.word() != "if":
        raise Foreign("no condition")
    enabled, join, conditions = _tests(cursor)
    cursor.take("{")
    actions = []
    while cursor.kind != "}":
        actions.append(_action(cursor))
        cursor.take(";")
    cursor.take("}")
    cursor.end()
    return _made(name, enabled, join, conditions, tuple(actions))


def _made(
    name: str, enabled: bool, join: str, conditions: tuple[Condition, ...], actions: tuple[Action | Answer, ...]
) -> Rule | Vacation | Forward:
    if actions and isinstance(actions[0], Answer):
        return vacation_of(name, enabled, join, conditions, actions)
    plain = tuple(action for action in actions if isinstance(action, Action))
    if len(plain) != len(actions):
        raise Foreign("an answer beside others")
    found = Rule(name, conditions, plain, join, enabled)
    return forward_of(found) or found


def _tests(cursor: _Cursor) -> tuple[bool, str, tuple[Condition, ...]]:
    """Whether the rule is on, how its tests are joined, and they. Of one that is off they stand in a comment."""
    if cursor.kind != "word" or cursor.text.lower() != b"false":
        return True, *_joined(cursor)
    cursor.take("word")
    within = _Cursor(cursor.take("comment")[1:], cursor.expands)
    found = _joined(within)
    within.end()
    return False, *found


def _joined(cursor: _Cursor) -> tuple[str, tuple[Condition, ...]]:
    word = cursor.text.decode(errors="replace").lower() if cursor.kind == "word" else ""
    if word == "true":
        cursor.take("word")
        return "always", ()
    if word not in ("allof", "anyof"):
        return "anyof", (_test(cursor),)
    cursor.take("word")
    cursor.take("(")
    found = [_test(cursor)]
    while cursor.kind == ",":
        cursor.take(",")
        found.append(_test(cursor))
    cursor.take(")")
    return word, tuple(found)


def _test(cursor: _Cursor) -> Condition:
    word = cursor.word()
    negated = word == "not"
    if negated:
        word = cursor.word()
    if word == "size":
        return Condition("size", cursor.tag(), size=cursor.number(), negated=negated)
    if word == "exists":
        return Condition("exists", "exists", headers=cursor.strings(), negated=negated)
    if word not in ("header", "address", "envelope", "body", "currentdate"):
        raise Foreign("another test")
    told = _tags(cursor, word)
    if word in ("header", "address", "envelope"):
        return Condition(word, headers=cursor.strings(), values=cursor.strings(), negated=negated, **told)
    if word == "body":
        return Condition(word, values=cursor.strings(), negated=negated, **{"part": "text"} | told)
    return Condition("date", part=cursor.string(), values=cursor.strings(), negated=negated, **told)


def _tags(cursor: _Cursor, word: str) -> dict[str, Any]:
    """The tagged arguments of a test, each at most once, in any order."""
    told: dict[str, Any] = {}
    while cursor.kind == "tag":
        name, value = _tag(cursor, word)
        if name in told:
            raise Foreign("twice the same")
        told[name] = value
        if word == "body" and value == "content":
            told["content"] = cursor.strings()
    told = {"op": "is"} | told
    if told.get("comparator") == "i;ascii-casemap":
        del told["comparator"]
    return told


def _tag(cursor: _Cursor, word: str) -> tuple[str, Any]:
    tag = cursor.tag()
    if tag in COMPARISONS or (tag == "list" and word == "address"):
        return "op", tag
    if tag == "value" and word == "currentdate":
        return "op", _relation(cursor.string())
    if tag == "comparator":
        return "comparator", cursor.string()
    if tag == "zone" and word == "currentdate":
        return "zone", cursor.string()
    if word == "body" and tag in ("text", "raw", "content"):
        return "part", tag
    if word in ("address", "envelope") and tag in (*PARTS, "all"):
        return "part", "" if tag == "all" else tag
    raise Foreign(f":{tag}")


def _relation(name: str) -> str:
    if name not in RELATIONS:
        raise Foreign("no relation")
    return name


def _action(cursor: _Cursor) -> Action | Answer:
    kind = cursor.word()
    if kind == "vacation":
        return _answer(cursor)
    if kind in BARE_ACTIONS:
        return Action(kind)
    if kind in ("reject", "ereject"):
        return Action(kind, (cursor.lines(),))
    if kind in FLAG_ACTIONS:
        return Action(kind, cursor.strings())
    if kind not in ("fileinto", "redirect"):
        raise Foreign("another action")
    told: dict[str, Any] = {}
    while cursor.kind == "tag":
        tag = cursor.tag()
        if tag not in ("copy", "create"):
            raise Foreign(f":{tag}")
        told[tag] = True
    return Action(kind, (cursor.string(),), **told)


def _answer(cursor: _Cursor) -> Answer:
    told: dict[str, Any] = {}
    while cursor.kind == "tag":
        tag = cursor.tag()
        if tag not in _ARGUMENTS or _ARGUMENTS[tag] in told:
            raise Foreign(f":{tag}")
        told[_ARGUMENTS[tag]] = _argument(cursor, tag)
    return Answer(cursor.lines(), **told)


def _argument(cursor: _Cursor, tag: str) -> Any:
    if tag == "mime":
        return True
    if tag in ("days", "seconds"):
        return cursor.number()
    return cursor.strings() if tag == "addresses" else cursor.string()


_ARGUMENTS: Final = {"from": "sender"} | {
    name: name for name in ("mime", "days", "seconds", "addresses", "subject", "handle")
}
