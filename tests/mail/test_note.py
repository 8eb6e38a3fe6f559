"""The note: what is known of a connection's state, in the order in which the server told it."""

from __future__ import annotations

import json

import pytest

from app.mail.note import Note


def selected(**known: object) -> Note:
    return Note(selected="INBOX", uidvalidity=1, exists=10, **known)  # type: ignore[arg-type]


def test_exists_and_expunge_count_in_the_order_of_arrival() -> None:
    one, other = selected(), selected()
    for line in (b"* 3 EXISTS", b"* 1 EXPUNGE"):
        one.apply((line,))
    for line in (b"* 1 EXPUNGE", b"* 3 EXISTS"):
        other.apply((line,))
    assert (one.exists, other.exists) == (2, 3)


@pytest.mark.parametrize("command", [b"SELECT", b"EXAMINE", b"UNSELECT", b"DELETE", b"RENAME"])
def test_nothing_is_selected_before_a_command_that_may_fail(command: bytes) -> None:
    note = selected()
    note.before(command)
    assert note.selected is None


def test_other_commands_leave_the_selection() -> None:
    note = selected()
    note.before(b"UID FETCH")
    assert note.selected == "INBOX"


@pytest.mark.parametrize("line", [b"* NO Internal error", b"* BAD what", b"* BYE bye", b"* VANISHED 1:3"])
def test_a_connection_is_not_reused_after(line: bytes) -> None:
    assert selected().apply((line,))


@pytest.mark.parametrize(
    "line", [b"* NO [ALERT] 98 % full", b"* OK still here", b"* 1 FETCH (FLAGS ())", b"* X", b"*", b"* "]
)
def test_a_connection_may_be_reused_after(line: bytes) -> None:
    assert selected().apply((line,)) is None


def test_codes_are_taken_in() -> None:
    note = Note()
    for line in (
        b"* OK [UIDVALIDITY 7] x",
        b"* OK [HIGHESTMODSEQ 9] x",
        b"* OK [PERMANENTFLAGS (\\Seen \\*)] x",
        b"* OK [UIDNOTSTICKY] x",
        b"* CAPABILITY IMAP4rev1 idle",
        b"* ENABLED CONDSTORE",
    ):
        note.apply((line,))
    note.take_code(b"A1 OK [READ-ONLY] x")
    assert (note.uidvalidity, note.highestmodseq, note.permanentflags) == (7, 9, ("\\Seen", "\\*"))
    assert (note.read_only, note.keeps_selection, note.enabled) == (True, False, ("CONDSTORE",))
    assert note.has("idle") and not note.has("MOVE")


@pytest.mark.parametrize(
    "line", [b"* 9999999999999 EXISTS", b"* -1 EXISTS", b"* OK [UIDVALIDITY x]", b"* 5", b"* 1x EXISTS"]
)
def test_nonsense_changes_nothing(line: bytes) -> None:
    note = selected()
    note.apply((line,))
    assert note == selected()


def test_it_travels_as_json() -> None:
    note = selected(rest=b"* 3 E\xff", capabilities=("A", "B"), lease=4)
    assert Note.from_record(json.loads(json.dumps(note.to_record()))) == note


def test_a_record_that_is_no_note_is_refused() -> None:
    for record in ({}, {**Note().to_record(), "rest": "§"}, {**Note().to_record(), "capabilities": 3}):
        with pytest.raises((KeyError, TypeError, ValueError)):
            Note.from_record(record)
