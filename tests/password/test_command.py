"""A program of the site's own: what it is told, what it must not learn, and how its end is understood."""

import os
import time
from pathlib import Path

import pytest

from app.password.backend import Change
from app.password.command import Command, words_of
from app.password.errors import BackendAway, Rejected, Unsettled

ANN = Change("ann@one.example", "ann", "new pass’word", "old $(id)")


def program(folder: Path, text: str) -> Path:
    path = folder / "set"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_passwords_come_on_its_input_and_names_as_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTERN_SECRET_KEY", "must not be seen")
    seen = f'for each; do echo "[$each]"; done >{tmp_path}/seen; cat >>{tmp_path}/seen'
    path = program(tmp_path, f"{seen}\nenv | cut -d= -f1 >{tmp_path}/env")
    Command(f"{path} -u {{login}} 'two {{domain}}'").change(ANN)
    assert (tmp_path / "seen").read_text() == "[-u]\n[ann]\n[two one.example]\nold $(id)\nnew pass’word\n"
    assert set((tmp_path / "env").read_text().split()) <= {"PATH", "LANG", "PWD", "SHLVL", "_"}


def test_for_an_administrator_the_first_line_is_empty_where_the_site_says_so(tmp_path: Path) -> None:
    path = program(tmp_path, f"cat >{tmp_path}/seen")
    anew = Change("ann@one.example", "ann", "new")
    with pytest.raises(BackendAway):
        Command(str(path)).change(anew)
    Command(str(path), without_old=True).change(anew)
    assert (tmp_path / "seen").read_text() == "\nnew\n"


def test_its_exit_says_what_became_of_it(tmp_path: Path) -> None:
    with pytest.raises(Rejected) as found:
        Command(str(program(tmp_path, "echo used before; echo more; exit 1"))).change(ANN)
    assert found.value.words == "used before"
    with pytest.raises(BackendAway):
        Command(str(program(tmp_path, "exit 75"))).change(ANN)
    for odd in ("exit 2", "kill -9 $$"):
        with pytest.raises(Unsettled):
            Command(str(program(tmp_path, odd))).change(ANN)
    with pytest.raises(BackendAway):
        Command(f"{tmp_path}/none").change(ANN)


def test_much_output_and_input_that_nobody_reads_do_no_harm(tmp_path: Path) -> None:
    with pytest.raises(Rejected) as found:
        Command(str(program(tmp_path, "head -c 3000000 /dev/zero | tr '\\0' x; exit 1"))).change(ANN)
    assert len(found.value.words) == 300
    Command(str(program(tmp_path, "exec 0<&- 1>&-; sleep 0.05; exit 0"))).change(ANN)


def test_one_that_does_not_end_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    path = program(tmp_path, f"sleep 60 & echo $! >{tmp_path}/child; wait")
    began = time.monotonic()
    for seconds in (0.3, 5):  # a busy machine may take longer than the first to start it
        with pytest.raises(Unsettled):
            Command(str(path), seconds=seconds).change(ANN)
        if number := started(tmp_path / "child"):
            break
    assert number and time.monotonic() - began < 30
    child = Path(f"/proc/{number}/stat")
    end = time.monotonic() + 20
    while child.exists() and child.read_text().split()[2] != "Z" and time.monotonic() < end:
        time.sleep(0.02)
    assert not child.exists() or child.read_text().split()[2] == "Z"


def started(child: Path) -> str:
    """The number of a process that wrote it down; "" where it did not come to that."""
    return child.read_text().strip() if child.exists() else ""


def test_a_child_that_keeps_its_output_open_delays_nobody(tmp_path: Path) -> None:
    began = time.monotonic()
    Command(str(program(tmp_path, "sleep 15 & exit 0"))).change(ANN)
    assert time.monotonic() - began < 10


def test_a_name_is_no_option_and_a_password_one_line(tmp_path: Path) -> None:
    path = program(tmp_path, f"touch {tmp_path}/ran")
    with pytest.raises(BackendAway):
        Command(f"{path} {{login}}").change(Change("x@one.example", "--delete", "new", "old"))
    with pytest.raises(Rejected):
        Command(str(path)).change(Change("x@one.example", "x", "new\nmore", "old"))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("line", ["", "set", "{login}", "/bin/{login}", "/bin/sh 'open"])
def test_a_setting_that_names_no_program_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"path|quotation"):
        words_of(line)


def test_a_look_at_it_runs_nothing(tmp_path: Path) -> None:
    path = program(tmp_path, f"touch {tmp_path}/ran")
    assert Command(f"{path} {{login}}").look() == f"command {path}"
    path.chmod(0o644)
    if os.geteuid() == 0:
        assert not os.access(path, os.X_OK), "root too needs one bit of it"
    with pytest.raises(BackendAway, match="cannot be executed"):
        Command(str(path)).look()
    with pytest.raises(BackendAway, match="there is no program"):
        Command(f"{tmp_path}/none").look()
    assert not (tmp_path / "ran").exists()
