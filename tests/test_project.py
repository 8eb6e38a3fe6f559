"""The project's own files keep their promises: commands, pinned dependencies, help."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LISTS = ("requirements", "requirements-test", "app/demo/requirements")
PIN = re.compile(r"^[a-z0-9.-]+==[0-9][a-z0-9.]*( ; .+)?$")


def lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line.strip() and not line.lstrip().startswith("#")]


@pytest.mark.parametrize("name", LISTS)
def test_every_dependency_is_pinned_and_no_index_is_named(name: str):
    compiled = lines(ROOT / f"{name}.txt")
    assert [line for line in compiled if not PIN.match(line)] == []
    assert "://" not in (ROOT / f"{name}.txt").read_text()


@pytest.mark.parametrize("name", LISTS)
def test_every_direct_dependency_has_a_reason_and_is_compiled(name: str):
    pinned = {line.split("==")[0] for line in lines(ROOT / f"{name}.txt")}
    text = (ROOT / f"{name}.in").read_text().splitlines()
    for before, line in zip(["", *text], text, strict=False):
        if not line or line.startswith(("#", "-")):
            continue
        assert "#" in line or before.startswith("#"), f"{name}.in gives no reason for {line}"
        assert re.split(r"[\[<>=; ]", line)[0] in pinned, f"make requirements was not run after adding {line}"


def test_a_node_needs_exactly_what_it_imports():
    names = {"flask_login": "flask-login", "flask_wtf": "flask-wtf", "prometheus_client": "prometheus-client"}
    found = set()
    for path in [*(ROOT / "app").rglob("*.py"), *(ROOT / "config").rglob("*.py")]:
        if "demo" not in path.parts:
            found |= set(re.findall(r"^\s*(?:from|import) ([a-z0-9_]+)", path.read_text(), re.M))
    direct = {re.split(r"[\[<>=; ]", line)[0] for line in lines(ROOT / "requirements.in")}
    # started as a program; read as data; imported as argon2; loaded by SQLAlchemy for a mysql:// URL
    indirect = {"gunicorn", "tzdata", "argon2-cffi", "pymysql"}
    assert {name for name in direct if names.get(name, name) and name.replace("-", "_") not in found} <= indirect


def test_help_lists_every_command():
    text = (ROOT / "Makefile").read_text()
    told = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    commands = set(re.findall(r"^([a-z-]+):", text, re.M)) - {"environment"}
    commands = {name for name in commands if not name.startswith("packages-")}
    assert commands == {line.split()[0] for line in told.splitlines()}


@pytest.mark.parametrize("path", sorted((ROOT / ".ci").iterdir()), ids=lambda path: path.name)
def test_scripts_can_be_run_and_parsed(path: Path):
    assert os.access(path, os.X_OK)
    subprocess.run(["sh", "-n", str(path)], check=True)


FAKES = {
    "id": "echo 1000",
    "sudo": '[ "$1" = -n ] && shift; exec "$@"',
    "tee": "cat >/dev/null",  # of /usr/sbin/policy-rc.d, where the machine has none
    "chmod": "",
    "rm": "",
    "dpkg-query": "exit 1",
    "apt-get": ': >"$FOLDER/installed"',
    "systemctl": """
case $1 in
list-unit-files) echo "cron.service enabled"; [ ! -e "$FOLDER/installed" ] || echo "new.service enabled" ;;
*) echo "$@" >>"$FOLDER/told" ;;
esac""",
}


def test_what_apt_installs_is_not_started_with_the_machine_either(tmp_path: Path):
    for name, text in FAKES.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin", "FOLDER": str(tmp_path)}
    subprocess.run([ROOT / ".ci" / "apt-install", "new"], env=environ, stdin=subprocess.DEVNULL, check=True)
    assert (tmp_path / "told").read_text() == "--quiet disable new.service\n"


FAKE_PYTHON = """#!/bin/sh
echo "$1 $2" >>"$FOLDER/told"
[ "$2" != venv ] || { mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; touch "$FOLDER/pip"; }
[ "$2" != pip ] || [ -e "$FOLDER/pip" ]
"""


def test_an_environment_that_was_left_half_made_is_made_anew(tmp_path: Path):
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    (tmp_path / ".ci" / "python").write_text(f"#!/bin/sh\necho {tmp_path}/python\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for path in (tmp_path / "python", tmp_path / ".venv" / "bin" / "python"):
        path.write_text(FAKE_PYTHON)
        path.chmod(0o755)
    (tmp_path / "list").write_text("")
    environ = {"PATH": "/usr/bin:/bin", "FOLDER": str(tmp_path)}
    for _ in range(2):
        subprocess.run([tmp_path / ".ci" / "environment", "list"], env=environ, check=True, capture_output=True)
    told = (tmp_path / "told").read_text().splitlines()
    assert told == ["-m pip", "-m venv", "-m pip", "-c "]  # and the second time nothing but a look


def test_the_readme_shows_each_picture_that_is_there_and_none_that_is_not():
    shown = set(re.findall(r"\(docs/screenshots/([a-z-]+)\.png\)", (ROOT / "README.md").read_text()))
    assert shown == {path.stem for path in (ROOT / "docs" / "screenshots").iterdir()}
    assert shown >= {"list", "message", "sign-in", "phone", "dark"}


def test_the_oldest_python_is_said_once():
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"] == ">=3.11"


def test_no_group_is_repeated_possessively():
    # CPython 3.11.2, Debian 12's, forgets the way back out of an alternation there (`(?:a|b)*+` in `x(?:a|b)*+y|z`):
    # fixed in 3.11.5 (gh-106052). An atomic group, `(?>(?:a|b)*)`, says the same and is right in both.
    wrong = re.compile(r"(?<!\\)\)(?:[*+?]|\{[0-9,]+\})\+")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in (ROOT / "app").rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"[\"']", line) and wrong.search(line)
    ]
    assert found == []
