"""Who may import whom: the floors of the building, and Flask on the top floor only.

A module imports its own room or a lower floor, never a neighbour on its floor, never upwards. Nobody imports the demo.
"""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.source import parsed, statements

ROOT = Path(__file__).resolve().parents[1]
FLOORS = {
    "web": 4,
    "keeper": 3,
    "courier": 3,
    "moving": 1,
    "store": 1,
    "directory": 0,
    "mail": 0,
    "outbox": 0,
    "sieve": 0,
    "blocklog": 0,
    "policy": 0,
    "profile": 0,
    "password": 0,
    "migrations": 0,
    # Below the rooms that keep something in SQL, which are neighbours: what each of them declares its tables with.
    "table": -1,
}
# Floor 2: entry points, which alone of their rooms may import the directory and the store, and a neighbour: the
# follower of the logs shuts out servers that pretend to be ours, which the policy keeps.
ENTRY_POINTS = {"app.blocklog.follow", "app.policy.service"}
# The courier borrows connections as the workers do: of its neighbour it knows the borrowers' side only.
BORROWERS_SIDE = {"app.keeper.lease", "app.keeper.process", "app.keeper.log"}
# Migrations describe the tables of all rooms.
TABLES = {
    "app.directory.tables",
    "app.directory.engine",
    "app.blocklog.tables",
    "app.outbox.tables",
    "app.policy.tables",
    "app.profile.tables",
}
FLASK = {"flask", "flask_login", "flask_wtf", "wtforms", "werkzeug", "jinja2"}
# The rooms of app/web, and which others of them each may import; all may use the files of app/web itself ("").
WEB: dict[str, set[str]] = {
    "serving": set(),
    "": {"serving"},
    "mailboxes": set(),
    "letter": {"mailboxes"},
    "settings": {"letter"},
    "sending": {"letter", "mailboxes", "settings"},
    "writing": {"letter", "mailboxes", "sending", "settings"},
    "reading": {"letter", "mailboxes", "sending", "writing"},
    "signing": {"notice", "sending", "settings", "writing"},
    "contacts": set(),
    "blocked": {"mailboxes", "reading", "sending"},
    "filters": {"mailboxes", "notice", "reading"},
    "away": {"admin", "filters", "mailboxes", "notice", "signing"},
    "admin": {"blocked", "notice", "settings"},
    "notice": set(),
    "lists": {"admin", "blocked", "mailboxes", "notice"},
    "digest": {"blocked"},
    "operating": {"digest", "settings"},
}
# The route table, and the page for any exception, which may be the form to sign in: they know all rooms, no room them.
WEB_ABOVE = {"app.web", "app.web.errors"}
MOST_FILES = 17  # in one room of app/web
SETTINGS = {"app.keeper.__main__", "app.keeper.supervisor", "app.courier.__main__", *ENTRY_POINTS}


@cache
def modules() -> dict[str, ast.Module]:
    """Every module under app/ by its dotted name."""
    return {name_of(path): parsed(path) for path in sorted((ROOT / "app").rglob("*.py"))}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(name: str, tree: ast.Module) -> set[str]:
    """Dotted names that a module imports anywhere in its text, with `from` names appended."""
    found = set()
    for node in statements(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*name.split(".")[: -node.level], *([node.module] if node.module else [])])
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return found


def room(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "app" else ""


def offences(name: str, imported: set[str]) -> list[str]:
    """What a module imports and may not."""
    own = room(name)
    wrong = [other for other in imported if room(other) and not may_import(name, own, other)]
    if own not in ("web", "demo"):
        wrong += [other for other in imported if other.split(".")[0] in FLASK]
    if own not in ("web", "demo") and name not in SETTINGS:
        wrong += [other for other in imported if other.split(".")[0] == "config"]
    return sorted(set(wrong))


def may_import(name: str, own: str, other: str) -> bool:
    theirs = room(other)
    if own == theirs or own == "demo":
        return True
    if own == "courier" and theirs == "keeper":
        return any(other == module or other.startswith(f"{module}.") for module in BORROWERS_SIDE)
    if theirs == "demo" or theirs not in FLOORS:
        return False
    if own == "migrations":
        return any(other == table or other.startswith(f"{table}.") for table in TABLES)
    if name in ENTRY_POINTS or (own in FLOORS and name.endswith(".__main__")):
        return FLOORS[theirs] < 2 or FLOORS[theirs] < FLOORS[own]
    return own in FLOORS and FLOORS[theirs] < FLOORS[own]


def test_a_module_imports_its_own_room_or_a_lower_floor():
    # `import app.mail` alone names a room; packages' own names are checked like modules.
    found = {name: offences(name, imports(name, tree)) for name, tree in modules().items()}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_every_room_has_a_floor():
    rooms = {path.name for path in (ROOT / "app").iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert rooms - {"demo"} <= FLOORS.keys()


def test_the_rules_see_an_upward_import():
    tree = ast.parse("from app.store import seal\nimport flask\nfrom ..web import login\nfrom app.demo import redis")
    assert offences("app.mail.x", imports("app.mail.x", tree)) == [
        "app.demo",
        "app.demo.redis",
        "app.store",
        "app.store.seal",
        "app.web",
        "app.web.login",
        "flask",
    ]
    neighbour = ast.parse("from app.directory.account import Account")
    assert offences("app.mail.x", imports("app.mail.x", neighbour))
    assert not offences("app.keeper.x", imports("app.keeper.x", neighbour))
    keeper = ast.parse("from app.keeper.lease import Borrower\nfrom app.keeper.pool import Pool")
    assert offences("app.courier.x", imports("app.courier.x", keeper)) == ["app.keeper.pool", "app.keeper.pool.Pool"]


def web_room(name: str) -> str:
    """The room of app/web that a dotted name lies in; "" for what stands in app/web itself."""
    return next((part for part in name.split(".")[2:3] if part in WEB), "")


def web_arrows(name: str, imported: set[str]) -> set[str]:
    """Rooms of app/web, beyond its own and what all may use, that a module imports."""
    own = web_room(name)
    theirs = {web_room(other) for other in imported if other.startswith("app.web.")}
    return theirs - {own} - ({"", "serving"} if own != "serving" else set())


def test_rooms_of_the_web_import_those_that_are_listed_for_them_and_no_others():
    drawn: dict[str, set[str]] = {room: set() for room in WEB}
    for name, tree in modules().items():
        if name.startswith("app.web.") and name not in WEB_ABOVE:
            imported = imports(name, tree)
            drawn[web_room(name)] |= web_arrows(name, imported)
            assert not any(other == "app.web.errors" for other in imported), name
    assert drawn == {room: others - {"serving"} for room, others in WEB.items()}


def test_rooms_of_the_web_form_no_circle():
    beside = {room: {"", *others} if room not in ("", "serving") else others for room, others in WEB.items()}
    assert len([*graphlib.TopologicalSorter(beside).static_order()]) == len(WEB)  # else CycleError


def test_every_room_of_the_web_is_listed_and_can_be_seen_at_a_glance():
    folders = {path.parent for path in (ROOT / "app/web").rglob("*.py")}
    assert {"" if path.name == "web" else path.name for path in folders} == WEB.keys()
    files = {path.name: len({*path.glob("*.py")} - {path / "__init__.py"}) for path in folders}
    assert {name: count for name, count in files.items() if count > MOST_FILES} == {}


def test_the_rules_see_a_room_that_imports_upwards():
    tree = ast.parse("from app.web import carry\nfrom app.web.letter.kept import Kept\nfrom ..writing import compose")
    assert web_arrows("app.web.letter.x", imports("app.web.letter.x", tree)) == {"writing"}
    assert web_arrows("app.web.serving.x", imports("app.web.serving.x", tree)) == {"", "letter", "writing"}


@pytest.mark.slow
def test_no_module_imports_the_object_mapper():
    for name, tree in modules().items():
        assert not [other for other in imports(name, tree) if f"{other}.".startswith("sqlalchemy.orm.")], name


@pytest.mark.slow
def test_importing_the_web_never_loads_the_object_mapper():
    """Each worker would hold 6 MB of it, unused; `app/table/declare.py` stands in for its declarative classes."""
    code = "import sys, app.web\nprint([name for name in sys.modules if name.startswith('sqlalchemy.orm')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.slow
def test_importing_a_room_below_the_top_never_loads_flask(tmp_path: Path):
    lower = [
        name for name in modules() if room(name) not in ("", "web", "demo", "migrations") and "__main__" not in name
    ]
    code = f"import sys, importlib\nfor name in {lower!r}: importlib.import_module(name)\n"
    code += "print([name for name in sys.modules if name.split('.')[0] in ('flask', 'werkzeug')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr
