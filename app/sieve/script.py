"""A script as blocks, and the changes to it. Whoever wrote it: what is not changed stays as it is, to the byte.

    Script.read(text) ──> blocks: [own require] [require] [comment] [rule] [text] [blank] [rule] …
        put, remove, move, switch ──> the sources of the blocks, one of them new ──> read again ──> compared

A script is never written from a model. An edit exchanges the source of one block and joins all of them again; what
comes out is read like any script and must hold the very rules and texts that were meant, else nothing is changed.
Only one part is ours alone: the block at the top that begins with `# Postern:` and holds a `require` of what our rules
need and nobody else requires (a second `require` is legal before any other command). It tells that the script may be
edited in place; a script without it and without Roundcube's markers is somebody's own, and `adopt` asks for consent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Final

from app.sieve import write
from app.sieve.block import OWN, Block, blocks
from app.sieve.errors import BadRule, Unreadable
from app.sieve.forward import Forward
from app.sieve.needs import needs
from app.sieve.refusal import ended, refuses
from app.sieve.rule import MOST_RULES, Rule, check_together
from app.sieve.vacation import Vacation

LARGEST_SCRIPT: Final = 2**20  # sieve_max_script_size
_TOP: Final = OWN + b" what the rules below require. The rest may be edited by hand as well."


@dataclass(frozen=True, slots=True)
class Broken:
    """Why a script cannot be taken apart, and on which line."""

    line: int
    words: str


@dataclass(frozen=True, slots=True)
class Script:
    """A script taken apart. `broken`: why it cannot be; then there are no blocks, and only its text can be changed."""

    source: bytes
    blocks: tuple[Block, ...] = ()
    broken: Broken | None = None

    @classmethod
    def read(cls, text: bytes) -> Script:
        """Never raises: what cannot be taken apart is `broken`."""
        if len(text) > LARGEST_SCRIPT:
            return cls(text, broken=Broken(1, "The script is larger than 1 MB."))
        try:
            return cls(text, blocks(text))
        except Unreadable as error:
            line = text.count(b"\n", 0, error.offset) + 1
            return cls(text, broken=Broken(line, f"Line {line}: {error.words}."))

    def __bytes__(self) -> bytes:
        return self.source

    @property
    def shown(self) -> tuple[int, ...]:
        """Indices of the blocks that a list of rules shows."""
        return tuple(index for index, block in enumerate(self.blocks) if block.shown)

    @property
    def rules(self) -> tuple[Rule | Vacation | Forward, ...]:
        return tuple(block.rule for block in self.blocks if block.rule is not None)

    @property
    def requires(self) -> frozenset[str]:
        return frozenset[str]().union(*(block.requires for block in self.blocks))

    @property
    def editable(self) -> bool:
        """Whether its rules may be changed in place: it has our block, or Roundcube's markers throughout."""
        if self.broken is not None:
            return False
        if any(block.own for block in self.blocks):
            return True
        return all(block.kind == "nextcloud" or block.name for block in self.blocks if block.shown)

    @property
    def nextcloud(self) -> bool:
        return any(block.kind == "nextcloud" for block in self.blocks)

    @property
    def notes(self) -> tuple[str, ...]:
        """Who else has a part in it: "nextcloud"; "include", other scripts; "kep14", those of KEP:14."""
        included = [block.command for block in self.blocks if block.command[:7].lower() == b"include"]
        kep14 = any(name in command for command in included for name in (b'"USER"', b'"MASTER"', b'"MANAGEMENT"'))
        found = (("nextcloud", self.nextcloud), ("kep14", kep14), ("include", bool(included)))
        return tuple(name for name, there in found if there)

    def at_line(self, line: int) -> int | None:
        """The block that a line of the script is in, for what a server says of it."""
        before = [index for index, block in enumerate(self.blocks) if block.line <= line]
        return before[-1] if before else None

    def adopt(self) -> Script:
        """With our block at the top, so that it may be edited in place. All else stays."""
        return self if self.editable and any(block.own for block in self.blocks) else self._with(self.blocks)

    def put(self, index: int | None, rule: Rule | Vacation | Forward) -> Script:
        """Writes a rule in the place of another, or a new one: a vacation before all, then a forwarding, rules last.

        Raises BadRule.
        """
        if "${" in write.rule(rule).decode() and {"variables", "encoded-character"} & self.requires:
            raise BadRule("value", "This script uses variables, so ${ cannot stand in a rule.")
        if isinstance(rule, Rule) and (index is None or rule.actions != getattr(self._at(index).rule, "actions", None)):
            check_together(rule.actions)
        if index is None:
            if len(self.rules) >= MOST_RULES:
                raise BadRule("", f"A script holds at most {MOST_RULES} rules.")
            at = self._place(rule)
            return self._with([*self.blocks[:at], self._block(rule), *self.blocks[at:]])
        former = self._at(index)
        if former.rule is None:
            raise BadRule("", "This part of the script is text, not a rule of ours.")
        if former.rule == rule:
            return self
        fresh = self._block(rule)
        if not former.source.endswith(b"\n"):
            fresh = replace(fresh, source=fresh.source.rstrip(b"\r\n"))
        return self._with([*self.blocks[:index], fresh, *self.blocks[index + 1 :]])

    def switch(self, index: int, on: bool) -> Script:
        """With a rule on or off. Raises BadRule."""
        rule = self._at(index).rule
        if rule is None:
            raise BadRule("", "This part of the script is text, and is always on.")
        return self.put(index, replace(rule, enabled=on))

    def remove(self, index: int) -> Script:
        """Without a block. Raises BadRule."""
        self._at(index)
        return self._with([*self.blocks[:index], *self.blocks[index + 1 :]])

    def move(self, index: int, by: int) -> Script:
        """Exchanges a block with the one shown before it (-1) or after it (+1). The last ones stay where they are."""
        self._at(index)
        shown = self.shown
        place = shown.index(index) + by
        if not 0 <= place < len(shown):
            return self
        first, second = sorted((index, shown[place]))
        if self.blocks[first].requires or self.blocks[second].requires:
            raise BadRule("", "This part says what the script requires, so it stays at the top.")
        changed = [*self.blocks]
        changed[first], changed[second] = changed[second], changed[first]
        return self._with(changed)

    def refuse_first(self, index: int, above: int | None = None) -> Script:
        """With a rule that refuses as the last that runs, and before another one."""
        rule = self._at(index).rule
        if not isinstance(rule, Rule) or (above is not None and not 0 <= above <= index):
            raise BadRule("", "Only a rule that refuses can be put first so.")
        changed = [*self.blocks]
        block = changed.pop(index)
        changed.insert(index if above is None else above, block if ended(rule) == rule else self._block(ended(rule)))
        return self._with(changed)

    def _at(self, index: int) -> Block:
        if not 0 <= index < len(self.blocks) or not self.blocks[index].shown:
            raise BadRule("", "There is no such rule in the script.")
        return self.blocks[index]

    def _block(self, rule: Rule | Vacation | Forward) -> Block:
        return Block(type(rule).__name__.lower(), write.rule(rule, self._newline), rule, rule.name)

    @property
    def _newline(self) -> bytes:
        return b"\n" if b"\n" in self.source and b"\r\n" not in self.source else b"\r\n"

    def _place(self, rule: Rule | Vacation | Forward) -> int:
        """The index before which a new rule stands."""
        shown = self.shown
        if isinstance(rule, Rule):
            return shown[-1] + 1 if shown else len(self.blocks)
        top = max((index + 1 for index, block in enumerate(self.blocks) if block.requires or block.own), default=0)
        first = {"vacation"} if isinstance(rule, Forward) else set()
        rest = [index for index in shown if index >= top]
        above = takewhile(lambda index: self.blocks[index].kind in first or self._refuses(index), rest)
        top = max((index + 1 for index in above), default=top)  # what is refused is neither answered nor sent on
        following = [index for index in shown if index >= top and self.blocks[index].kind not in first]
        return following[0] if following else len(self.blocks)

    def _refuses(self, index: int) -> bool:
        rule = self.blocks[index].rule
        return rule is not None and refuses(rule)

    def _with(self, changed: Iterable[Block]) -> Script:
        """The script of these blocks, with our block at the top. Raises BadRule where they mean something else."""
        if self.broken is not None:
            raise BadRule("", "The script cannot be taken apart; it can be edited as text only.")
        wanted = [*changed]
        rest = [block for block in wanted if not block.own]
        top = self._top(wanted, rest)
        made = Script.read(top + self._joined(rest))
        if made.broken is not None or len(made.source) > LARGEST_SCRIPT:
            raise BadRule("", made.broken.words if made.broken else "The script would be larger than 1 MB.")
        meant, seen = _seen(rest), _seen(made.blocks)
        if len(meant) != len(seen) or not all(map(_same, meant, seen)):
            raise BadRule("", "The script cannot be changed there; it can be edited as text.")
        return made

    def _top(self, wanted: list[Block], rest: list[Block]) -> bytes:
        """Our block: what our rules need and nobody else requires. Where there is foreign text, it only grows."""
        needed = frozenset[str]().union(*(needs(block.rule) for block in rest if block.rule is not None))
        if any(block.kind == "text" for block in rest):
            needed |= frozenset[str]().union(*(block.requires for block in wanted if block.own))
        missing = needed - frozenset[str]().union(*(block.requires for block in rest))
        line = write.require(missing, self._newline) if missing else b""
        return _TOP + self._newline + line + (b"" if line else self._newline)

    def _joined(self, rest: list[Block]) -> bytes:
        """The blocks' sources, apart where they were not beside each other before."""
        places = {id(block): place for place, block in enumerate(self.blocks)}
        parts: list[bytes] = []
        for before, block in zip([None, *rest], rest, strict=False):
            beside = before is not None and places.get(id(before), -2) + 1 == places.get(id(block), -2)
            if before is not None and not beside:
                parts.append(self._between(before, block))
            parts.append(block.source)
        return b"".join(parts)

    def _between(self, before: Block, block: Block) -> bytes:
        apart = b"" if before.source.endswith(b"\n") else self._newline
        return apart + (self._newline if before.kind == "comment" and block.kind != "blank" else b"")


def _seen(found: Iterable[Block]) -> list[Block]:
    return [block for block in found if block.shown or block.requires and not block.own]


def _same(meant: Block, seen: Block) -> bool:
    if meant.rule is not None:
        return meant.rule == seen.rule
    return (meant.command or meant.source.strip()) == (seen.command or seen.source.strip())
