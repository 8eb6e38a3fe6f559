"""Several logs are read in the order of their times, and no line keeps those behind it from being read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from app.blocklog.classify import classify
from app.blocklog.event import Event, Line
from app.blocklog.join import Join
from app.blocklog.positions import Place
from app.blocklog.reading import UNKNOWN, Reading, readers, step
from app.blocklog.source import Source

HEAD = "2026-11-20T12:00:{:02}Z mx {}[7]: {}\n"


class Heard:
    """A reader of lines that remembers them, and fails at some."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def read(self, line: Line) -> Iterable[Event]:
        self.texts.append(line.text)
        if line.text == "bad":
            raise ZeroDivisionError
        return ()


def reading(path: Path, text: str, number: int, heard: Heard) -> Reading:
    path.write_text(text)
    return Reading(Place(Source("mx1", str(path)), number, None, 1, None), {"smtpd": (heard.read,)}, once=True)


def read(readings: list[Reading]) -> Join:
    join = Join(classify)
    while step(readings, join):
        pass
    return join


def test_the_earliest_line_of_all_logs_is_next(tmp_path: Path) -> None:
    heard = Heard()
    texts = ["".join(HEAD.format(at, "smtpd", at) for at in some) for some in ((0, 10, 20, 30), (5, 15, 25), (12,))]
    readings = [reading(tmp_path / f"{number}", text, number, heard) for number, text in enumerate(texts, 1)]
    join = read(readings)
    assert [int(each) for each in heard.texts] == [0, 5, 10, 12, 15, 20, 25, 30]
    assert [each.place.lines for each in readings] == [4, 3, 1] and join.clock == readings[0].place.last_at.timestamp()  # type: ignore[union-attr]


def test_a_line_at_which_a_reader_fails_is_odd_and_the_next_is_read(tmp_path: Path) -> None:
    heard = Heard()
    text = "".join(HEAD.format(at, "smtpd", word) for at, word in enumerate(("one", "bad", "two")))
    join = read([reading(tmp_path / "log", f"torn\n{text}", 1, heard)])
    assert heard.texts == ["one", "bad", "two"]
    assert sorted(each.why for each in join.tally.odd.values()) == [
        "a fault of ours: ZeroDivisionError",
        "no line of this kind of log",
    ]


def test_unknown_programs_are_counted_and_silent_ones_are_not(tmp_path: Path) -> None:
    text = HEAD.format(0, "surprise", "x") + HEAD.format(1, "CRON", "x") + HEAD.format(2, "postfix/anvil", "x")
    join = read([reading(tmp_path / "log", text, 1, Heard())])
    assert [(each.why, each.times) for each in join.tally.odd.values()] == [(UNKNOWN, 1)]


def test_a_position_is_behind_the_last_line_that_was_taken(tmp_path: Path) -> None:
    heard = Heard()
    first, second = HEAD.format(0, "smtpd", "a"), HEAD.format(10, "smtpd", "b")
    one = reading(tmp_path / "one", first + second, 1, heard)
    other = reading(tmp_path / "two", HEAD.format(5, "smtpd", "c"), 2, heard)
    step([one, other], Join(classify))
    assert (one.position.byte_pos, other.position.byte_pos) == (len(first), 0)


def test_each_program_has_its_readers() -> None:
    found = readers()
    assert {"smtpd", "cleanup", "exim", "amavis", "rspamd", "postgrey", "sm-mta", "imap-login"} <= set(found)
