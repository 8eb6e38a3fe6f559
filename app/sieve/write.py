"""Writes rules as Roundcube does: `# rule:[Name]`, then one `if`; a rule that is off is `if false # <its tests>`.

What a person typed stands in quoted strings and `text:` blocks only, and in the name's comment, which ends its line.
"""

from __future__ import annotations

from typing import Final

from app.sieve.forward import Forward
from app.sieve.rule import RELATIONS, Action, Condition, Rule
from app.sieve.vacation import Answer, Vacation

CRLF: Final = b"\r\n"


def rule(given: Rule | Vacation | Forward, newline: bytes = CRLF) -> bytes:
    """Marker and command, ending with the end of a line."""
    plain = given.rule() if isinstance(given, Forward) else given
    actions = [f"\t{action(each)};" for each in plain.actions]
    tests = ("" if plain.enabled else "false # ") + joined(plain.join, plain.conditions)
    lines = "\n".join([f"# rule:[{plain.name}]", f"if {tests}", "{", *actions, "}", ""])
    return lines.encode().replace(b"\n", newline)


def joined(join: str, conditions: tuple[Condition, ...]) -> str:
    """All tests of a rule. One alone stands without `anyof`, as Roundcube has it."""
    if not conditions:
        return "true"
    tests = ", ".join(map(test, conditions))
    return tests if len(conditions) == 1 and join == "anyof" else f"{join} ({tests})"


def test(condition: Condition) -> str:
    """One test, on one line."""
    words = ["not"] if condition.negated else []
    words += _SUBJECTS[condition.kind](condition)
    return " ".join(words)


def action(given: Action | Answer) -> str:
    """One action, without the semicolon. A text of several lines is followed by a line's end."""
    if isinstance(given, Answer):
        return _answer(given)
    words = [given.kind, *([":copy"] if given.copy else []), *([":create"] if given.create else [])]
    if given.kind in ("reject", "ereject"):
        return f"{given.kind} {text(given.values[0])}"
    return " ".join([*words, *([strings(given.values)] if given.values else [])])


def require(names: frozenset[str], newline: bytes = CRLF) -> bytes:
    """The command that requires these extensions."""
    listed = ",".join(map(quoted, sorted(names)))
    return f"require [{listed}];".encode() + newline


def quoted(value: str) -> str:
    """A quoted string."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def strings(values: tuple[str, ...]) -> str:
    """One string, or a list of several."""
    if len(values) == 1:
        return quoted(values[0])
    return f"[{','.join(map(quoted, values))}]"


def text(value: str) -> str:
    """A quoted string, or where there are several lines a block, whose lines that begin with a dot get another."""
    if "\n" not in value:
        return quoted(value)
    lines = [f".{line}" if line.startswith(".") else line for line in value.split("\n")]
    return "\n".join(["text:", *lines, ".", ""])


def size(octets: int) -> str:
    """In the largest unit that leaves nothing over."""
    for factor, unit in ((2**30, "G"), (2**20, "M"), (2**10, "K")):
        if octets and octets % factor == 0:
            return f"{octets // factor}{unit}"
    return str(octets)


def _compared(condition: Condition) -> list[str]:
    words = [":comparator", quoted(condition.comparator)] if condition.comparator else []
    if condition.op in RELATIONS:
        return [*words, ":value", quoted(condition.op)]
    return [*words, f":{condition.op}"]


def _headers(condition: Condition) -> list[str]:
    part = [f":{condition.part}"] if condition.part else []
    compared = [] if condition.kind == "exists" else [*part, *_compared(condition)]
    values = [strings(condition.values)] if condition.values else []
    return [condition.kind, *compared, strings(condition.headers), *values]


def _size(condition: Condition) -> list[str]:
    return ["size", f":{condition.op}", size(condition.size)]


def _body(condition: Condition) -> list[str]:
    content = [strings(condition.content)] if condition.content else []
    return ["body", f":{condition.part}", *content, *_compared(condition), strings(condition.values)]


def _date(condition: Condition) -> list[str]:
    zone = [":zone", quoted(condition.zone)] if condition.zone else []
    return ["currentdate", *zone, *_compared(condition), quoted(condition.part), strings(condition.values)]


def _answer(answer: Answer) -> str:
    words = ["vacation"]
    for tag, number in ((":seconds", answer.seconds), (":days", answer.days)):
        words += [tag, str(number)] if number is not None else []
    words += [":addresses", strings(answer.addresses)] if answer.addresses else []
    for tag, value in ((":subject", answer.subject), (":handle", answer.handle), (":from", answer.sender)):
        words += [tag, quoted(value)] if value else []
    return " ".join([*words, *([":mime"] if answer.mime else []), text(answer.text)])


_SUBJECTS: Final = {
    **dict.fromkeys(("header", "address", "envelope", "exists"), _headers),
    "size": _size,
    "body": _body,
    "date": _date,
}
