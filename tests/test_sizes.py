"""Small functions, small files, little JavaScript: the limits of the house, counted."""

from __future__ import annotations

import ast
import statistics
from functools import cache
from pathlib import Path

import pytest

from tests.source import parsed, statements

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


@cache
def definitions() -> dict[Path, list[ast.AST]]:
    """The module of each file, and all functions and classes in it."""
    kinds = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {path: [node for node in statements(parsed(path)) if isinstance(node, kinds)] for path in PYTHON}


def functions() -> dict[str, int]:
    """Lines of each function, docstring and decorators left out."""
    return {
        f"{relative(path)}:{node.lineno} {node.name}": lines_of(node)
        for path, found in definitions().items()
        for node in found
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


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
    sizes = functions()
    assert {name: size for name, size in sizes.items() if size > 60} == {}
    assert percentile(list(sizes.values()), 0.9) <= 30
    assert statistics.median(sizes.values()) <= 10


def test_files_are_short():
    sizes = {relative(path): len(path.read_text().splitlines()) for path in PYTHON}
    assert {name: size for name, size in sizes.items() if size > MOST_LINES} == {}
    assert statistics.median(size for size in sizes.values() if size) <= 120


def test_every_module_says_what_it_is_for():
    modules = [(path, found[0]) for path, found in definitions().items()]
    assert all(isinstance(module, ast.Module) for _, module in modules)
    written = [(path, module) for path, module in modules if isinstance(module, ast.Module) and module.body]
    assert [relative(path) for path, module in written if not ast.get_docstring(module)] == []


def test_names_say_what_a_thing_is():
    assert [relative(path) for path in PYTHON if path.stem in FORBIDDEN_FILES] == []
    classes = [
        f"{relative(path)}: {node.name}"
        for path, found in definitions().items()
        for node in found
        if isinstance(node, ast.ClassDef)
    ]
    assert [each for each in classes if each.endswith(FORBIDDEN_NAMES)] == []


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
