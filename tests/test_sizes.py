"""Small functions, small files, little JavaScript: the limits of the house, counted."""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PYTHON = sorted([*(ROOT / "app").rglob("*.py"), *(ROOT / "config").rglob("*.py")])
MOST_LINES = 350
MOST_SCRIPT_LINES = 950  # of what a page may load that is only read
MOST_WRITING_LINES = 1000  # of what is loaded once somebody writes
MOST_FILTER_LINES = 120  # of what pages of filters load
FORBIDDEN_FILES = {"utils", "helpers", "models", "forms", "services"}
FORBIDDEN_NAMES = ("Manager", "Helper", "Handler", "Service", "Utils")


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> dict[str, int]:
    """Lines of each function, docstring and decorators left out."""
    found = {}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found[f"{relative(path)}:{node.lineno} {node.name}"] = lines_of(node)
    return found


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert node.end_lineno is not None
    total = node.end_lineno - node.lineno + 1
    if ast.get_docstring(node) is not None:
        text = node.body[0]
        assert text.end_lineno is not None
        total -= text.end_lineno - text.lineno + 1
    return total


def percentile(values: list[int], share: float) -> int:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def test_functions_are_short():
    sizes = {name: size for path in PYTHON for name, size in functions(path).items()}
    assert {name: size for name, size in sizes.items() if size > 60} == {}
    assert percentile(list(sizes.values()), 0.9) <= 30
    assert statistics.median(sizes.values()) <= 10


def test_files_are_short():
    sizes = {relative(path): len(path.read_text().splitlines()) for path in PYTHON}
    assert {name: size for name, size in sizes.items() if size > MOST_LINES} == {}
    assert statistics.median(size for size in sizes.values() if size) <= 120


def test_every_module_says_what_it_is_for():
    silent = [
        relative(path)
        for path in PYTHON
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


@pytest.mark.parametrize("path", PYTHON, ids=relative)
def test_names_say_what_a_thing_is(path: Path):
    assert path.stem not in FORBIDDEN_FILES
    classes = [node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)]
    assert [name for name in classes if name.endswith(FORBIDDEN_NAMES)] == []


@pytest.mark.parametrize(
    ("part", "most"), [("", MOST_SCRIPT_LINES), ("write", MOST_WRITING_LINES), ("filter", MOST_FILTER_LINES)]
)
def test_own_javascript_stays_small(part: str, most: int):
    own = [path for path in (ROOT / "static").rglob("*.js") if "vendor" not in path.parts]
    named = {path: next((name for name in ("write", "filter") if path.name.startswith(name)), "") for path in own}
    assert sum(len(path.read_text().splitlines()) for path in own if named[path] == part) <= most


def test_the_docstring_is_not_counted():
    node = ast.parse('def f():\n    """One.\n\n    Two.\n    """\n    return 1\n').body[0]
    assert isinstance(node, ast.FunctionDef)
    assert lines_of(node) == 2
