"""Scripts: any bytes come out as they went in, and a change changes what it is about and nothing else.

`SCRIPTS` says how many random ones are tried; `make soak` tries 200,000.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sieve.errors import BadRule
from app.sieve.forward import Forward
from app.sieve.rule import Action, Condition, Rule
from app.sieve.script import Script
from app.sieve.vacation import Vacation
from tests.sieve import scripts
from tests.sieve.pigeonhole import Pigeonhole

SCRIPTS = int(os.environ.get("SCRIPTS", "5000"))
SEED = int(os.environ.get("SEED", "1"))
WORK = Rule("Work", (Condition("header", "contains", ("boss",), ("from",)),), (Action("fileinto", ("Work",)),))
AWAY = Vacation("I am away.")

KNOWN = (
    b'require ["fileinto","copy","vacation","vacation-seconds","imap4flags","reject","body","date","relational",'
    b'"envelope","subaddress","mailbox","variables","regex"];\r\n'
)

ROUNDCUBE = b"""require ["fileinto","imap4flags"];
# rule:[Lists]
if allof (exists "list-id")
{
\tfileinto "Lists";
\taddflag "\\\\Seen";
\tstop;
}
# rule:[Off]
if false # anyof (header :contains "subject" "a", header :is ["x","y"] ["b","c"])
{
\tdiscard;
}
# rule:[Clever]
if header :regex "subject" "^x"
{
\tdiscard;
}
""".replace(b"\n", b"\r\n")

BY_HAND = b"""# My own, since 2009
require ["fileinto", "variables"];

/* Work first. */
if header :contains "subject" "work" { fileinto "Work"; } # keep this
elsif true { keep; }

set "x" "y"; stop;
"""

NEXTCLOUD = b"""### Nextcloud Mail: Filters ### DON'T EDIT ###
require ["fileinto"];
### Nextcloud Mail: Filters ### DON'T EDIT ###

### Nextcloud Mail: Filters ### DON'T EDIT ###
# FILTER: [{"name":"a"}]
# a
if header :is "subject" "x" {
\tfileinto "X";
}
### Nextcloud Mail: Filters ### DON'T EDIT ###
"""


def kinds(script: Script) -> list[str]:
    return [block.kind for block in script.blocks]


def test_any_script_comes_out_as_it_went_in_and_is_whole_in_its_blocks():
    random = Random(SEED)
    taken = 0
    for _ in range(SCRIPTS):
        text = scripts.script(random)
        script = Script.read(text)
        assert bytes(script) == text
        if script.broken is None:
            taken += 1
            assert b"".join(block.source for block in script.blocks) == text
            assert [1 + text.count(b"\n", 0, _start(script, at)) for at in range(len(script.blocks))] == [
                block.line for block in script.blocks
            ]
        else:
            assert script.blocks == () and script.broken.words
    assert taken > SCRIPTS / 2


def _start(script: Script, index: int) -> int:
    return sum(len(block.source) for block in script.blocks[:index])


@given(st.binary(max_size=300))
def test_any_bytes_come_out_as_they_went_in(text: bytes):
    script = Script.read(text)
    assert bytes(script) == text
    assert script.broken is not None or b"".join(block.source for block in script.blocks) == text


def test_a_change_leaves_every_other_part_to_the_byte():
    random = Random(SEED)
    done = 0
    for _ in range(SCRIPTS // 5):
        script = Script.read(scripts.script(random))
        if script.broken is not None:
            continue
        try:
            changed, gone = _changed(random, script)
        except BadRule:
            continue
        done += 1
        assert changed.broken is None
        left = bytes(changed)
        for block in script.blocks:
            if block.source != gone and not block.own:
                assert block.source in left
        assert Script.read(left) == changed
        lost = Counter(script.rules) - Counter(changed.rules)
        assert lost.total() <= bool(gone)
    assert done > SCRIPTS / 15


@pytest.mark.parametrize(
    "note",
    [b"# a note\r\n", b"/* many\r\n lines */\r\n", b"/* many\r\n lines */", b'# a note\r\nrequire ["copy"];\r\n',
     b'require ["copy"]; # a note\r\n'],
)  # fmt: skip
def test_what_somebody_wrote_beneath_our_line_stays(note: bytes):
    script = Script.read(b"# Postern: x\r\n" + note + b"# rule:[a]\r\nif true\r\n{\r\n\tdiscard;\r\n}\r\n")
    changed = script.put(None, Rule("b", (), (Action("keep"),), "always"))
    assert note in bytes(changed) and bytes(changed).count(b"# Postern:") == 1
    again = changed.put(None, Rule("c", (), (Action("stop"),), "always"))
    assert note in bytes(again) and bytes(again).count(b"# Postern:") == 1


def _changed(random: Random, script: Script) -> tuple[Script, bytes]:
    """The script after a random change, and the source that is to be gone."""
    rule = random.choice((scripts.rule, scripts.vacation, scripts.forward))(random)
    if not script.shown or random.random() < 0.3:
        changed = script.put(None, rule)
        assert rule in changed.rules and len(changed.shown) == len(script.shown) + 1
        return changed, b""
    index = random.choice(script.shown)
    how = random.randrange(4)
    if how == 0:
        changed = script.put(index, rule)
        # not of rules: `} # rule:[a]` may stand on a line of its own now, so that what follows is known as a rule
        assert rule in changed.rules and len(changed.shown) == len(script.shown)
        return changed, script.blocks[index].source
    if how == 1:
        return script.remove(index), script.blocks[index].source
    if how == 2:
        return script.switch(index, random.random() < 0.5), script.blocks[index].source
    return script.move(index, random.choice((-1, 1))), b""


def test_rules_of_roundcube_are_recognised_and_others_are_text():
    script = Script.read(ROUNDCUBE)
    assert kinds(script) == ["require", "rule", "rule", "text"]
    lists, off, clever = (script.blocks[index] for index in script.shown)
    assert lists.rule == Rule(
        "Lists",
        (Condition("exists", "exists", headers=("list-id",)),),
        (Action("fileinto", ("Lists",)), Action.mark_read(), Action("stop")),
    )
    assert isinstance(off.rule, Rule) and not off.rule.enabled and len(off.rule.conditions) == 2
    assert clever.name == "Clever" and clever.rule is None and script.editable


def test_a_rule_that_is_not_changed_keeps_its_bytes():
    text = ROUNDCUBE.replace(b'exists "list-id"', b'EXISTS  ["list-id"]')
    script = Script.read(text)
    for index in script.shown[:2]:
        rule = script.blocks[index].rule
        assert rule is not None
        assert bytes(script.put(index, rule)) == text


def test_one_rule_is_changed_and_the_others_stay():
    script = Script.read(ROUNDCUBE)
    changed = script.switch(1, False)
    (top, *rest) = changed.blocks
    assert top.own and top.requires == frozenset()
    assert b"".join(block.source for block in changed.blocks if block.shown or block.kind == "require") == (
        ROUNDCUBE.replace(b"if allof (exists", b"if false # allof (exists")
    )
    assert [block.name for block in rest if block.shown] == ["Lists", "Off", "Clever"]


def test_what_is_required_is_added_on_top_and_nothing_of_theirs_is_taken():
    script = Script.read(ROUNDCUBE).put(None, AWAY)
    top, theirs, *rest = script.blocks
    assert top.own and top.requires == {"vacation"} and theirs.requires == {"fileinto", "imap4flags"}
    assert [block.kind for block in rest] == ["vacation", "rule", "rule", "text"]
    # The text is somebody's, and might use what ours requires: so that only grows.
    assert script.remove(script.shown[0]).requires == {"vacation", "fileinto", "imap4flags"}
    alone = Script.read(b"").put(None, AWAY).put(None, WORK)
    assert alone.remove(alone.shown[0]).requires == {"fileinto"}


def test_a_vacation_comes_first_then_a_forwarding_and_rules_last():
    script = Script.read(b"").put(None, WORK).put(None, Forward("a@b.example")).put(None, AWAY)
    script = script.put(None, replace(WORK, name="More"))
    assert [type(rule).__name__ for rule in script.rules] == ["Vacation", "Forward", "Rule", "Rule"]


def test_a_script_by_hand_is_not_ours_until_somebody_agrees():
    script = Script.read(BY_HAND)
    assert not script.editable and script.broken is None
    assert kinds(script) == ["require", "blank", "text", "blank", "text", "blank", "text"]
    adopted = script.adopt()
    assert adopted.editable and bytes(adopted).endswith(BY_HAND)
    assert adopted.adopt() is adopted
    assert bytes(adopted.put(None, WORK)).count(b"# keep this") == 1


def test_blocks_of_nextcloud_stay_whole_and_its_require_on_top():
    script = Script.read(NEXTCLOUD)
    assert kinds(script) == ["nextcloud", "blank", "nextcloud"] and script.nextcloud and script.editable
    assert script.notes == ("nextcloud",)
    changed = script.put(None, AWAY)
    assert [block.kind for block in changed.blocks if block.shown] == ["nextcloud", "vacation", "nextcloud"]
    with pytest.raises(BadRule):
        changed.move(changed.shown[1], -1)
    moved = changed.move(changed.shown[1], 1)
    assert [block.kind for block in moved.blocks if block.shown] == ["nextcloud", "nextcloud", "vacation"]


def test_foreign_text_can_be_moved_but_not_changed():
    script = Script.read(BY_HAND).adopt().put(None, WORK)
    assert script.blocks[script.shown[-1]].rule == WORK
    moved = script.move(script.shown[-1], -1)
    assert moved.blocks[moved.shown[-2]].rule == WORK
    for block in Script.read(BY_HAND).blocks:
        assert block.source.strip() in bytes(moved)
    with pytest.raises(BadRule):
        script.put(script.shown[0], WORK)
    with pytest.raises(BadRule):
        script.switch(script.shown[0], False)
    assert script.move(script.shown[0], -1) is script


def test_a_script_without_a_last_line_end_grows_and_keeps_its_comments():
    script = Script.read(b"# rule:[a]\nif true\n{\n\tkeep;\n}\nstop; # the end").adopt().put(None, WORK)
    assert script.rules[-1] == WORK and b"stop; # the end\n" in bytes(script)
    assert b"\r" not in bytes(script)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b'keep;\nif true { "', 2),
        (b"/* no end", 1),
        (b"keep;\n\nkeep }", 3),
        (b"\xef\xbb\xbfkeep;", 1),
        (b"if true " + b"(" * 200, 1),
        (b"(" * 100_000, 1),
        (b"keep;\n" + b";" * 10, 2),
        (b"keep;\nreject text:\nno end", 2),
        (b"stop;" * 6000, 1),
        (b"#\n" * 60_000, 25001),
        (b"#" * 2_000_000, 1),
    ],
)
def test_what_cannot_be_taken_apart_says_where_and_is_not_touched(text: bytes, line: int):
    script = Script.read(text)
    assert bytes(script) == text and script.blocks == ()
    assert script.broken is not None and script.broken.line == line
    assert not script.editable
    with pytest.raises(BadRule):
        script.put(None, WORK)


def test_a_line_that_a_server_names_leads_to_its_rule():
    script = Script.read(ROUNDCUBE)
    assert [script.at_line(line) for line in (1, 2, 5, 9, 14, 99)] == [0, 1, 1, 2, 3, 3]
    assert Script.read(b"").at_line(1) is None


def test_a_variable_is_no_text_where_variables_are_expanded():
    rule = replace(WORK, actions=(Action("fileinto", ("${x}",)),))
    plain = Script.read(b"").put(None, rule)
    assert plain.rules == (rule,)
    expanding = Script.read(b'require "variables";\r\n' + bytes(plain))
    assert expanding.rules == ()
    with pytest.raises(BadRule):
        Script.read(b'require "variables";').put(None, rule)


def test_no_new_rule_refuses_what_it_delivers_but_one_that_is_there_can_be_switched_off():
    both = (Action("reject", ("no",)), Action("fileinto", ("A",)))
    with pytest.raises(BadRule) as told:
        Script.read(b"").put(None, replace(WORK, actions=both))
    assert told.value.field == "actions"
    theirs = Script.read(b'# rule:[x]\nif exists "a"\n{\n\treject "no";\n\tfileinto "A";\n}\n')
    (off,) = theirs.switch(0, False).rules
    assert isinstance(off, Rule) and off.actions == both and not off.enabled


def test_a_script_holds_five_hundred_rules():
    script = Script.read(b"".join(b"# rule:[%d]\r\nif true\r\n{\r\n\tkeep;\r\n}\r\n" % number for number in range(500)))
    assert len(script.rules) == 500
    with pytest.raises(BadRule, match="500"):
        script.put(None, WORK)


def test_other_scripts_that_run_are_told():
    assert Script.read(b'require "include";\ninclude :personal "USER";\n').notes == ("kep14", "include")
    assert Script.read(BY_HAND).notes == ()


@pytest.mark.servers
def test_what_a_server_compiles_can_be_changed_and_compiles_again(server_folder):
    pigeonhole, random, taken = Pigeonhole(server_folder), Random(SEED), 0
    for _ in range(SCRIPTS // 125):
        text = KNOWN + scripts.script(random)
        if pigeonhole.faults(text):
            continue
        taken += 1
        script = Script.read(text).put(None, WORK)
        index = random.choice(script.shown)
        for changed in (script, script.move(index, random.choice((-1, 1))), script.remove(index).put(None, AWAY)):
            assert pigeonhole.faults(bytes(changed)) == ""
    assert taken > SCRIPTS // 400
