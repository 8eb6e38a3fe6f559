"""Lists as plain text: one entry a line, comments behind a #. Read as a whole or not at all, and written again."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Response, flash, make_response, redirect, request

from app.blocklog.reason import cleaned
from app.mail.filename import content_disposition
from app.policy import actions, lists
from app.policy.errors import BadValue, Full, Gone, PolicyAway
from app.policy.rule import Rule
from app.policy.senders import most_of
from app.web import spool
from app.web.lists.entry import ACTIONS, DAYS, about, doubted, refused, rule
from app.web.lists.senders import AWAY
from app.web.lists.whose import Whose, whose
from app.web.policy import policy
from app.web.resources import resources

MOST_LINES = {"account": 1000, "site": 5000, "global": 5000}
SHOWN = 100  # faults
_COMMENT = re.compile(r"(?:^|\s)#")  # within an address a # is a sign like any other (RFC 5322 §3.2.3)
_FIELDS = ("action", "days", "note", "about", "locked")


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that is no entry, and why."""

    line: int
    text: str
    why: str


def choose(level: str = "account") -> Any:
    """GET /filters/senders/import"""
    return _page(whose(level))


def take(level: str = "account") -> Any:
    """POST /filters/senders/import: a text or a file."""
    its = whose(level)
    if its.realm is None and not resources().settings.rules_asked:
        return _page(its, "Your provider’s mail servers do not ask these lists.", 409)
    if spool.dropped("file"):
        raise spool.NoRoom
    file = request.files.get("file")
    named = file is not None and bool(file.filename)
    text = file.stream.read().decode("utf-8-sig", "replace") if file and named else request.form.get("text", "")
    back = "" if named else text  # a file is still where it was
    typed = {name: request.form.get(name, "") for name in _FIELDS}
    if typed["action"] not in ACTIONS or typed["days"] not in DAYS:
        return _page(its, "Choose what to do, and for how long.", 422, back)
    numbered = enumerate(text.splitlines(), 1)
    lines = [(at, entry) for at, line in numbered if (entry := _COMMENT.split(line, 1)[0].strip())]
    most = MOST_LINES[its.level]
    if not 0 < len(lines) <= most:
        why = f"{len(lines):,} entries are too many at once: at most {most:,}." if lines else "There is no entry in it."
        return _page(its, f"{why} Nothing was imported.", 422, back)
    wanted, faults = _read(its, lines, typed)
    if faults:
        return _page(its, "Nothing was imported, as some lines are not right.", 422, back, faults)
    return _kept(its, wanted, back)


def export(level: str = "account") -> Response:
    """GET /filters/senders/export.txt?action="""
    its, action = whose(level), request.args.get("action", "")
    if action not in ACTIONS:
        action = "deny"
    with policy() as engine:
        every = lists.page(engine, [its.scope], _now(), action=action, limit=most_of(its.scope)).rules
    text = "".join([f"# {ACTIONS[action]}\n", *map(_line, every)])
    response = make_response(text)
    response.headers["Content-Type"] = "text/plain; charset=utf-8"
    response.headers["Content-Disposition"] = content_disposition("attachment", f"{action}.txt")
    return response


def _line(each: Rule) -> str:
    """An entry; when it ends, and its note, are a comment."""
    ends = [f"until {each.expires_at:%Y-%m-%d}"] if each.expires_at else []
    remarks = ", ".join([*ends, *([cleaned(each.note)] if each.note else [])])
    return f"{each.value}  # {remarks}\n" if remarks else f"{each.value}\n"


def _read(its: Whose, lines: list[tuple[int, str]], typed: dict[str, str]) -> tuple[list[Rule], list[Fault]]:
    """The rules, each once, and the lines that are none."""
    own, now = its.own_domains(), _now()
    wanted: dict[tuple[int, str], Rule] = {}
    faults = []
    for at, line in lines:
        try:
            kind, value = about(its, line, typed["about"])
        except BadValue as error:
            faults.append(Fault(at, cleaned(line, 60), f"{str(error)[:1].upper()}{str(error)[1:]}."))
            continue
        against = refused(kind, value, typed["action"])
        if not against and (doubt := doubted(kind, value, typed["action"], own)):
            against = f"{doubt} If you mean it, add it by itself."
        if against:
            faults.append(Fault(at, cleaned(line, 60), against))
            continue
        wanted[kind, value] = rule(its, kind, value, typed, now, "import")
    return list(wanted.values()), faults


def _kept(its: Whose, wanted: list[Rule], text: str) -> Any:
    try:
        with policy() as engine:
            new = actions.import_rules(engine, its.by, wanted)
    except PolicyAway:
        return _page(its, AWAY, 503, text)
    except Full as error:
        return _page(its, f"There is no room for so many: a list holds {error}. Nothing was imported.", 507, text)
    except Gone as error:
        return _page(its, f"A locked entry stands in the place of {error}. Nothing was imported.", 409, text)
    same = len(wanted) - new
    known = f" {same:,} {'was' if same == 1 else 'were'} there already." if same else ""
    flash(f"{new:,} {'entry was' if new == 1 else 'entries were'} imported.{known}")
    return redirect(its.url("lists"), 303)


def _page(
    its: Whose, fault: str = "", status: int = 200, text: str = "", faults: list[Fault] | None = None
) -> Any:  # fmt: skip
    values = {
        "fault": fault, "faults": (faults or [])[:SHOWN], "faulty": len(faults or []), "actions": ACTIONS, "days": DAYS,
        "typed": {name: request.form.get(name, "") for name in _FIELDS}, "text": text,
        "most": MOST_LINES[its.level],
    }  # fmt: skip
    return its.page("list_import", values, status)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
