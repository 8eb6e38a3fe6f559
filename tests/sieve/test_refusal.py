"""Which rules a refusal is at odds with."""

import time

import pytest

from app.sieve import write
from app.sieve.errors import BadRule
from app.sieve.refusal import MOST, Clash, clashes, ended
from app.sieve.rule import Action, Condition, Rule
from app.sieve.script import Script

IS = (Condition("header", "contains", ("x",), ("subject",)),)
STOP = Action("stop")


def rule(*actions: Action, enabled: bool = True) -> bytes:
    return write.rule(Rule("A", IS, actions, enabled=enabled))


NO = rule(Action("reject", ("no",)), STOP)
NO_MORE = rule(Action("reject", ("no",)))
NO_OFF = rule(Action("reject", ("no",)), enabled=False)
FILES = rule(Action("fileinto", ("Junk",)))
FILES_LAST = rule(Action("fileinto", ("Junk",)), STOP)
KEEPS = rule(Action("keep"))
MARKS = rule(Action("addflag", ("\\Seen",)))
DROPS = rule(Action("discard"))
OFF = rule(Action("fileinto", ("Junk",)), enabled=False)
SENDS = b'# rule:[F]\r\nif true\r\n{\r\n\tredirect :copy "a@b.example";\r\n}\r\n'
ANSWERS = b'# rule:[V]\r\nif true\r\n{\r\n\tvacation "x";\r\n}\r\n'
BY_HAND = b'if header :is "a" "b" { fileinto "x"; }\r\n'


def odds(*parts: bytes) -> dict[int, Clash]:
    """By their numbers, without what stands between."""
    script = Script.read(b"".join(parts))
    place = {at: number for number, at in enumerate(script.shown)}
    return {
        place[at]: Clash(*(tuple(place[one] for one in side) for side in (clash.above, clash.below)))
        for at, clash in clashes(script.blocks).items()
    }


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ((NO,), {}),
        ((FILES, NO), {1: Clash((0,))}),
        ((KEEPS, NO), {1: Clash((0,))}),
        ((SENDS, ANSWERS, BY_HAND, NO), {3: Clash((0, 1, 2))}),
        ((NO, FILES, SENDS, ANSWERS), {}),
        ((FILES_LAST, MARKS, DROPS, OFF, NO), {}),
        ((NO_MORE, FILES, MARKS), {0: Clash((), (1,))}),
        ((NO_MORE, NO), {1: Clash((0,))}),
        ((FILES, NO_OFF), {}),
    ],
)
def test_what_delivers_answers_or_refuses_and_goes_on_is_at_odds_with_a_refusal(
    parts: tuple[bytes, ...], found: dict[int, Clash]
):
    assert odds(*parts) == found


def test_what_we_write_ends_with_a_refusal():
    refusing = Rule("A", IS, (Action("reject", ("no",)), Action("addflag", ("x",))))
    assert ended(refusing).actions[-1] == STOP and ended(ended(refusing)) == ended(refusing)
    filing = Rule("A", IS, (Action("fileinto", ("Junk",)),))
    assert ended(filing) == filing
    with pytest.raises(BadRule):
        ended(Rule("A", IS, (Action("reject", ("no",)), *(Action("addflag", (f"x{at}",)) for at in range(19)))))


@pytest.mark.slow
def test_a_script_of_thousands_of_refusals_takes_no_thread_for_seconds():
    script = Script.read(b"".join(b'if header :is "a" "%d" { reject "x"; }\n' % at for at in range(4_900)))
    began = time.thread_time()
    assert len(clashes(script.blocks)) == MOST - 1
    assert time.thread_time() - began < 2


def test_a_refusal_is_put_first_and_nothing_else_is_changed():
    script = Script.read(b"# word\r\n\r\n" + FILES + SENDS + NO_MORE + MARKS).adopt()
    at = script.shown[2]
    after = script.refuse_first(at, script.shown[0])
    assert not clashes(after.blocks)
    assert [part in bytes(after) for part in (FILES, SENDS, MARKS, NO, b"# word\r\n\r\n")] == [True] * 5
    assert [after.blocks[one].rule for one in after.shown] == [
        ended(script.rules[2]), script.rules[0], script.rules[1], script.rules[3]  # type: ignore[arg-type]
    ]  # fmt: skip
    for wrong in (after.shown[1], 999, -1):
        with pytest.raises(BadRule):
            script.refuse_first(wrong, 1000)
