"""A log is read to its last line and no line twice, however it is rotated, packed, emptied or cut."""

from __future__ import annotations

import gzip
import os
import random
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.blocklog import tail as tails
from app.blocklog.tail import Position, Tail
from tests.blocklog.writer import Writer


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    return Writer(tmp_path / "mail.log")


def follow(writer: Writer, position: Position | None = None, **options: object) -> Tail:
    return Tail(str(writer.path), position, quiet=0, **options)  # type: ignore[arg-type]


def rest(tail: Tail) -> list[str]:
    """All that can be read now."""
    found: list[str] = []
    for _ in range(20):
        chunk = tail.read()
        found += [each.decode() for each in chunk.lines]
    return found


def test_lines_are_read_as_they_are_written(writer: Writer) -> None:
    tail = follow(writer)
    assert rest(tail) == []
    writer.write(3)
    assert rest(tail) == writer.lines
    writer.write(2)
    assert rest(tail) == writer.lines[3:]


def test_of_a_line_without_its_end_nothing_is_read(writer: Writer) -> None:
    tail = follow(writer)
    writer.write(1)
    writer.open.write(b"half a li")
    assert rest(tail) == writer.lines
    again = follow(writer, tail.position)
    assert rest(again) == []
    writer.open.write(b"ne\n")
    assert rest(tail) == rest(again) == ["half a line"]


@pytest.mark.parametrize("way", ["rotated", "emptied"])
def test_one_that_is_files_behind_goes_on_though_the_file_in_use_is_empty(writer: Writer, way: str) -> None:
    writer.write(3)
    position = follow(writer).read().position(1)
    for _ in range(3):
        writer.rotate() if way == "rotated" else writer.copytruncate()
        writer.write(3)
    writer.rotate() if way == "rotated" else writer.copytruncate()
    assert writer.path.stat().st_size == 0
    assert rest(follow(writer, position)) == writer.lines[1:]


def test_files_that_were_written_to_at_the_same_moment_are_read_by_their_numbers(writer: Writer) -> None:
    writer.write(3)
    position = follow(writer).read().position(1)
    for number in range(12):
        writer.rotate()
        writer.write(2)
        if number == 4:
            writer.pack(Path(f"{writer.path}.3"))
    for each in writer.path.parent.iterdir():
        os.utime(each, ns=(1_700_000_000_000_000_000,) * 2)
    assert rest(follow(writer, position)) == writer.lines[1:]


def test_a_position_is_that_of_the_line_not_of_the_chunk(writer: Writer) -> None:
    writer.write(10)
    chunk = follow(writer).read()
    assert rest(follow(writer, chunk.position(4))) == writer.lines[4:]
    assert rest(follow(writer, chunk.position(0))) == writer.lines


@pytest.mark.parametrize("dateext", ["", "-20261127", ".20261127-031500"])
def test_what_is_still_written_into_a_renamed_file_is_read(writer: Writer, dateext: str) -> None:
    tail = follow(writer)
    writer.write(2)
    assert rest(tail) == writer.lines
    writer.shift(dateext)
    writer.write(2)
    assert rest(tail) == writer.lines[2:]
    writer.write(1)
    writer.reopen()
    writer.write(2)
    assert rest(tail) == writer.lines[4:]


def test_a_file_that_is_written_to_is_not_left(writer: Writer) -> None:
    tail = Tail(str(writer.path), quiet=60)
    writer.write(1)
    rest(tail)
    late = writer.open
    first = writer.shift()
    writer.open = writer.path.open("ab", buffering=0)
    late.write(b"late\n")
    writer.write(1)
    assert rest(tail) == ["late"]
    os.utime(first, (time.time() - 100,) * 2)
    assert rest(tail) == writer.lines[1:]


def test_a_packed_file_is_read_from_where_it_was_left(writer: Writer) -> None:
    writer.write(50)
    position = follow(writer).read().position(20)
    first = writer.rotate()
    writer.write(30)
    os.utime(first, (time.time() - 100,) * 2)
    writer.pack(first)
    writer.rotate()
    writer.write(10)
    tail = follow(writer, position)
    assert rest(tail) == writer.lines[20:]
    assert tail.gaps == 0


def test_a_file_that_is_just_being_packed_is_read_once(writer: Writer) -> None:
    tail = follow(writer)
    writer.write(5)
    rest(tail)
    first = writer.rotate()
    writer.pack(first, keep=True)
    os.utime(f"{first}.gz")  # the time goes over at the end of packing only
    writer.write(5)
    assert rest(tail) == writer.lines[5:]
    first.unlink()
    assert rest(follow(writer, tail.position)) == []


def test_a_packed_file_that_breaks_off_is_a_gap(writer: Writer) -> None:
    writer.write(3)
    position = follow(writer).read().position(1)
    packed = writer.pack(writer.rotate())
    packed.write_bytes(packed.read_bytes()[:-9])
    writer.write(2)
    tail = follow(writer, position)
    assert rest(tail) == writer.lines[1:]
    assert tail.gaps == 1


def test_what_was_copied_before_the_file_was_emptied_is_read(writer: Writer) -> None:
    tail = follow(writer)
    writer.write(3)
    rest(tail)
    writer.write(2)
    writer.copytruncate()
    assert rest(tail) == writer.lines[3:]
    writer.write(50)  # longer than before, and emptied once more unseen
    assert rest(tail) == writer.lines[5:]
    writer.write(2)
    writer.copytruncate()
    writer.write(90)
    assert rest(tail) == writer.lines[55:]
    assert tail.gaps == 0


def test_an_inode_that_is_used_again_is_another_file(writer: Writer) -> None:
    writer.write(3)
    position = follow(writer).read().end
    inode = writer.path.stat().st_ino
    writer.shift()
    writer.reopen()
    writer.write(9)
    lying = Position(writer.path.stat().st_ino, position.head_hash, position.head_length, position.byte_pos)
    assert inode != lying.inode
    assert rest(follow(writer, lying)) == writer.lines[3:]


def test_without_the_file_that_was_read_it_goes_on_with_what_is_newer(writer: Writer) -> None:
    writer.write(4)
    position = follow(writer).read().end
    before = datetime.now(UTC)
    writer.shift().unlink()
    writer.reopen()
    writer.write(3)
    old = writer.path.with_name("mail.log.3")
    old.write_bytes(b"of last year\n")
    os.utime(old, (1, 1))
    writer.rotate()
    writer.write(2)
    tail = follow(writer, position, last_at=before)
    assert rest(tail) == writer.lines[4:]
    assert tail.gaps == 1


def test_files_that_bear_their_dates_follow_one_another(tmp_path: Path) -> None:
    for day in ("20261125", "20261126"):
        (tmp_path / f"mainlog-{day}").write_text(f"of {day}\n")
    tail = Tail(str(tmp_path / "mainlog-%D"), quiet=0)
    assert rest(tail) == ["of 20261126"]
    (tmp_path / "mainlog-20261127").write_text("of 20261127\n")
    assert rest(tail) == ["of 20261127"]
    with gzip.open(tmp_path / "mainlog-20261126.gz", "wb") as packed:
        packed.write((tmp_path / "mainlog-20261126").read_bytes())
    (tmp_path / "mainlog-20261126").unlink()
    assert rest(tail) == []


def test_a_line_without_an_end_is_cut_and_the_next_is_read(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tails, "ENDLESS", 100_000)
    writer.write(1)
    writer.open.write(b"y" * 3_000_000)
    tail = follow(writer)
    first = tail.read()
    assert [len(each) for each in first.lines] == [41 - 1]
    long = tail.read()
    assert [len(each) for each in long.lines] == [tails.LONGEST + 1]
    again = follow(writer, long.end)
    writer.open.write(b"y" * 1000 + b"\n")
    writer.write(2)
    assert rest(again) == rest(tail) == writer.lines[1:]


def test_a_log_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    tail = Tail(str(tmp_path / "later.log"), quiet=0)
    assert rest(tail) == []
    (tmp_path / "later.log").write_text("there\n")
    assert rest(tail) == ["there"]


def test_once_a_file_is_read_to_its_end_and_not_again(writer: Writer) -> None:
    writer.write(5)
    tail = follow(writer, once=True)
    assert rest(tail) == writer.lines
    assert rest(follow(writer, tail.position, once=True)) == []
    writer.rotate()
    writer.write(9)
    assert rest(follow(writer, tail.position, once=True)) == writer.lines[5:]


@pytest.mark.parametrize("seed", range(40))
def test_whatever_happens_each_line_is_read_once(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    writer = Writer(tmp_path / "mail.log")
    stamp = time.time() - 1000
    writer.write(1)
    os.utime(writer.path, (stamp, stamp))
    tail = follow(writer)
    found = rest(tail)
    for _ in range(60):
        what = chance.choice(["write", "write", "write", "read", "read", "restart", "rotate", "copy", "pack"])
        if what == "write":
            writer.write(chance.randint(1, 40))
            stamp += 1
            os.utime(writer.path, (stamp, stamp))
        elif what == "read":
            chunk = tail.read()
            found += [each.decode() for each in chunk.lines]
        elif what == "restart":
            chunk = tail.read()
            kept = chance.randint(0, len(chunk.lines))
            found += [each.decode() for each in chunk.lines[:kept]]
            tail.close()
            tail = follow(writer, chunk.position(kept))
        elif what == "rotate" and writer.path.stat().st_size:
            writer.rotate()
        elif what == "copy" and writer.path.stat().st_size:
            writer.copytruncate()
            os.utime(f"{writer.path}.1", (stamp, stamp))
        elif what == "pack":
            for each in tmp_path.glob("mail.log.[2-9]"):
                writer.pack(each)
    writer.write(1)
    assert found + rest(tail) == writer.lines
    assert tail.gaps == 0
