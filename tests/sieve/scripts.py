"""Random scripts and rules: what people, Roundcube and Nextcloud write, and what nobody would, cut and mixed."""

from __future__ import annotations

from datetime import date, time
from random import Random

from app.sieve import write
from app.sieve.forward import Forward
from app.sieve.rule import ADDRESS_HEADERS, COMPARISONS, DATE_PARTS, PARTS, RELATIONS, Action, Condition, Rule
from app.sieve.vacation import Bound, Vacation

NASTY = (
    *('"', "\\", '\\"', "]", "*/", "/*", "#", "# rule:[x]", ".", "..", ";", "{", "}", "text:", "ä", "\u2028", "\x85"),
    *("${x}", "\\0", "if true {", "# Postern:", "😀", "\t", " ", "discard;", "[", ",", "\ufeff", "\ufffd", "require"),
)
TESTS = (
    'header :contains "subject" "x"',
    "true",
    'not exists ["x", "y"]',
    "size :over 100K",
    'anyof (true, allof (false, not header "a" text:\r\nx\r\n.\r\n))',
    'address :domain :comparator "i;octet" :is ["from", "to"] "a.example"',
    "false # true",
    'body :content "text" :contains "x"',
    'header :regex "subject" "^a"',
)
COMMANDS = (
    "keep;",
    'fileinto :copy "A";',
    'redirect "a@b.example";',
    "vacation :days 7 text:\r\nI am\r\n..\r\naway.\r\n.\r\n;",
    'set "a" "${b}";',
    "stop ;",
    'require "fileinto";',
    'require ["variables", /* x */ "date"];',
    'include :personal "USER";',
    'addflag ["\\\\Seen", "x"];',
    'reject "a\r\nb\\\\";',
)
SPACE = ("\r\n", "\n", " ", "\t", "\r\n\r\n", "", "  \r\n", "\r")
COMMENTS = (
    "# rule:[A]\r\n",
    "# rule:[a]b] x\n",
    "# rule:[\n",
    "# note\r\n",
    "/* many\r\n lines */",
    "#\n",
    "# Postern: x\r\n",
    "### Nextcloud Mail: Filters ### DON'T EDIT ###\r\n",
    "### Nextcloud Mail: Vacation Responder ### DON'T EDIT ###\n",
    "# EDITOR: Roundcube (Managesieve)\r\n",
)


def script(random: Random) -> bytes:
    """A script by the grammar, often damaged."""
    parts = [_part(random) for _ in range(random.randrange(9))]
    made = b"".join(parts)
    for _ in range(random.choice((0, 0, 0, 1, 2))):
        made = _damaged(random, made)
    return made


def _part(random: Random) -> bytes:
    kind = random.randrange(8)
    if kind == 0:
        return rule_of_any_kind(random, write.CRLF)
    if kind < 3:
        return random.choice(SPACE).encode()
    if kind < 5:
        return random.choice(COMMENTS).encode()
    if kind == 5:
        return random.choice(COMMANDS).encode() + random.choice(SPACE).encode()
    return _chain(random).encode() + random.choice(SPACE).encode()


def rule_of_any_kind(random: Random, newline: bytes) -> bytes:
    return write.rule(random.choice((rule, vacation, forward))(random), newline)


def _chain(random: Random) -> str:
    made = f"if {random.choice(TESTS)}{random.choice(SPACE)}{{{_block(random, 0)}}}"
    for _ in range(random.choice((0, 0, 1, 2))):
        made += f"{random.choice(SPACE)}elsif {random.choice(TESTS)}\n{{{_block(random, 0)}}}"
    return made + (f" else {{{_block(random, 0)}}}" if random.random() < 0.3 else "")


def _block(random: Random, depth: int) -> str:
    parts = [random.choice(SPACE) + random.choice((*COMMANDS, *COMMENTS)) for _ in range(random.randrange(3))]
    if depth < 3 and random.random() < 0.2:
        parts.append(f"if {random.choice(TESTS)} {{{_block(random, depth + 1)}}}")
    return "".join(parts)


def _damaged(random: Random, made: bytes) -> bytes:
    at, to = sorted((random.randrange(len(made) + 1), random.randrange(len(made) + 1)))
    how = random.randrange(4)
    if how == 0:
        return made[:at] + bytes(random.randrange(256) for _ in range(random.randrange(4))) + made[at:]
    if how == 1:
        return made[:at] + made[min(to, at + 9) :]
    if how == 2:
        return made.replace(b"\r\n", b"\n")
    return (
        made[:at]
        + random.choice((b'"', b"{", b"}", b"*/", b"/*", b"\\", b"\n", b"\x00", b"#", b";", b"\xff"))
        + made[at:]
    )


def words(random: Random, most: int = 4) -> str:
    """A text that is not empty, of pieces that would hurt."""
    made = "".join(random.choice((*NASTY, "word", "a")) for _ in range(random.randrange(1, most + 1)))
    return made if made.strip() else f"{made}x"


def several(random: Random, most: int = 3) -> tuple[str, ...]:
    return tuple(words(random) for _ in range(random.randrange(1, most + 1)))


def condition(random: Random) -> Condition:
    kind = random.choice(("header", "address", "envelope", "exists", "size", "body", "date"))
    negated = random.random() < 0.3
    comparator = random.choice(("", "", "i;octet"))
    headers = tuple(
        random.choice(("Subject", "x-spam", "List-Id", "from", "!x")) for _ in range(random.randrange(1, 3))
    )
    if kind == "size":
        size = random.choice((0, 1, 1000, 1024, 5 * 2**20, 2**30, 2**31 - 1))
        return Condition(kind, random.choice(("over", "under")), size=size, negated=negated)
    if kind == "exists":
        return Condition(kind, "exists", headers=headers, negated=negated)
    told = {"values": several(random), "negated": negated, "comparator": comparator}
    op = random.choice(COMPARISONS)
    if op == "matches":
        told["values"] = tuple((value.rstrip("\\") or "x") + "*" for value in several(random))
    if kind == "date":
        op = random.choice((op, *(RELATIONS if op != "matches" else ())))
        return Condition(kind, op, part=random.choice(DATE_PARTS), zone=random.choice(("", "+0100", "-0930")), **told)
    if kind == "body":
        part = random.choice(("text", "raw", "content"))
        return Condition(kind, op, part=part, content=("text/html", "image") if part == "content" else (), **told)
    if kind == "header":
        return Condition(kind, op, headers=headers, **told)
    names = sorted(ADDRESS_HEADERS) if kind == "address" else ["from", "to"]
    return Condition(kind, op, headers=(random.choice(names),), part=random.choice(PARTS), **told)


def action(random: Random) -> Action:
    kind = random.choice(
        ("fileinto", "redirect", "addflag", "setflag", "removeflag", "reject", "discard", "keep", "stop")
    )
    if kind == "fileinto":
        return Action(kind, (words(random),), copy=random.random() < 0.5, create=random.random() < 0.2)
    if kind == "redirect":
        return Action(kind, (random.choice(("a@b.example", "x'y+z=q@c.d.example")),), copy=random.random() < 0.5)
    if kind.endswith("flag"):
        return Action(kind, random.choice((("\\Seen",), ("$label1", "\\Flagged"), ("Work",))))
    if kind == "reject":
        return Action(kind, (lines(random),))
    return Action(kind)


def lines(random: Random) -> str:
    made = "\n".join(random.choice(("", words(random))) for _ in range(random.randrange(1, 5)))
    return made if made.strip() else f"{made}x"


def rule(random: Random) -> Rule:
    conditions = tuple(condition(random) for _ in range(random.randrange(4)))
    join = random.choice(("allof", "anyof")) if conditions else "always"
    actions = tuple(action(random) for _ in range(random.randrange(1, 4)))
    if not conditions and actions[0].kind == "redirect":
        actions = (Action("keep"), *actions)
    if any(each.kind == "reject" for each in actions):
        actions = tuple(each for each in actions if each.kind not in ("fileinto", "redirect", "keep"))
    return Rule(words(random), conditions, actions, join, random.random() < 0.7)


def vacation(random: Random) -> Vacation:
    start, end = (random.choice((None, _bound(random, month))) for month in (3, 7))
    then = random.choice(("keep", "discard", "redirect", "copy"))
    days, seconds = random.choice(((7, None), (None, None), (None, 3600)))
    return Vacation(
        lines(random),
        html=random.choice(("", f"<p>{lines(random)}</p>")),
        subject=random.choice(("", words(random))),
        days=days,
        seconds=seconds,
        addresses=random.choice(((), ("a@b.example",), ("a@b.example", "c@d.example"))),
        sender=random.choice(("", '"A \\" B" <a@b.example>')),
        start=start,
        end=end,
        contacts=random.choice(((), ("x@y.example",), ("x@y.example", words(random)))),
        then=then,
        target="t@u.example" if then in ("redirect", "copy") else "",
        name=words(random),
        enabled=random.random() < 0.7,
        handle=random.choice(("", words(random))),
    )


def _bound(random: Random, month: int) -> Bound:
    at = random.choice((None, time(8, 30), time(0, 0)))
    return Bound(date(2026, month, random.randrange(1, 29)), random.choice(("+0100", "-0930", "+0000")), at)


def forward(random: Random) -> Forward:
    return Forward("al@else.example", random.random() < 0.5, words(random), random.random() < 0.7)
