"""A rule as its form shows it: what was typed, good or bad, and the Rule that it means.

Each row of the form sends all of its fields, so that they lie beside each other in lists; what does not apply is empty.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from zoneinfo import ZoneInfo

from werkzeug.datastructures import MultiDict

from app.sieve.asked import Asked, asked, condition
from app.sieve.errors import BadRule
from app.sieve.rule import MOST_ACTIONS, MOST_CONDITIONS, Action, Rule
from app.sieve.vacation import Bound
from app.web.filters.words import NOT, does

LONGEST = 100_000  # characters of one field
_ABOUTS_WITH_HEADER = frozenset({"header"})


@dataclass(frozen=True, slots=True)
class If:
    """A condition's row. `op` has NOT in front where it is negated; `text`: a test that the menus cannot say."""

    about: str = "sender"
    op: str = "contains"
    header: str = ""
    value: str = ""
    zone: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Do:
    """An action's row. `other`: an action that the menus cannot say, as JSON."""

    does: str = "fileinto"
    folder: str = ""
    value: str = ""
    other: str = ""


@dataclass(frozen=True, slots=True)
class Typed:
    """The whole form. `faults`: what is wrong, by field; rows are c0, c1, …, a0, a1, …"""

    name: str = ""
    enabled: bool = True
    join: str = "allof"
    ifs: tuple[If, ...] = (If(),)
    dos: tuple[Do, ...] = (Do(),)
    faults: Mapping[str, str] = field(default_factory=dict)


def typed_of(rule: Rule) -> Typed:
    """A rule as its form shows it."""
    ifs = tuple(_if(asked(each)) for each in rule.conditions) or (If(),)
    return Typed(rule.name, rule.enabled, rule.join, ifs, tuple(_do(each) for each in rule.actions))


def _if(found: Asked) -> If:
    op = (NOT if found.negated else "") + found.op
    return If(found.about, op, found.header, "\n".join(found.values), found.zone, found.text)


def _do(action: Action) -> Do:
    key, value = does(action)
    if key == "other":
        told = json.dumps([action.kind, list(action.values), action.copy, action.create], ensure_ascii=True)
        return Do(key, other=told)
    return Do(key, folder=value) if key in ("fileinto", "copy") else Do(key, value=value)


def typed(form: MultiDict[str, str]) -> Typed:
    """What a form holds. Rows beyond what a rule may have are dropped: no page of ours makes them."""
    ifs = _rows(form, ("c_about", "c_op", "c_header", "c_value", "c_zone", "c_text"), MOST_CONDITIONS + 1)
    dos = _rows(form, ("a_does", "a_folder", "a_value", "a_other"), MOST_ACTIONS + 1)
    return Typed(
        form.get("name", "").strip()[:LONGEST],
        form.get("enabled") == "1",
        form.get("join", "allof"),
        tuple(If(*row) for row in ifs) or (If(),),
        tuple(Do(*row) for row in dos) or (Do(),),
    )


def _rows(form: MultiDict[str, str], names: Sequence[str], most: int) -> Iterator[tuple[str, ...]]:
    columns = [form.getlist(name) for name in names]
    for number in range(min(len(columns[0]), most)):
        yield tuple(_line_ends(each[number])[:LONGEST] if number < len(each) else "" for each in columns)


def _line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def changed(form: Typed, do: str) -> Typed | None:
    """The form with a row more or less, as a button of it says; None for a button that is none of these."""
    kind, _, number = do.rpartition("-")
    at = int(number) if number.isascii() and number.isdigit() and len(number) < 4 else -1
    if do == "add-if":
        return replace(form, ifs=(*form.ifs, If()))
    if do == "add-do":
        return replace(form, dos=(*form.dos, Do("stop" if form.dos else "fileinto")))
    if kind == "drop-if" and at >= 0:
        return replace(form, ifs=(form.ifs[:at] + form.ifs[at + 1 :]) or (If(),))
    if kind == "drop-do" and at >= 0:
        return replace(form, dos=(form.dos[:at] + form.dos[at + 1 :]) or (Do(),))
    return form if do == "refresh" else None


def rule_of(form: Typed, zone: ZoneInfo) -> tuple[Rule | None, Typed]:
    """The rule that was typed; or None, and the form with what is wrong beside each row."""
    faults: dict[str, str] = {}
    conditions, actions = [], []
    for number, row in enumerate(form.ifs if form.join != "always" else ()):
        try:
            conditions.append(condition(_asked(row, zone)))
        except BadRule as error:
            faults[f"c{number}"] = error.words
    for number, each in enumerate(form.dos):
        try:
            actions.append(_action(each))
        except BadRule as error:
            faults[f"a{number}"] = error.words
    if not faults:
        try:
            return Rule(form.name, tuple(conditions), tuple(actions), form.join, form.enabled), form
        except BadRule as error:
            faults[error.field if error.field in ("name", "join") else "form"] = error.words
    elif not form.name:
        faults["name"] = "Give the rule a name."
    return None, replace(form, faults=faults)


def _asked(row: If, zone: ZoneInfo) -> Asked:
    if row.about == "other":
        return Asked("other", text=row.text)
    values = tuple(line for line in row.value.split("\n") if line.strip())
    op, negated = row.op.removeprefix(NOT), row.op.startswith(NOT)
    header = row.header.strip() if row.about in _ABOUTS_WITH_HEADER else ""
    at = ""
    if row.about == "date":
        values = tuple(line.strip() for line in values)
        at = row.zone or _offset(values, zone)
    if row.about == "size":
        values = tuple(line.strip() for line in values)
    return Asked(row.about, op, () if op == "exists" else values, header, negated, at)


def _offset(values: tuple[str, ...], zone: ZoneInfo) -> str:
    """How far the clock of who asks is from UTC on that very day."""
    try:
        return Bound.of(date.fromisoformat(values[0]), zone).offset
    except (ValueError, IndexError):
        raise BadRule("value", "Write the day as year, month, day: 2026-12-31.") from None


def _action(row: Do) -> Action:
    value = row.value.strip()
    match row.does:
        case "fileinto" | "copy":
            return Action("fileinto", (row.folder,), copy=row.does == "copy")
        case "redirect" | "redirect-copy":
            return Action("redirect", (value,), copy=row.does == "redirect-copy")
        case "read":
            return Action.mark_read()
        case "flag":
            return Action("addflag", ("\\Flagged",))
        case "label":
            return _labelled(value)
        case "reject":
            return Action("reject", (value,))
        case "keep" | "discard" | "stop":
            return Action(row.does)
        case "other":
            return _other(row.other)
    raise BadRule("kind", "There is no such action.")


def _labelled(value: str) -> Action:
    if value.startswith("\\"):
        raise BadRule("value", "A label does not begin with a backslash.")
    return Action("addflag", (value,))


def _other(told: str) -> Action:
    """An action that rode through the form. It came from a browser: whatever it says is checked like any other."""
    try:
        kind, values, copy, create = json.loads(told)
        return Action(str(kind), tuple(str(each) for each in values), bool(copy), bool(create))
    except (ValueError, TypeError, RecursionError) as error:
        if isinstance(error, BadRule):
            raise
        raise BadRule("kind", "This action cannot be read any more. Take it away.") from None


def is_shown_whole(rule: Rule, zone: ZoneInfo) -> bool:
    """Whether the form can say all that a rule says; else only its text can be edited."""
    shown = typed_of(rule)
    again, _ = rule_of(shown, zone)
    return again == rule
