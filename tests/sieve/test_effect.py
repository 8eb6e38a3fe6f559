"""Where mail is sent on once a script is another one."""

import time
from datetime import UTC, datetime
from random import Random

import pytest

from app.sieve.effect import effect, running
from app.sieve.script import Script
from app.sieve.sweeping import sweeps
from tests.sieve import scripts

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
SENDS = b'# rule:[Sends]\r\nif header :is "subject" "x"\r\n{\r\n\tredirect :copy "a@b.example";\r\n}\r\n'
OFF = SENDS.replace(b"if header", b"if false # header")
OTHER = SENDS.replace(b"a@b", b"c@d")
STOPS = b'# rule:[Stops]\r\nif header :is "subject" "y"\r\n{\r\n\tstop;\r\n}\r\n'
ENDS = b"# rule:[Ends]\r\nif true\r\n{\r\n\tkeep;\r\n\tstop;\r\n}\r\n"
KEEPS = b'# rule:[Keeps]\r\nif header :is "subject" "z"\r\n{\r\n\tkeep;\r\n}\r\n'
BY_HAND = b'if %b { redirect "a@b.example"; }\r\n'
SETS = b'require "variables";\r\nset "to" "%b";\r\nredirect :copy "${to}";\r\n'


def becomes(before: bytes, after: bytes) -> tuple[set[str], set[str]]:
    found = effect(running([Script.read(before)]), running([Script.read(after)]))
    return {*found.fresh}, {*found.anew}


NONE: tuple[set[str], set[str]] = (set(), set())
NEW = ({"a@b.example"}, {"a@b.example"})
CHANGED = (set(), {"a@b.example"})


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (b"", SENDS, NEW),
        (SENDS, SENDS, NONE),
        (OTHER + SENDS, SENDS, NONE),
        (SENDS, KEEPS + SENDS, NONE),
        (SENDS, STOPS + SENDS, NONE),
        (KEEPS + SENDS, SENDS + KEEPS, NONE),
        (OFF, OFF + KEEPS, NONE),
        (SENDS, OFF, NONE),
        (OFF, SENDS, NEW),
        (SENDS, SENDS.replace(b'"x"', b'"y"'), CHANGED),
        (STOPS + SENDS, SENDS + STOPS, NEW),
        (STOPS + KEEPS + SENDS, STOPS + SENDS + KEEPS, NONE),
        (STOPS + SENDS, SENDS, NONE),
        (ENDS + SENDS, SENDS, NEW),
        (ENDS + SENDS, ENDS + SENDS + KEEPS, NONE),
        (ENDS, ENDS + SENDS, NEW),
        (ENDS + SENDS, ENDS.replace(b"if true", b"if false # true") + SENDS, NEW),
        (b"stop;\r\n" + SENDS, SENDS, NEW),
        (BY_HAND % b"false", BY_HAND % b"true", NEW),
        (BY_HAND % b'not header :is "x" "y"', BY_HAND % b'header :is "x" "y"', CHANGED),
        (b'redirect "a@b.example"; "never ends', SENDS, NEW),
        (SENDS, b'redirect "a@b.example"; "never ends', CHANGED),
        (SETS % b"a@b.example", SETS % b"a@b.example" + KEEPS, NONE),
        (SETS % b"a@b.example", SETS % b"c@d.example", ({"${to}"}, {"${to}"})),
    ],
)
def test_what_is_new_is_found_and_what_stands_is_not(before: bytes, after: bytes, found: tuple[set[str], set[str]]):
    assert becomes(before, after) == found


@pytest.mark.slow
def test_a_script_of_thousands_of_parts_takes_no_thread_for_seconds():
    parts = b"".join(b'if header :is "a" "%d" { redirect "%d@b.example"; stop; }\n' % (at, at) for at in range(4_900))
    former, now = Script.read(parts), Script.read(SENDS + parts)
    began = time.thread_time()
    before = running([former])
    assert effect(before, running([now], before)).anew == {"a@b.example"}
    assert time.thread_time() - began < 3


def test_what_runs_already_is_never_new_whoever_wrote_it():
    random = Random(1)
    for _ in range(400):
        parts = running([Script.read(scripts.script(random))])
        again = running([Script.read(scripts.script(random))], parts)
        assert effect(parts, parts) == effect(again, again) == effect([], []), parts
        assert not [*sweeps(parts, parts, "me@isp.example", NOW)]
        assert effect(parts, again).fresh <= frozenset().union(*(part.targets for part in again))
        assert isinstance(sweeps(parts, again, "me@isp.example", NOW), tuple)
